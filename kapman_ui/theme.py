"""Colours and marks of the trade's own terms, legible on both grounds. Streamlit's own theme is in config.toml."""

SIGNALS = {
    "EXIT_CRITICAL": ("🔴", "EXIT", "red"),
    "EXIT_WARNING": ("🟡", "CAUTION", "orange"),
    "ENTRY_SIGNAL": ("🟢", "ENTRY", "green"),
    "ENTRY_SETUP": ("🟢", "SETUP", "green"),
    "NEUTRAL": ("⚪", "NEUTRAL", "gray"),
}
"""Mark, word and Streamlit colour of each signal of `v_wyckoff_events`."""

RISING, FALLING, QUIET, ACCENT, WARNING = "#1a9e6b", "#d64550", "#7d8794", "#3f7fd9", "#c98a1b"
"""For marks in charts: of sufficient contrast (3 : 1) on both grounds."""


def signal_badge(signal_type: str | None) -> str:
    """A signal as a coloured badge in Streamlit's Markdown; an unknown one says so."""
    if signal_type is None:
        return ":gray-badge[? unknown]"
    mark, word, colour = SIGNALS[signal_type]
    return f":{colour}-badge[{mark} {word}]"

"""Why an indicator is unknown, and how many bars each needs.

Codes that mean the same as in `kapman_assets.options.reasons` have the same name there.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from kapman_assets.technicals.bars import Floats


class Reason(StrEnum):
    """Reason codes of the technicals: the name is the code, the value says it to a reader."""

    SHORT_HISTORY = "fewer bars than the indicator needs"
    INCOMPLETE_BAR = "the session's bar lacks a positive price or a known volume"
    FLAT_HISTORY = "prices of the window stand still, and the formula divides by their movement"
    NO_VOLUME = "a bar of the window has no volume, and the formula divides by it"
    OTHER_TREND = "the parabolic stop is on the other side of the price"
    NO_VWAP = "the source of the bar has no vwap"


class Missing(NamedTuple):
    """Why a value is unknown; `bars_needed` and `bars` say how far a short history is."""

    reason: Reason
    bars_needed: int | None = None
    bars: int | None = None


_NAMES_BY_BARS: dict[int, tuple[str, ...]] = {
    1: (
        "acc_dist_index", "negative_volume_index", "on_balance_volume", "cumulative_return", "obv", "vwap", "close",
        "volume",
    ),
    2: (
        "psar", "psar_up", "psar_down", "ease_of_movement", "volume_price_trend", "daily_return", "daily_log_return",
        "return_1",
    ),
    3: ("psar_up_indicator", "psar_down_indicator"),
    6: ("return_5",),
    9: ("wma", "ichimoku_conversion_line"),
    10: ("obv_slope_10",),
    11: ("kama",),
    12: ("ema_12",),
    13: ("roc",),
    14: (
        "stoch", "stoch_k", "williams_r", "ema_indicator", "sma_indicator", "force_index",
        "volume_weighted_average_price",
    ),
    15: (
        "rsi", "rsi_14", "average_true_range", "atr_14", "adx_pos", "adx_neg", "vortex_indicator_pos",
        "vortex_indicator_neg", "vortex_indicator_diff", "sma_ease_of_movement", "money_flow_index", "mfi_14",
    ),
    16: ("stoch_signal", "stoch_d"),
    20: (
        "bollinger_hband", "bollinger_lband", "bollinger_mavg", "bollinger_pband", "bollinger_wband",
        "bollinger_hband_indicator", "bollinger_lband_indicator", "donchian_channel_hband", "donchian_channel_lband",
        "donchian_channel_mband", "donchian_channel_pband", "donchian_channel_wband", "keltner_channel_hband",
        "keltner_channel_lband", "keltner_channel_mband", "keltner_channel_pband", "keltner_channel_wband",
        "keltner_channel_hband_indicator", "keltner_channel_lband_indicator", "cci", "dpo", "chaikin_money_flow",
        "sma_20", "price_vs_sma20", "bbands_upper", "bbands_middle", "bbands_lower", "bbands_width",
        "dollar_volume_20",
    ),
    21: ("return_20", "rvol_20", "vsi_20", "hv_20"),
    26: (
        "aroon_up", "aroon_down", "aroon_indicator", "ichimoku_base_line", "ichimoku_a", "macd", "macd_line",
        "ema_26", "ppo", "pvo",
    ),
    27: ("ulcer_index",),
    28: ("stochrsi", "adx", "adx_14"),
    29: ("ultimate_oscillator",),
    30: ("stochrsi_k",),
    32: ("stochrsi_d",),
    34: (
        "awesome_oscillator", "macd_signal", "macd_diff", "macd_histogram", "ppo_signal", "ppo_hist", "pvo_signal",
        "pvo_hist",
    ),
    38: ("tsi",),
    41: ("mass_index",),
    44: ("trix",),
    45: ("kst",),
    50: ("sma_50", "price_vs_sma50"),
    52: ("ichimoku_b",),
    53: ("kst_sig", "kst_diff"),
    61: ("return_60", "hv_60"),
    72: ("stc",),
    200: ("sma_200", "price_vs_sma200"),
    252: ("high_52w_distance", "low_52w_distance"),
}  # fmt: skip

BARS_NEEDED = {name: bars for bars, names in _NAMES_BY_BARS.items() for name in names}
"""Bars up to and with its own that a value needs at least, for each output, column and column of the screener."""

_OF_VOLUME = {
    "pvo", "pvo_signal", "pvo_hist", "chaikin_money_flow", "ease_of_movement", "sma_ease_of_movement",
    "money_flow_index", "mfi_14", "volume_weighted_average_price",
}  # fmt: skip


def null_reasons(unknown: Sequence[str], volumes: Floats) -> dict[str, Missing]:
    """Why outputs of a bar are NaN.

    Args:
        unknown: their names, of `INDICATORS` or `COLUMNS`.
        volumes: of the complete bars that they were calculated on, the last one being their own.
    """
    return {name: _missing(name, unknown, volumes) for name in unknown}


def _missing(name: str, unknown: Sequence[str], volumes: Floats) -> Missing:
    needed = BARS_NEEDED[name]
    if name == "vwap":
        return Missing(Reason.NO_VWAP)
    if len(volumes) < needed:
        return Missing(Reason.SHORT_HISTORY, needed, len(volumes))
    if name in _OF_VOLUME and (volumes[-needed:] == 0).any():
        return Missing(Reason.NO_VOLUME)
    if name in {"psar_up", "psar_down"} and "psar" not in unknown:
        return Missing(Reason.OTHER_TREND)
    return Missing(Reason.FLAT_HISTORY)

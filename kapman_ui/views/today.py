"""What must be done now: exits above everything, then entries, what is open, and what changed since yesterday."""

import math
from datetime import date
from urllib.parse import quote

import numpy as np
import pandas as pd
import streamlit as st

from kapman_ui import advice
from kapman_ui.advice import is_known, rows_of
from kapman_ui.database import fetch, writing
from kapman_ui.layout import day, escaped, page_head, share
from kapman_ui.queries import today, users
from kapman_ui.queries.common import Freshness
from kapman_ui.theme import SIGNALS
from kapman_ui.user import user_id

_CARDS = 6
"""Open recommendations that are shown whole; the others stand in a table."""

_TONE_HZ, _TONE_SECONDS, _RATE = 880, 0.6, 22_050


def _banner(session: date, signals: pd.DataFrame, alerts: pd.DataFrame, ideas: pd.DataFrame) -> list[str]:
    """What must be left at once; returns the lines that are shown."""
    lines: dict[str, str] = {}
    for row in rows_of(signals[signals["signal_type"] == "EXIT_CRITICAL"]):
        score = f"{row['bc_score']:.0f} of 28" if is_known(row["bc_score"]) else "unknown"
        name = escaped(row["symbol"])
        lines[row["symbol"]] = f"**{name}**: exit immediately. Buying-climax score {score}, at or above 24."
    for row in rows_of(ideas[ideas["action"] == "EXIT"]):
        said = "" if row["date"] == session else f" (said on {day(row['date'])}, still open)"
        why = escaped(row["justification"])
        lines.setdefault(row["symbol"], f"**{escaped(row['symbol'])}**: close every position{said}. {why}")
    for row in rows_of(alerts):
        lines.setdefault(row["symbol"] or row["title"], f"**{escaped(row['title'])}**. {escaped(row['message'])}")
    if lines:
        told = "\n\n".join(lines.values())
        st.error(f"### 🔴 CRITICAL · {len(lines)} to act on now\n\n{told}")
        with st.container(horizontal=True):
            for symbol in [name for name in lines if name in set(signals["symbol"]) | set(ideas["symbol"])]:
                st.page_link(
                    "views/wyckoff.py",
                    label=f"Look at {escaped(symbol)}",
                    icon=":material/candlestick_chart:",
                    query_params={"symbol": symbol},
                )
    return list(lines.values())


def _sound(lines: list[str], chosen: users.Settings) -> None:
    """Ring once for what is new in the banner, if the trader wants it."""
    heard = st.session_state.setdefault("heard", set())
    new = set(lines) - heard
    heard |= new
    if new and chosen.alert_sound:
        t = np.arange(int(_TONE_SECONDS * _RATE)) / _RATE
        tone = np.sin(2 * math.pi * _TONE_HZ * t) * np.exp(-4 * t / _TONE_SECONDS)
        st.audio(tone, sample_rate=_RATE, autoplay=True, width=240, alt="Sound of a critical alert")


def _summary(signals: pd.DataFrame, ideas: pd.DataFrame, exits: int, session: date) -> None:
    """The answer in a sentence."""
    close = int((ideas["review_verdict"] == "CLOSE").sum())
    tighten = int((ideas["review_verdict"] == "TIGHTEN").sum())
    new = int(((ideas["date"] == session) & ideas["action"].isin(["OPEN", "FORECAST"])).sum())
    entries = int((signals["signal_type"] == "ENTRY_SIGNAL").sum())
    todo = [
        f"**{count}** {word}"
        for count, word in (
            (exits, "to exit now"),
            (close, "to close"),
            (tighten, "to tighten"),
            (new, "new since the last session"),
            (entries, "names with an entry signal"),
        )
        if count
    ]
    if todo:
        st.markdown("To do: " + ", ".join(todo) + f". {len(ideas)} recommendations are open.")
        return
    names, unread = fetch(today.names_read, session)
    unknown = f" Of {unread} of them nothing is known: they have no Wyckoff reading." if unread else ""
    st.success(
        f"**There is nothing to do.** Checked at the close of {day(session)}: {names} names for exits, entries and "
        f"warnings, and {len(ideas)} open recommendations.{unknown}",
        icon=":material/check_circle:",
    )


def _entries(signals: pd.DataFrame, ideas: pd.DataFrame) -> None:
    """Names whose badge asks for an entry or for caution."""
    asked = signals[signals["signal_type"] != "EXIT_CRITICAL"]
    if asked.empty:
        return
    st.subheader("Signals")
    order = {name: place for place, name in enumerate(("ENTRY_SIGNAL", "ENTRY_SETUP", "EXIT_WARNING"))}
    asked = asked.sort_values("signal_type", key=lambda kinds: kinds.map(order), kind="stable")
    advised = set(ideas["symbol"])
    st.dataframe(
        pd.DataFrame(
            {
                "Signal": [" ".join(SIGNALS[kind][:2]) for kind in asked["signal_type"]],
                "Symbol": asked["symbol"],
                "Event": asked["primary_event"],
                "Phase": asked["wyckoff_phase"],
                "BC": asked["bc_score"],
                "Spring": asked["spring_score"],
                "Recommendation": ["open" if symbol in advised else "–" for symbol in asked["symbol"]],
                "Data": asked["data_quality"],
                "Chart": [f"/wyckoff?symbol={quote(symbol)}" for symbol in asked["symbol"]],
            }
        ),
        hide_index=True,
        height="content" if len(asked) <= 10 else 390,  # noqa: PLR2004 rows
        placeholder="–",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True),
            "BC": st.column_config.NumberColumn(
                help="buying climax, 0 to 28; an entry needs less than 12", format="%d"
            ),
            "Spring": st.column_config.NumberColumn(help="0 to 12; 9 confirms a spring", format="%d"),
            "Recommendation": st.column_config.TextColumn(help="P1 names with a new signal get one"),
            "Chart": st.column_config.LinkColumn(display_text="open"),
        },
    )


def _ideas(ideas: pd.DataFrame, chosen: users.Settings, session: date) -> None:
    st.subheader("Open recommendations")
    held = ideas[ideas["action"] != "EXIT"]
    if held.empty:
        st.caption("None is open. P1 names with a new signal get one: see Portfolios.")
        return
    st.caption(
        "To close first, then to tighten, then by confidence. Confidence is of the direction, not of the profit."
    )
    rows = rows_of(held)
    for row in rows[:_CARDS]:
        advice.card(row, chosen, newest=session)
    if len(rows) > _CARDS:
        st.markdown(f"**The other {len(rows) - _CARDS}**")
        rest = rows[_CARDS:]
        st.dataframe(
            pd.DataFrame(
                {
                    "Symbol": [row["symbol"] for row in rest],
                    "Review": [row["review_verdict"] for row in rest],
                    "What": [advice.what(row) for row in rest],
                    "Direction": [row["direction"] for row in rest],
                    "Confidence": [100 * advice.best_confidence(row)[0] for row in rest],
                    "Said": [row["date"] for row in rest],
                    "Contracts": [advice.legs_words(row).replace("\n", "; ") for row in rest],
                    "Entry": [row["entry_price"] for row in rest],
                    "Stop": [row["stop_loss"] for row in rest],
                    "Target": [row["profit_target"] for row in rest],
                    "All": [advice.link(row) for row in rest],
                }
            ),
            hide_index=True,
            placeholder="–",
            column_config={
                "Symbol": st.column_config.TextColumn(pinned=True),
                "Confidence": st.column_config.NumberColumn(format="%.1f %%"),
                **{name: st.column_config.NumberColumn(format="$%.2f") for name in ("Entry", "Stop", "Target")},
                "All": st.column_config.LinkColumn(display_text="open"),
            },
        )


def _changes(session: date, ideas: pd.DataFrame) -> None:
    before = fetch(today.session_before, session)
    if before is None:
        return
    st.subheader(f"Since {day(before)}")
    new = ideas[ideas["date"] == session]
    ended = fetch(today.closed, session)
    moved = fetch(today.changes, session, before)
    st.markdown(
        f"{len(new)} recommendations are new, {len(ended)} ended, {len(moved)} names changed their signal or phase."
    )
    if not ended.empty:
        st.dataframe(
            pd.DataFrame(
                {
                    "Ended": ended["symbol"],
                    "How": ended["outcome_status"].map(advice.ENDS),
                    "By": ended["exit_reason"],
                    "What": [advice.what(row) for row in rows_of(ended)],
                    "Direction": ended["direction"],
                    "Underlying": 100 * ended["underlying_return"].astype("float64"),
                    "Options, a unit": ended["option_pnl"].astype("float64"),
                    "All": [advice.link(row) for row in rows_of(ended)],
                }
            ),
            hide_index=True,
            placeholder="–",
            column_config={
                "Underlying": st.column_config.NumberColumn(format="%+.1f %%", help="from the entry to the end"),
                "Options, a unit": st.column_config.NumberColumn(format="dollar", help="from the price at issue"),
                "All": st.column_config.LinkColumn(display_text="open"),
            },
        )
    if not moved.empty:
        words = {kind: f"{mark} {word}" for kind, (mark, word, _) in SIGNALS.items()}
        st.dataframe(
            pd.DataFrame(
                {
                    "Changed": moved["symbol"],
                    "Signal before": moved["signal_before"].map(lambda kind: words.get(kind, kind)),
                    "Signal now": moved["signal_now"].map(lambda kind: words.get(kind, kind)),
                    "Phase before": moved["phase_before"],
                    "Phase now": moved["phase_now"],
                }
            ),
            hide_index=True,
            placeholder="–",
            height="content" if len(moved) <= 10 else 390,  # noqa: PLR2004 rows
        )


def _settings(chosen: users.Settings) -> None:
    """The trader's own numbers, which sizes are taken from."""
    told = "not set" if chosen.equity is None else f"${chosen.equity:,.0f}"
    label = f"Your account: {told}, risk {share(chosen.risk_fraction, 1)} a trade"
    with st.popover(label.replace("$", r"\$"), icon=":material/tune:"), st.form("settings", border=False):
        equity = st.number_input("Equity, USD", 0.0, value=chosen.equity, step=1_000.0, placeholder="not said")
        percent = st.number_input("Risk a trade, % of equity", 0.1, 10.0, 100 * chosen.risk_fraction, 0.1)
        sound = st.toggle("Sound for a CRITICAL alert", value=chosen.alert_sound)
        if st.form_submit_button("Save", type="primary"):
            saved = users.Settings(equity or None, percent / 100, chosen.stop_atr, sound)
            with writing() as connection:
                users.save_settings(connection, user_id(), saved)
            st.rerun()


def _freshness(fresh: Freshness) -> None:
    chains = "no option chains are stored" if fresh.chains is None else f"chains of {day(fresh.chains)}"
    st.caption(f"Numbers of the close of {day(fresh.snapshots)}: bars of {day(fresh.bars)}, {chains}.")
    if fresh.chains is not None and fresh.snapshots is not None and fresh.chains < fresh.snapshots:
        st.warning("The option chains are older than the snapshots: contracts and prices may be gone.")


def _page() -> None:
    # Above the title, so that it is the first thing to be seen, read and reached.
    top = st.container()
    fresh = page_head("Today", "What must I do now?")
    session = fresh.snapshots
    if session is None:
        return
    chosen = fetch(users.settings, user_id())
    signals = fetch(today.signals, session)
    ideas = fetch(today.open_recommendations, session)
    with top:
        lines = _banner(session, signals, fetch(today.critical_alerts, session, user_id()), ideas)
        _sound(lines, chosen)
    _summary(signals, ideas[ideas["action"] != "EXIT"], len(lines), session)
    _freshness(fresh)
    _settings(chosen)
    _ideas(ideas, chosen, session)
    _entries(signals, ideas)
    _changes(session, ideas)


_page()

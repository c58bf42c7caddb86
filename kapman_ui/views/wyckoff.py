"""Where each name is in its cycle: the table of all, and one name's chart, timeline, checklist and scores."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from kapman_ui.candles import Level, Mark, candles
from kapman_ui.database import fetch
from kapman_ui.layout import empty, escaped, name_heading, page_head, select_row, share, symbol_choice
from kapman_ui.queries import wyckoff
from kapman_ui.theme import ACCENT, FALLING, QUIET, RISING, SIGNALS, WARNING, signal_badge

_MAIN_EVENTS = ("SC", "AR", "ST", "SPRING", "TEST", "SOS", "BC", "SOW")
_BULLISH = {"PS", "SC", "ST", "SPRING", "TEST", "SOS", "LPS", "BU"}
_OUTCOMES = {"pass": "✅", "fail": "❌", "unknown": "❔"}


def _overview(names: pd.DataFrame) -> None:
    left, middle, right = st.columns([2, 2, 1])
    signals = left.multiselect(
        "Signal", list(SIGNALS), format_func=lambda signal: SIGNALS[signal][1], key="signal", bind="query-params"
    )
    sectors = middle.multiselect("Sector", sorted(names["sector"].dropna().unique()), key="sector", bind="query-params")
    only_events = right.toggle("With an event", value=False, key="events", bind="query-params")
    shown = names[
        (names["signal_type"].isin(signals) | (not signals))
        & (names["sector"].isin(sectors) | (not sectors))
        & (names["primary_event"].notna() | (not only_events))
    ]
    marks = {signal: f"{mark} {word}" for signal, (mark, word, _) in SIGNALS.items()}
    table = pd.DataFrame(
        {
            "Symbol": shown["symbol"],
            "Signal": shown["signal_type"].map(marks).fillna("❔ unknown"),
            "Phase": shown["wyckoff_phase"],
            "Primary event": shown["primary_event"],
            "Confidence": 100 * shown["primary_event_confidence"],
            "Days since": shown["days_since_event"],
            "BC": shown["bc_score"],
            "Spring": shown["spring_score"],
            "Events": shown["events_detected"],
            "Sector": shown["sector"],
        }
    )
    st.caption(
        f"{len(table)} of {len(names)} names; select a row to look at it below. Phase: A accumulation, B markup, "
        "C range, D distribution, E markdown; the phase of one name below is its place inside a structure, A to E."
    )
    symbols = shown["symbol"].tolist()
    # Other rows are another table: a selection is kept by its place.
    key = f"wyckoff-rows-{hash(tuple(symbols))}"
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        height=320,
        key=key,
        on_select=select_row(key, symbols),
        selection_mode="single-row",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True),
            "Confidence": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "Days since": st.column_config.NumberColumn(help="calendar days since the event was confirmed"),
            "BC": st.column_config.NumberColumn(help="buying climax, 0 to 28; 20 caution, 24 exit"),
            "Spring": st.column_config.NumberColumn(help="spring, 0 to 12; 9 is a setup"),
            "Events": st.column_config.ListColumn(),
        },
    )


def _chart(symbol: str, reading: Mapping[str, Any]) -> None:
    bars = fetch(wyckoff.bars, symbol, reading["date"])
    events = fetch(wyckoff.events, symbol, reading["date"])
    if bars.empty:
        empty(f"{escaped(symbol)} has no bars.", "Run `kapman materialize --select ohlcv` for its sessions.")
        return
    seen = set(bars["date"])
    marks = []
    for event, fell_on, confirmed in events[["event", "event_date", "confirmed_date"]].values.tolist():
        if fell_on in seen:
            marks.append(_event_mark(event, fell_on.isoformat()))
        if confirmed in seen and confirmed != fell_on:
            marks.append(Mark(confirmed.isoformat(), "inBar", "circle", QUIET, ""))
    levels = [
        Level(reading[name], colour, title)
        for name, colour, title in (("support", ACCENT, "support"), ("resistance", WARNING, "resistance"))
        if reading[name] is not None
    ]
    candles(bars, marks=sorted(marks, key=lambda mark: mark.time), levels=levels, name=f"{symbol}-wyckoff")
    st.caption("Arrows: the bar of an event. Grey dots: the bar that confirmed it; nothing was known before.")


def _event_mark(event: str, session: str) -> Mark:
    if event in _BULLISH:
        return Mark(session, "belowBar", "arrowUp", RISING, event)
    return Mark(session, "aboveBar", "arrowDown", FALLING, event)


def _timeline(reading: Mapping[str, Any]) -> None:
    told: dict[str, Any] = {event["type"]: event for event in reading["events_json"]["events"]}
    expected = set(reading["events_json"]["expected_next"])
    for column, name in zip(st.columns(len(_MAIN_EVENTS)), _MAIN_EVENTS, strict=True):
        event = told.get(name)
        if event is not None:
            mark = "✅" if event["is_active"] else "❌"
            text = f"{event['event_date']}  \n{share(event['confidence'])}"
        else:
            mark, text = ("🔄", "expected") if name in expected else ("⬜", "–")
        column.markdown(f"**{name}**  \n{mark}  \n{text}")
    st.caption("✅ detected · 🔄 expected next · ⬜ not there · ❌ failed")


def _checklist(reading: Mapping[str, Any]) -> None:
    for column, side in zip(st.columns(2), ("buying", "selling"), strict=True):
        tests = reading["checklist_json"][side]
        passed = sum(test["outcome"] == "pass" for test in tests)
        known = sum(test["outcome"] != "unknown" for test in tests)
        column.markdown(f"**Nine {side} tests**: {passed} of {known} known")
        column.dataframe(
            pd.DataFrame(
                {
                    "": [_OUTCOMES[test["outcome"]] for test in tests],
                    "Test": [test["name"].replace("_", " ") for test in tests],
                    "Value": [test["value"] for test in tests],
                    "Unknown because": [test["reason"] for test in tests],
                }
            ),
            hide_index=True,
            placeholder="–",
        )


def _scores(reading: Mapping[str, Any]) -> None:
    for column, title, parts, score in zip(
        st.columns(2),
        ("Buying climax, 0 to 28", "Spring, 0 to 12"),
        (reading["bc_parts"], reading["spring_parts"]),
        (reading["bc_score"], reading["spring_score"]),
        strict=True,
    ):
        column.metric(title, "unknown" if score is None else score)
        points = {name.replace("_", " "): value for name, value in parts.items() if isinstance(value, int | None)}
        column.dataframe(
            pd.DataFrame({"Part": points.keys(), "Points": points.values()}), hide_index=True, placeholder="–"
        )


def _one_name(symbol: str, names: pd.DataFrame) -> None:
    row = names[names["symbol"] == symbol].iloc[0]
    reading = fetch(wyckoff.reading, symbol, row["date"])
    name_heading(symbol, row["name"])
    if reading is None:
        empty(f"{escaped(symbol)} has no Wyckoff reading of {row['date']}:", "it has no bar in that session.")
        return
    confidence = reading["phase_confidence"]
    certain = "" if confidence is None else f" ({share(confidence)})"
    st.markdown(
        f"{signal_badge(row['signal_type'])} Regime **{reading['regime']}**, phase **{reading['phase']}**{certain}. "
        f"{reading['events_json']['signal_message']}"
    )
    _chart(symbol, reading)
    _timeline(reading)
    checks, scores = st.tabs(["Checklist", "Scores"])
    with checks:
        _checklist(reading)
    with scores:
        _scores(reading)


page_head("Wyckoff", "Where is each name in its cycle?")
# What asks for something first, so that the page opens on it.
urgency = {signal: place for place, signal in enumerate(SIGNALS)}
found = fetch(wyckoff.latest).sort_values(
    ["signal_type", "symbol"], key=lambda column: column.map(urgency) if column.name == "signal_type" else column
)
_overview(found)
_one_name(symbol_choice(found["symbol"].tolist()), found)

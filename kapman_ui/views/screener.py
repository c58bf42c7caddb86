"""Which of all names fit: conditions on every technical column, how many meet them, and the names to follow."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from kapman_assets.rules.errors import RuleError
from kapman_ui.database import fetch, writing
from kapman_ui.layout import day, empty, page_head, rule_problem, say, show_said
from kapman_ui.queries import portfolios, screener

_SHOWN = 300
"""Rows that the page shows; counts and the file are of all."""

_PRESETS = {
    "oversold": ("Oversold", "rsi_14 < 30"),
    "overbought": ("Overbought", "rsi_14 > 70"),
    "uptrend": ("Uptrend", "close > sma_50 and sma_50 > sma_200"),
    "downtrend": ("Downtrend", "close < sma_50 and sma_50 < sma_200"),
    "trending": ("Strong trend", "adx_14 > 25"),
    "macd": ("MACD above signal", "macd_line > macd_signal"),
    "high": ("Near 52-week high", "high_52w_distance > -0.03"),
    "low": ("Near 52-week low", "low_52w_distance < 0.05"),
    "surge": ("Volume surge", "rvol_20 > 2 and vsi_20 > 2"),
    "accumulation": ("Accumulation", "obv_slope_10 > 0 and mfi_14 > 50"),
    "squeeze": ("Squeeze", "bbands_width < 5"),
    "liquid": ("Liquid", "dollar_volume_20 > 10000000 and close > 5"),
}
"""Chips by their word in the address: title and condition."""

_ALWAYS = ("close", "return_1", "return_20", "rsi_14", "rvol_20", "high_52w_distance", "hv_20", "dollar_volume_20")
"""Columns of the short table, besides those that a condition or the order names."""
_DECIMALS = (
    "return_1",
    "return_5",
    "return_20",
    "return_60",
    "high_52w_distance",
    "low_52w_distance",
    "hv_20",
    "hv_60",
)
"""Decimals, which the table shows in per cent."""
_LARGE = ("volume", "dollar_volume_20")
_MEANINGS = {name.name: name.unit for name in screener.CATALOGUE}
_PRIORITIES = {"P1": "P1, candidates", "P2": "P2, followed"}


def _conditions() -> tuple[str, ...]:
    """What the chips and the free form ask; the address keeps both."""
    asked = [name for name in st.query_params.get("presets", "").split(",") if name in _PRESETS]
    chips = st.pills(
        "Conditions",
        list(_PRESETS),
        format_func=lambda name: _PRESETS[name][0],
        selection_mode="multi",
        default=asked,
        key="presets-chosen",
    )
    rule = st.text_input(
        "And", key="rule", bind="query-params", placeholder="rsi_14 < 35 and close > sma_200 and not (hv_20 > 0.6)",
        help="columns below, numbers, < <= > >= == !=, and, or, not, brackets",
    )  # fmt: skip
    if chips:
        st.query_params["presets"] = ",".join(chips)
    else:
        st.query_params.pop("presets", None)
    return (*(_PRESETS[name][1] for name in chips), *([rule.strip()] if rule and rule.strip() else []))


def _count(session: date, conditions: tuple[str, ...]) -> screener.Counts | None:
    """What the conditions match, told; None if they cannot be read."""
    try:
        found = fetch(screener.counts, session, conditions)
    except RuleError as error:
        rule_problem(error)
        return None
    st.markdown(f"**{found.every:,}** of {found.total:,} names fit in the session of {day(session)}.")
    if conditions:
        told = [f"`{text}`: {count:,}" for text, count in zip(conditions, found.each, strict=True)]
        unknown = [f"unknown for want of a column: {found.unknown:,}"] if found.unknown else []
        # No caption: code in it is too pale to be read.
        st.markdown(" · ".join([*told, *unknown]))
    return found


def _order() -> tuple[str, bool, bool]:
    """The column to order by, whether the highest come first, and whether all columns are shown."""
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    order = left.selectbox(
        "Order by",
        list(screener.COLUMNS),
        index=screener.COLUMNS.index("dollar_volume_20"),
        key="order",
        bind="query-params",
        format_func=_title,
    )
    way = middle.segmented_control(
        "Direction", ["highest", "lowest"], default="highest", required=True, key="way", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return str(order), way == "highest", right.toggle("All columns", key="all-columns")


def _title(column: str) -> str:
    return column.replace("_", " ")


def _shown_columns(conditions: tuple[str, ...], order: str) -> list[str]:
    named = [name.column for text in conditions for name in screener.parsed(text).names]
    return list(dict.fromkeys([order, *named, *_ALWAYS]))


def _result(session: date, conditions: tuple[str, ...], found: screener.Counts) -> None:
    order, descending, every_column = _order()
    rows = fetch(screener.matches, session, conditions, order=order, descending=descending, limit=_SHOWN)
    columns = list(screener.COLUMNS) if every_column else _shown_columns(conditions, order)
    table = rows[["symbol", *columns, "name", "sector", "type"]].copy()
    percent = [name for name in columns if name in _DECIMALS]
    table[percent] *= 100
    event = st.dataframe(
        table.rename(columns={"symbol": "Symbol", "name": "Name", "sector": "Sector", "type": "Type"}),
        hide_index=True,
        height=420,
        # Other rows are not the ones that were selected.
        key=f"matches-{session}-{conditions}-{order}-{descending}",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True),
            "Name": st.column_config.TextColumn(width="small"),
            **{name: _number(name) for name in columns},
        },
    )
    if found.every > len(rows):
        st.caption(f"The first {len(rows)} of {found.every:,} by {_title(order)}; the file holds all.")
    chosen = [str(rows["symbol"].iat[place]) for place in event["selection"]["rows"]]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        _add(chosen)
    right.download_button(
        "CSV",
        lambda: _file(session, conditions, order, descending=descending),
        file_name=f"screen-{session}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def _number(column: str) -> Any:
    form = "%.1f %%" if column in _DECIMALS else "compact" if column in _LARGE else "%.2f"
    return st.column_config.NumberColumn(_title(column), help=_MEANINGS[column], format=form)


def _file(session: date, conditions: tuple[str, ...], order: str, *, descending: bool) -> str:
    rows = fetch(screener.matches, session, conditions, order=order, descending=descending, limit=None)
    return rows.assign(date=session).to_csv(index=False)


def _add(chosen: list[str]) -> None:
    """Put the selected names into a portfolio."""
    found = fetch(portfolios.overview)
    if found.empty:
        st.caption("Create a portfolio on the Portfolios page to put names into it.")
        return
    names = dict(zip(found["portfolio_id"], found["name"], strict=True))
    where, what, go = st.columns([3, 2, 2], vertical_alignment="bottom")
    portfolio = where.selectbox("Portfolio", list(names), format_func=names.__getitem__)
    priority = what.selectbox("Priority", list(_PRIORITIES), index=1, format_func=_PRIORITIES.__getitem__)
    title = f"Add {len(chosen)} selected"
    if not go.button(title, key="add", disabled=not chosen, width="stretch"):
        return
    with writing() as connection:
        new = portfolios.add(connection, int(portfolio), chosen, priority)
    already = f", {len(chosen) - new} were in it" if new < len(chosen) else ""
    say(f"{new} names added to {names[portfolio]}{already}.")


def _columns() -> None:
    with st.expander("Columns"):
        st.dataframe(pd.DataFrame({"Column": _MEANINGS.keys(), "Meaning": _MEANINGS.values()}), hide_index=True)


def _page() -> None:
    fresh = page_head("Screener", "Which of all names fit?")
    show_said()
    session = fetch(screener.newest)
    if session is None:
        empty("No technical columns are stored yet.", "Run `kapman materialize --select universe_technicals`.")
        return
    if fresh.bars is not None and session < fresh.bars:
        st.warning(f"The newest technical columns are of {session}.", icon=":material/schedule:")
    conditions = _conditions()
    found = _count(session, conditions)
    if found is not None and found.every:
        _result(session, conditions, found)
    elif found is not None:
        empty("No name meets all conditions.", "Take one away.")
    _columns()


_page()

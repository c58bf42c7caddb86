"""What pages share: their head with its question and the freshness of the numbers, empty states, written numbers."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import streamlit as st

from kapman_assets.rules.errors import RuleError
from kapman_ui.database import fetch
from kapman_ui.queries import common

IS_NEWS = "is-news"
"""Key of the session: whether the page is drawn because a table has changed, and not because of the user."""

_FIGURE_WIDTH = 165
"""Pixels."""


def page_head(title: str, question: str) -> common.Freshness:
    """The page's title and the question that it answers; a missing session is said at once.

    Returns:
        How fresh the numbers are.
    """
    st.title(title)
    st.caption(question)
    fresh = fetch(common.freshness)
    if fresh.snapshots is None:
        st.info(
            "There is no snapshot yet. Run `kapman up`, or `kapman materialize` for the sessions that you want.",
            icon=":material/inventory_2:",
        )
        st.stop()
    due = fresh.sessions_behind(datetime.now(UTC))
    # A place of its own also where nothing is to be said: what stands below keeps its place when there is news, and
    # with it what the user has begun to type.
    behind = st.container()
    if due is not None:
        behind.warning(
            f"These are the numbers of **{fresh.snapshots:%A, %d %B %Y}**. {_missing(due, fresh.kind)}",
            icon=":material/schedule:",
        )
    return fresh


def _missing(due: date, kind: str | None) -> str:
    """That a session is not there, and what brings it; a recorded market need not have it at all."""
    if kind == "recorded":
        return (
            f"The last session to close was that of {due:%d %B %Y}. A recorded market ends where its files end: "
            "`kapman up` brings what they still hold."
        )
    return (
        f"The session of {due:%d %B %Y} is not there yet: look at the Data page, or run "
        f"`kapman materialize --session {due}`."
    )


def market_banner(kind: str | None) -> None:
    """For as long as the market is not live, every page says so."""
    if kind == "simulated":
        st.warning("**Simulated market.** Names are real, every price is invented.", icon=":material/science:")
    elif kind == "recorded":
        st.warning("**Recorded market.** The prices are of the past.", icon=":material/history:")


def empty(what: str, how: str) -> None:
    """An empty state: what is missing, and what brings it."""
    st.info(f"{what} {how}", icon=":material/inbox:")


def say(text: str) -> None:
    """Draw the page anew, with what the user's click has done above all that it shows."""
    st.session_state["to-say"] = text
    st.rerun()


def show_said() -> None:
    """What was said, until the user does something else; news do not take it away."""
    kept = st.session_state
    if "to-say" in kept:
        kept["said-last"] = kept.pop("to-say")
    elif not kept.get(IS_NEWS):
        kept.pop("said-last", None)
    # A place of its own, as for a missing session above.
    place = st.container()
    if "said-last" in kept:
        place.success(escaped(kept["said-last"]))


def money(value: float | None, digits: int = 2) -> str:
    """USD, or a dash where it is unknown."""
    return "–" if value is None or value != value else f"${value:,.{digits}f}"  # noqa: PLR0124 NaN


def share(value: float | None, digits: int = 0) -> str:
    """A decimal as per cent, or a dash where it is unknown."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f} %"  # noqa: PLR0124 NaN


def day(value: date | None) -> str:
    """A day as a trader writes it, or a dash."""
    return "–" if value is None else f"{value:%d %b %Y}"


def symbol_choice(symbols: list[str], *, key: str = "symbol") -> str:
    """A box of names that the address bar follows: `?symbol=NVDA` opens the page on it."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in symbols:
        st.warning(f"There is no watched name {escaped(asked)}; showing {escaped(symbols[0])}.", icon=":material/help:")
    # Not by `index`, which a selected row (`select_row`) could not move.
    st.session_state.setdefault(f"choice-{key}", asked if asked in symbols else symbols[0])
    chosen: str = st.selectbox("Symbol", symbols, key=f"choice-{key}")
    if chosen != asked:
        st.query_params[key] = chosen
    return chosen


def escaped(text: object) -> str:
    """Text from outside as it is, in Markdown."""
    plain = re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", str(text))
    # Names of icons and emoji are looked for after Markdown has been read: a sign without width breaks them.
    return plain.replace(":", ":\u2060")


def big_money(value: float | None) -> str:
    """A large sum of USD in thousands, millions or billions, or a dash where it is unknown."""
    if value is None or value != value:  # noqa: PLR0124 NaN
        return "–"
    for size, unit in ((1e9, " B"), (1e6, " M"), (1e3, " K")):
        if abs(value) >= size:
            return f"{'-' if value < 0 else ''}${abs(value) / size:,.1f}{unit}"
    return f"{'-' if value < 0 else ''}${abs(value):,.0f}"


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A number with its unit, or a dash where it is unknown."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}{unit}"  # noqa: PLR0124 NaN


@dataclass(frozen=True)
class Figure:
    """A number to show: title, text, what it means, and why it is unknown if it is."""

    title: str
    text: str
    note: str
    reason: str | None = None


def figures(shown: Iterable[Figure]) -> None:
    """Numbers beside each other, as many in a row as there is room for: four on a desk, two on a phone."""
    row = st.container(horizontal=True)
    for figure in shown:
        with row.container(width=_FIGURE_WIDTH):
            st.metric(figure.title, figure.text, help=escaped(figure.note))
            if figure.reason is not None:
                st.caption(escaped(figure.reason))


def name_heading(symbol: str, name: str | None) -> None:
    """The heading of what is shown of one name, with what it is called where the reference has said so."""
    st.subheader(f"{escaped(symbol)} · {escaped(name)}" if name else escaped(symbol))


def select_row(table: str, symbols: list[str], *, key: str = "symbol") -> Callable[[], None]:
    """Tie a table of names to `symbol_choice`, before the table is drawn: the chosen name's row is selected.

    Args:
        table: key of the table.
        symbols: of its rows, in their order.
        key: of the choice.

    Returns:
        The table's `on_select`: a selected row becomes the choice.
    """
    chosen = st.session_state.get(f"choice-{key}", st.query_params.get(key))
    rows = [symbols.index(chosen)] if chosen in symbols else []
    # As whole as it comes from the browser, or any click would count as another selection.
    st.session_state[table] = {"selection": {"rows": rows, "columns": [], "cells": []}}

    def choose() -> None:
        rows = st.session_state[table]["selection"]["rows"]
        if rows:
            st.session_state[f"choice-{key}"] = symbols[rows[0]]

    return choose


def rule_problem(error: RuleError) -> None:
    """Say what is wrong with a rule, and show the character."""
    st.error(escaped(f"Character {error.position + 1}: {error.problem}."), icon=":material/edit_off:")
    st.code(str(error).partition("\n")[2], language=None)

"""How a recommendation is written for a trader: contracts in words, levels, chances, size.

Rows are those of `v_recommendations`. What is shown where is decided by the pages.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast
from urllib.parse import quote

import pandas as pd
import streamlit as st

from kapman_assets.decisions.economics import reward_to_risk
from kapman_assets.decisions.sizing import units_within
from kapman_ui.layout import day, escaped, money, number, share
from kapman_ui.queries.users import Settings
from kapman_ui.theme import signal_badge

VERDICTS = {"CLOSE": ("🔴", "red"), "TIGHTEN": ("🟡", "orange"), "HOLD": ("⚪", "gray")}
"""Mark and Streamlit colour of each verdict of a review."""

ENDS = {
    "WIN": "✅ right",
    "LOSS": "❌ wrong",
    "NEUTRAL": "⚪ inside the band",
    "VOID": "⬜ never entered",
    "OPEN": "🔵 open",
}
"""How a recommendation stands, in words."""

_DIRECTIONS = {"LONG": ("▲", "green"), "SHORT": ("▼", "red"), "NEUTRAL": ("◆", "gray")}
WORDS = {
    "LONG_CALL": "long call",
    "LONG_PUT": "long put",
    "CSP": "cash-secured put",
    "VERTICAL_SPREAD": "vertical spread",
    "FORECAST": "forecast without a trade",
    "EXIT": "close every position",
    "CAUTION": "open none, tighten stops",
}
"""What each strategy, and each action without contracts, is called."""

_BASES = {"quote_mid": "middle of the quote", "last": "last trade", "day_close": "close of the option's day"}
_METHODS = {"lognormal": "lognormal, implied volatility", "delta": "from delta"}
_FIGURE_WIDTH = 100
"""Pixels: ten beside each other on a desk, three on a phone."""


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as mappings by column."""
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def is_known(value: object) -> bool:
    """Whether a cell holds something."""
    return value is not None and value == value  # noqa: PLR0124 NaN


def signed_money(value: float | None) -> str:
    """A result in whole USD with its sign, or a dash where it is unknown."""
    return "–" if value is None or not is_known(value) else f"{'-' if value < 0 else '+'}${abs(value):,.0f}"


def leg_words(symbol: str, leg: Mapping[str, Any]) -> str:
    """A contract as a trader says it: `BUY 1 NVDA 18 Dec 2026 180 call @ 6.20`.

    Args:
        symbol: the underlying's.
        leg: an object of `legs` in `v_recommendations`.
    """
    expiry = date.fromisoformat(str(leg["expiration_date"]))
    return (
        f"{leg['side']} {leg['quantity']} {symbol} {expiry.day} {expiry:%b %Y} {leg['strike']:g} "
        f"{leg['contract_type']} @ {leg['price']:.2f}"
    )


def what(row: Mapping[str, Any]) -> str:
    """What is advised, in words: the strategy, or the action without contracts."""
    return WORDS[row["strategy"] if is_known(row["strategy"]) else row["action"]]


def address(row: Mapping[str, Any]) -> str:
    """The `id` of a recommendation in the address of its page."""
    return f"{row['symbol']}-{row['date']}"


def link(row: Mapping[str, Any]) -> str:
    """Address of a recommendation on its page, for a table's link column."""
    return f"/recommendations?id={quote(address(row))}"


def best_confidence(row: Mapping[str, Any]) -> tuple[float, str]:
    """The confidence to go by and its kind: calibrated where experience allows it, else raw."""
    calibrated = row["calibrated_confidence"]
    return (calibrated, "calibrated") if is_known(calibrated) else (row["confidence"], "raw")


def loss_of_unit(row: Mapping[str, Any]) -> tuple[float | None, str]:
    """What a unit loses if the idea is wrong, USD, and what a unit is: a set of contracts, or a share to its stop."""
    if row["legs"]:
        return (row["max_loss"] if is_known(row["max_loss"]) else None), "contracts"
    if is_known(row["stop_loss"]):
        return abs(row["entry_price"] - row["stop_loss"]), "shares"
    return None, "shares"


def size_words(row: Mapping[str, Any], chosen: Settings) -> tuple[str, str]:
    """The size for an account in words, and what it comes from or why there is none."""
    loss, kind = loss_of_unit(row)
    units = units_within(loss, chosen.equity, chosen.risk_fraction)
    if loss is None:
        return "–", "what it can lose is not known"
    if chosen.equity is None or units is None:
        return "–", "set your equity to see a size"
    budget = chosen.equity * chosen.risk_fraction
    unit = {"contracts": "units", "shares": "shares"}[kind]
    if not units:
        return f"0 {unit}", f"one can lose {money(loss, 0)}, more than the {money(budget, 0)} at risk"
    return f"{units:,} {unit}", f"{money(units * loss, 0)} of {money(budget, 0)} at risk"


def reward_words(row: Mapping[str, Any]) -> tuple[str, str]:
    """Reward to risk, and of what it is or why it is unknown: of a spread's payoff, else of the levels.

    A forecast without contracts has levels alone, and no reward is stored of what nobody was told to trade.
    """
    stored, levels = row["reward_to_risk"], (row["entry_price"], row["stop_loss"], row["profit_target"])
    if row["legs"]:
        of = "max gain over max loss" if row["strategy"] == "VERTICAL_SPREAD" else "of the levels"
        return number(stored, 2), _without(row, "reward_to_risk") or of
    ratio = reward_to_risk(*levels) if all(map(is_known, levels)) else None
    return number(ratio, 2), _without(row, "profit_target") if ratio is None else "of the levels"


def badges(row: Mapping[str, Any]) -> str:
    """Direction, signal and event as badges in Streamlit's Markdown."""
    mark, colour = _DIRECTIONS[row["direction"]]
    event = f" :gray-badge[{escaped(row['primary_event'])}]" if is_known(row["primary_event"]) else ""
    return f":{colour}-badge[{mark} {row['direction']}] {signal_badge(row['signal_type'])}{event}"


def verdict_words(row: Mapping[str, Any]) -> str:
    """What the newest review says, with its reasons, in Markdown; empty where there is none yet."""
    verdict = row["review_verdict"]
    if not is_known(verdict):
        return ""
    mark, colour = VERDICTS[verdict]
    told = " ".join(escaped(reason["text"]) for reason in row["review_reasons"])
    moved = row["review_signed_return"]
    since = f" {100 * moved:+.1f} % since the entry" if is_known(moved) else ""
    pnl = f", {escaped(signed_money(row['review_option_pnl']))} a unit" if is_known(row["review_option_pnl"]) else ""
    return f":{colour}-badge[{mark} {verdict}]{since}{pnl}. {told}".rstrip()


def legs_words(row: Mapping[str, Any]) -> str:
    """The contracts of a recommendation, one a line; empty without any."""
    return "\n".join(leg_words(row["symbol"], leg) for leg in row["legs"])


def levels(row: Mapping[str, Any], chosen: Settings) -> None:
    """Entry, stop, target and what a unit is worth, as many beside each other as there is room for."""
    first = min((date.fromisoformat(str(leg["expiration_date"])) for leg in row["legs"]), default=None)
    size, sized_by = size_words(row, chosen)
    method = row["pop_method"]
    stop = row["stop_loss"]
    moved = row["review_stop_loss"]
    stop_now = f"now {money(moved)}" if is_known(moved) and is_known(stop) and moved != stop else ""
    shown: list[tuple[str, str, str]] = [
        ("Entry", money(row["entry_price"]), "close of the session"),
    ]
    if is_known(stop) or row["legs"]:
        shown += [
            ("Stop", money(stop), stop_now or _without(row, "stop_loss")),
            ("Target", money(row["profit_target"]), _without(row, "profit_target")),
            ("Reward to risk", *reward_words(row)),
        ]
    if row["legs"]:
        net = row["net_price"]
        shown += [
            ("Pay" if net >= 0 else "Receive", money(abs(net)), f"a share; {_BASES[row['price_basis']]}"),
            ("Max loss", money(row["max_loss"], 0), "a unit"),
            ("Max gain", "no bound" if not is_known(row["max_gain"]) else money(row["max_gain"], 0), "a unit"),
            ("Break-even", _points(row["break_evens"]), "at expiry"),
            ("Expiry", "–" if first is None else f"{_dte(row, first)} days", day(first)),
            (
                "Profit chance",
                share(row["probability_of_profit"]),
                _METHODS[method] if is_known(method) else "no volatility is known",
            ),
        ]
    if row["action"] not in {"EXIT", "CAUTION"} and row["review_verdict"] != "CLOSE":
        shown.append(("Your size", size, sized_by))
    with st.container(horizontal=True, gap="small"):
        for title, value, note in shown:
            with st.container(width=_FIGURE_WIDTH, gap=None):
                st.caption(title)
                st.markdown(f"**{escaped(value)}**")
                if note:
                    st.caption(escaped(note))


def _dte(row: Mapping[str, Any], first: date) -> int:
    left = row["review_dte"]
    return int(left) if is_known(left) else (first - row["date"]).days


def _points(prices: Sequence[float]) -> str:
    return ", ".join(money(price) for price in prices) or "–"


_REASONS = {
    "NO_LEVELS": "it has no levels",
    "NO_TRADE_ADVISED": "no trade is advised",
    "NO_BOUND": "it has no bound",
    "NO_VOLATILITY": "no volatility is known",
}


def _without(row: Mapping[str, Any], column: str) -> str:
    """Why a number is unknown, or nothing where it is known."""
    if is_known(row[column]):
        return ""
    code = str((row["null_reasons"] or {}).get(column, "not stated"))
    return _REASONS.get(code, code.lower().replace("_", " "))


def card(row: Mapping[str, Any], chosen: Settings, *, newest: date) -> None:
    """A recommendation with all that a trader needs to act on it.

    Args:
        row: of `v_recommendations`.
        chosen: the trader's own numbers.
        newest: the newest session; what was said in it is new.
    """
    confidence, kind = best_confidence(row)
    with st.container(border=True):
        if verdict := verdict_words(row):
            st.markdown(verdict)
        is_new = ":blue-badge[NEW]" if row["date"] == newest else f"of {day(row['date'])}"
        st.markdown(
            f"**{escaped(row['symbol'])} · {what(row)}** {badges(row)} {is_new}  \n"
            f"**{share(confidence, 1)}** confidence ({kind}) that the direction is right by {day(row['last_session'])}"
        )
        if row["legs"]:
            st.code(legs_words(row), language=None, wrap_lines=True)
        levels(row, chosen)
        st.markdown(escaped(row["justification"]))
        st.page_link(
            "views/recommendations.py",
            label=f"All of {escaped(row['symbol'])}, {day(row['date'])}",
            icon=":material/article:",
            query_params={"id": address(row)},
        )

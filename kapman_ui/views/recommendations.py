"""What was said, and whether it was right: all recommendations with filters, and one with what stands behind it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kapman_assets.decisions.economics import Position, payoff
from kapman_assets.decisions.facts import Contract
from kapman_ui import advice, charts
from kapman_ui.advice import is_known, rows_of
from kapman_ui.database import fetch
from kapman_ui.layout import day, empty, escaped, money, number, page_head, share
from kapman_ui.queries import recommendations, users
from kapman_ui.queries.recommendations import DIRECTIONS, PROVIDERS, STATUSES, STRATEGIES
from kapman_ui.theme import ACCENT, FALLING, QUIET, RISING, WARNING
from kapman_ui.user import user_id

_SHOWN = 300
"""Rows of the list; the file holds no more either."""

_FEW = 30
"""Scored forecasts below which a share of right ones says little."""

_STEPS = 201
"""Prices at which a payoff is drawn."""


def _summary() -> int:
    """The answer in a sentence; returns how many recommendations there are."""
    told = fetch(recommendations.counts)
    said = sum(told[status] for status in STATUSES)
    if not said:
        empty(
            "Nothing has been recommended yet.",
            "Mark names as P1 on the Portfolios page, then run `kapman materialize --select recommendations`.",
        )
        return 0
    few = f" Fewer than {_FEW} scored forecasts: too few to judge by." if told["scored"] < _FEW else ""
    rate = f" ({share(told['right'] / told['scored'])})" if told["scored"] else ""
    ended = f"{told['VOID']} were never entered, {told['NEUTRAL']} ended inside the neutral band"
    st.markdown(
        f"**{said}** were said: {told['OPEN']} are open, {ended}. Of {told['scored']} with a direction to score, "
        f"**{told['right']} were right**{rate}.{few}"
    )
    return said


def _filtered() -> pd.DataFrame:
    """The list that the filters leave; the address keeps them."""
    left, right = st.columns([3, 2])
    said = left.multiselect("Strategy or action", STRATEGIES, key="strategy", bind="query-params")
    text = right.text_input("Text", key="text", bind="query-params", placeholder="symbol, event or words of the reason")
    a, b, c = st.columns([3, 4, 3])
    directions = a.pills(
        "Direction", DIRECTIONS, selection_mode="multi", key="direction", bind="query-params", wrap=True
    )
    statuses = b.pills("Status", STATUSES, selection_mode="multi", key="status", bind="query-params", wrap=True)
    providers = c.pills("Provider", PROVIDERS, selection_mode="multi", key="provider", bind="query-params", wrap=True)
    return fetch(
        recommendations.found,
        said=tuple(said),
        directions=tuple(directions),
        statuses=tuple(statuses),
        providers=tuple(providers),
        text=(text or "").strip(),
        limit=_SHOWN,
    )


def _list(found: pd.DataFrame, said: int) -> None:
    """The table, and the file of it."""
    if found.empty:
        empty("No recommendation meets all filters.", "Take one away.")
        return
    rows = rows_of(found)
    table = pd.DataFrame(
        {
            "Symbol": found["symbol"],
            "Said": found["date"],
            "Status": found["outcome_status"].fillna(found["status"]).map(advice.ENDS),
            "What": [advice.what(row) for row in rows],
            "Direction": found["direction"],
            "Confidence": 100 * found["confidence"],
            "Calibrated": 100 * found["calibrated_confidence"].astype("float64"),
            "Event": found["primary_event"],
            "Contracts": [advice.legs_words(row).replace("\n", "; ") for row in rows],
            "Entry": found["entry_price"],
            "Stop": found["stop_loss"],
            "Target": found["profit_target"],
            "Ended": found["outcome_date"],
            "By": found["exit_reason"],
            "Underlying": 100 * found["underlying_return"].astype("float64"),
            "Options, a unit": found["option_pnl"].astype("float64"),
            "Provider": found["provider"],
        }
    )
    ids = [advice.address(row) for row in rows]
    st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= 10 else 390,  # noqa: PLR2004 rows
        placeholder="–",
        key="said",
        on_select=_select(ids),
        selection_mode="single-row",
        column_config={
            "Symbol": st.column_config.TextColumn(pinned=True),
            "Confidence": st.column_config.NumberColumn(format="%.1f %%", help="raw, that the direction is right"),
            "Calibrated": st.column_config.NumberColumn(
                format="%.1f %%", help="as experience corrects it; needs 100 scored outcomes"
            ),
            **{name: st.column_config.NumberColumn(format="$%.2f") for name in ("Entry", "Stop", "Target")},
            "Underlying": st.column_config.NumberColumn(format="%+.1f %%", help="from the entry to the end"),
            "Options, a unit": st.column_config.NumberColumn(format="dollar", help="from the price at issue"),
        },
    )
    left, right = st.columns([4, 1], vertical_alignment="center")
    more = " The newest are shown; filter to see others." if len(rows) == _SHOWN else ""
    left.caption(f"{len(rows)} of {said}. Select a row to see all of it.{more}")
    right.download_button(
        "CSV",
        lambda: table.to_csv(index=False),
        file_name="recommendations.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def _select(ids: list[str]) -> Callable[[], None]:
    """Select the row that the address names, before the table is drawn; what is selected then goes to the address."""
    asked = st.query_params.get("id")
    rows = [ids.index(asked)] if asked in ids else []
    # As whole as it comes from the browser, or any click would count as another selection.
    st.session_state["said"] = {"selection": {"rows": rows, "columns": [], "cells": []}}

    def choose() -> None:
        rows = st.session_state["said"]["selection"]["rows"]
        if rows:
            st.query_params["id"] = ids[rows[0]]
        else:
            st.query_params.pop("id", None)

    return choose


def _parsed(chosen: str) -> tuple[str, date] | None:
    """Symbol and session of an `id`; symbols may hold a dash themselves."""
    try:
        return chosen[:-11], date.fromisoformat(chosen[-10:])
    except ValueError:
        st.warning(f"{escaped(repr(chosen))} names no recommendation: it is a symbol and a session.")
        return None


def _outcome(row: Mapping[str, Any]) -> None:
    """How it ended, or how it stands."""
    if row["status"] == "OPEN":
        told = advice.verdict_words(row)
        when = f" on {day(row['review_date'])}" if is_known(row["review_date"]) else ""
        st.markdown(f"🔵 **Open** until {day(row['last_session'])} at the latest. Review{when}: {told or 'none yet'}")
        return
    st.markdown(
        f"**{advice.ENDS[row['outcome_status']]}**: ended on {day(row['outcome_date'])} by {row['exit_reason']}. "
        f"Underlying {_signed(row['underlying_return'])} from {escaped(money(row['entry_price_actual']))} to "
        f"{escaped(money(row['exit_price_actual']))} in {number(row['sessions_held'], 0)} sessions "
        f"(best {_signed(row['favourable'])}, worst {_signed(row['adverse'], -1)}). "
        f"Options {escaped(advice.signed_money(row['option_pnl']))} a unit{_of(row['option_pnl_basis'])}, "
        f"{number(row['return_on_risk'], 2)} times the risk. "
        f"Success {share(row['success_score'])}, Brier {number(row['directional_brier'], 3)}."
    )
    unknown = {name.replace("_", " "): _code(code) for name, code in (row["outcome_null_reasons"] or {}).items()}
    if unknown:
        st.caption("Unknown: " + escaped("; ".join(f"{name} ({why})" for name, why in unknown.items())))


def _signed(value: float | None, sign: int = 1) -> str:
    return f"{100 * sign * value:+.1f} %" if value is not None else "–"


def _of(basis: str | None) -> str:
    return {"chain": " at the chain's prices", "intrinsic": " at expiry"}.get(basis or "", "")


def _code(code: object) -> str:
    return str(code).lower().replace("_", " ")


def _payoff(row: Mapping[str, Any]) -> None:
    """The payoff of a unit at expiry."""
    legs = row["legs"]
    if not legs:
        st.caption("There are no contracts, so that there is no payoff: the forecast alone is judged.")
        return
    if len({leg["expiration_date"] for leg in legs}) > 1:
        st.caption("The contracts expire on different days: there is no payoff at one of them.")
        return
    positions = [
        Position(
            Contract.model_validate({name: leg[name] for name in Contract.model_fields if name in leg}),
            leg["side"],
            leg["quantity"],
        )
        for leg in legs
    ]
    marks = [*(leg["strike"] for leg in legs), row["entry_price"], row["stop_loss"], row["profit_target"]]
    known = [float(mark) for mark in (*marks, *row["break_evens"]) if is_known(mark)]
    room = 0.1 * max(known)
    prices = np.unique([*np.linspace(max(min(known) - room, 0), max(known) + room, _STEPS), *known])
    frame = pd.DataFrame({"price": prices, "profit": payoff(positions, prices), "line": "at expiry"})
    places = {
        name: (float(at), colour)
        for name, at, colour in (
            ("entry", row["entry_price"], QUIET),
            ("stop", row["stop_loss"], FALLING),
            ("target", row["profit_target"], RISING),
            *((f"break-even {at:,.2f}", at, WARNING) for at in row["break_evens"]),
        )
        if is_known(at)
    }
    st.altair_chart(
        charts.curves(
            frame,
            "price",
            "profit",
            "line",
            colours={"at expiry": ACCENT},
            x_title="underlying at expiry, USD a share",
            title="profit of a unit, USD",
            places=places,
            level=0.0,
        )
    )


def _provenance(row: Mapping[str, Any], rejected: list[dict[str, Any]]) -> None:
    """Who said it, asked how, from what."""
    fallback = (
        f" in place of {row['asked_provider']}: {_code(row['fallback_reason'])}" if row["fallback_reason"] else ""
    )
    tokens = f"{row['input_tokens']:,} in, {row['output_tokens']:,} out" if row["input_tokens"] is not None else "–"
    st.dataframe(
        pd.DataFrame(
            [
                ("Answered by", f"{row['provider']}{fallback}"),
                ("Model", row["model"]),
                ("Prompt version", row["prompt_version"] or "– (rules have none)"),
                ("Prompt hash", row["prompt_hash"] or "–"),
                ("Question's hash", row["request_hash"] or "–"),
                ("Tokens", tokens),
                ("Cost", "–" if row["cost_usd"] is None else f"${row['cost_usd']:.4f}"),
                ("Seconds", number(row["latency_seconds"], 1)),
                ("Snapshot", f"{row['data_quality']}, {row['model_version'] or 'version unknown'}"),
                ("Neutral band", share(row["neutral_band"], 2)),
                ("Horizon", f"{row['horizon_sessions']} sessions"),
            ],
            columns=["What", "Value"],
        ),
        hide_index=True,
        height="content",
    )
    st.markdown("**Validation**: every attempt with what was found in it")
    st.json(row["validation"], expanded=2)
    for each in rejected:
        st.markdown(f"**Refused**, attempt {each['attempt']}, {each['provider']} {escaped(each['model'])}")
        for problem in each["problems"]:
            st.text(f"{problem['code']}: {problem['sentence']}")
        with st.expander("The answer as received"):
            st.text(each["answer"])


def _reviews(row: Mapping[str, Any]) -> None:
    told = fetch(recommendations.reviews, row["date"], row["ticker_id"])
    if told.empty:
        st.caption("No session has reviewed it: reviews begin in the session after, and only of OPEN and FORECAST.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Session": told["date"],
                "Verdict": [f"{advice.VERDICTS[verdict][0]} {verdict}" for verdict in told["verdict"]],
                "Why": [" ".join(reason["text"] for reason in reasons) for reasons in told["reasons"]],
                "Close": told["price"].astype("float64"),
                "Since the entry": 100 * told["signed_return"].astype("float64"),
                "Stop": told["stop_loss"].astype("float64"),
                "Options, a unit": told["option_pnl"].astype("float64"),
                "Held": told["sessions_held"],
                "Days to expiry": told["dte"],
            }
        ),
        hide_index=True,
        placeholder="–",
        column_config={
            "Why": st.column_config.TextColumn(width="large"),
            **{name: st.column_config.NumberColumn(format="$%.2f") for name in ("Close", "Stop")},
            "Since the entry": st.column_config.NumberColumn(format="%+.1f %%", help="in the idea's direction"),
            "Options, a unit": st.column_config.NumberColumn(format="dollar"),
            "Held": st.column_config.NumberColumn(help="sessions since the one of issue"),
        },
    )


def _detail(symbol: str, session: date) -> None:
    row = fetch(recommendations.one, symbol, session)
    if row is None:
        st.warning(f"Nothing was recommended for {escaped(symbol)} on {day(session)}.", icon=":material/help:")
        return
    confidence, kind = advice.best_confidence(row)
    st.subheader(f"{escaped(symbol)} · {day(session)}", anchor=False)
    st.markdown(f"**{advice.what(row)}** {advice.badges(row)} **{share(confidence, 1)}** confidence ({kind})")
    _outcome(row)
    if row["legs"]:
        st.code(advice.legs_words(row), language=None, wrap_lines=True)
    advice.levels(row, fetch(users.settings, user_id()))
    st.markdown(escaped(row["justification"]))
    worth, reviews, facts, source = st.tabs(["Payoff at expiry", "Reviews", "Facts", "Where it comes from"])
    with worth:
        _payoff(row)
    with reviews:
        _reviews(row)
    with facts:
        st.caption("All that the advisor knew. Every number in the reason is one of these.")
        st.json(row["inputs"], expanded=1)
    with source:
        _provenance(row, fetch(recommendations.rejections, session, row["ticker_id"]))


def _page() -> None:
    page_head("Recommendations", "What was said, and was it right?")
    said = _summary()
    if not said:
        return
    _list(_filtered(), said)
    asked = st.query_params.get("id")
    chosen = None if asked is None else _parsed(asked)
    if chosen is not None:
        _detail(*chosen)


_page()

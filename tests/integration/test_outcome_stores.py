"""Outcomes, reviews and calibrations through their tables: worked examples, evenings one by one, corrections."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from kapman_assets.decisions.calibration import LEAST_OUTCOMES, fit, out_of_sample
from kapman_assets.decisions.calibration_store import write_calibrations
from kapman_assets.decisions.outcome_store import sessions_without_bars, write_outcomes
from kapman_assets.decisions.review_store import write_reviews
from kapman_resources import schema
from kapman_resources.sessions import session_offset, sessions_between
from tests.integration.ideas import (
    Evenings,
    add,
    add_ideas,
    add_names,
    bar_row,
    chain_row,
    contract_row,
    idea_row,
    leg_row,
    rows_of,
    session_row,
)

ISSUED = date(2026, 6, 1)
SESSIONS = sessions_between(ISSUED, session_offset(ISSUED, 30))
QUIET = (101.0, 102.0, 100.0, 101.0)
EXPIRY = date(2026, 7, 17)
CALL = "O:X260717C00100000"

OUTCOMES, REVIEWS = schema.recommendation_outcomes, schema.recommendation_reviews
WRITERS: tuple[tuple[Callable[[sa.Engine, Sequence[date]], Any], sa.Table], ...] = (
    (write_outcomes, OUTCOMES),
    (write_reviews, REVIEWS),
    (write_calibrations, schema.confidence_calibration),
)


def add_bars(engine: sa.Engine, ticker_id: int, *bars: tuple[float, float, float, float]) -> None:
    """Bars of the sessions after ISSUED, then quiet ones."""
    rest = [QUIET] * (len(SESSIONS) - 1 - len(bars))
    days = zip(SESSIONS[1:], [*bars, *rest], strict=True)
    add(engine, schema.ohlcv, [bar_row(ticker_id, day, bar) for day, bar in days])


def test_a_trade_is_followed_to_its_target(engine: sa.Engine) -> None:
    own = add_names(engine, ["X"], SESSIONS)["X"]
    add_bars(engine, own, QUIET, (101.0, 104.0, 98.0, 103.0), (103.0, 111.0, 103.0, 109.0))
    chains = [(0, 3.9, 4.1), (1, 4.0, 4.4), (2, None, None), (3, 9.0, 9.4)]
    contracts = [contract_row(own, SESSIONS[n], CALL, 100.0, EXPIRY, bid=bid, ask=ask) for n, bid, ask in chains]
    add(engine, schema.options_chains, contracts)
    add(engine, schema.options_chain_status, [chain_row(own, SESSIONS[n]) for n, _, _ in chains])
    trade = idea_row(own, "X", ISSUED, action="OPEN", strategy="LONG_CALL", max_loss=400.0)
    add_ideas(engine, [trade], [leg_row(own, ISSUED, CALL, 100.0, EXPIRY)])

    assert write_outcomes(engine, SESSIONS) == {day: int(day == SESSIONS[3]) for day in SESSIONS}
    [row] = rows_of(engine, OUTCOMES)
    assert (row["date"], row["issued"], row["exit_reason"]) == (SESSIONS[3], ISSUED, "TARGET")
    assert (row["entry_session"], row["entry_price_actual"], row["exit_price_actual"]) == (SESSIONS[1], 101.0, 110.0)
    # The call went from 4.00 to 9.20; 400 USD could be lost.
    assert row["option_pnl"] == pytest.approx(520.0)
    assert row["return_on_risk"] == pytest.approx(1.3)
    assert (row["option_pnl_basis"], row["outcome_status"], row["sessions_held"]) == ("chain", "WIN", 3)
    assert row["directional_brier"] == pytest.approx(0.09)
    # For it 9 of 101, against it 3 of 101.
    assert row["success_score"] == pytest.approx(0.5 + 0.3 + 0.2 * 0.75)

    assert sum(write_reviews(engine, SESSIONS).values()) == 3
    reviews = rows_of(engine, REVIEWS)
    assert [one["verdict"] for one in reviews] == ["HOLD", "HOLD", "CLOSE"]
    assert [one["option_pnl"] for one in reviews] == [pytest.approx(20.0), None, pytest.approx(520.0)]
    assert reviews[1]["null_reasons"] == {"option_pnl": "NO_PRICE"}
    assert [one["code"] for one in reviews[2]["reasons"]] == ["TARGET", "HALF_TARGET"]


def test_reasons_of_unknown_option_results(engine: sa.Engine) -> None:
    ids = add_names(engine, ["GONE", "NONE", "SPLIT"], SESSIONS)
    legs, ideas = [], []
    for symbol, own in ids.items():
        ratio = 2.0 if symbol == "SPLIT" else 1.0
        add_bars(engine, own, QUIET, tuple(price / ratio for price in (101.0, 111.0, 100.0, 110.0)))  # type: ignore[arg-type]
        add(engine, schema.options_chains, [contract_row(own, ISSUED, CALL, 100.0, EXPIRY)])
        ideas.append(idea_row(own, symbol, ISSUED, action="OPEN", strategy="LONG_CALL", max_loss=400.0))
        legs.append(leg_row(own, ISSUED, CALL, 100.0, EXPIRY))
    add(engine, schema.options_chain_status, [chain_row(ids[symbol], SESSIONS[2]) for symbol in ("GONE", "SPLIT")])
    half = {"split_from": 1, "split_to": 2, "applies_from": date.min, "price_factor": 0.5}
    add(engine, schema.splits, [{"ticker_id": ids["SPLIT"], "execution_date": SESSIONS[2], **half}])
    add_ideas(engine, ideas, legs)

    write_outcomes(engine, SESSIONS[:4])
    found = {row["ticker_id"]: row for row in rows_of(engine, OUTCOMES)}
    assert {symbol: found[own]["null_reasons"]["option_pnl"] for symbol, own in ids.items()} == {
        "GONE": "CONTRACT_GONE",
        "NONE": "NO_CHAIN",
        "SPLIT": "SPLIT",
    }
    # In the shares of the issue the split changed nothing.
    assert {(row["exit_reason"], row["exit_price_actual"], row["date"]) for row in found.values()} == {
        ("TARGET", 110.0, SESSIONS[2])
    }


def test_a_trade_that_expires_is_settled_at_its_intrinsic_value(engine: sa.Engine) -> None:
    own = add_names(engine, ["X"], SESSIONS)["X"]
    expiry = date(2026, 6, 19)
    # Juneteenth: the last session is the day before, the 13th after the issue.
    assert SESSIONS[13] == date(2026, 6, 18)
    add_bars(engine, own, *[QUIET] * 12, (101.0, 107.0, 100.0, 106.0))
    contract = contract_row(own, ISSUED, CALL, 100.0, expiry)
    add(engine, schema.options_chains, [contract])
    given = {"action": "OPEN", "strategy": "LONG_CALL", "max_loss": 400.0, "last_session": SESSIONS[13]}
    add_ideas(engine, [idea_row(own, "X", ISSUED, **given)], [leg_row(own, ISSUED, CALL, 100.0, expiry)])
    write_outcomes(engine, SESSIONS)
    [row] = rows_of(engine, OUTCOMES)
    assert (row["date"], row["exit_reason"], row["exit_price_actual"]) == (SESSIONS[13], "EXPIRY", 106.0)
    assert (row["option_pnl"], row["option_pnl_basis"]) == (200.0, "intrinsic")


def test_what_speaks_of_positions_is_scored_and_not_reviewed(engine: sa.Engine) -> None:
    own = add_names(engine, ["X"], SESSIONS)["X"]
    add_bars(engine, own, *[QUIET] * 19, (90.0, 92.0, 89.0, 90.0))
    bare = {"action": "EXIT", "direction": "SHORT", "stop_loss": None, "profit_target": None}
    add_ideas(engine, [idea_row(own, "X", ISSUED, signal_type="EXIT_CRITICAL", **bare)])
    assert sum(write_reviews(engine, SESSIONS).values()) == 0
    write_outcomes(engine, SESSIONS)
    [row] = rows_of(engine, OUTCOMES)
    assert (row["exit_reason"], row["outcome_status"], row["exit_price_actual"]) == ("HORIZON", "WIN", 90.0)


def test_a_corrected_bar_moves_an_end_and_leaves_one_outcome(engine: sa.Engine) -> None:
    own = add_names(engine, ["X"], SESSIONS)["X"]
    add_bars(engine, own, QUIET, QUIET, QUIET, (101.0, 111.0, 100.0, 110.0))
    add_ideas(engine, [idea_row(own, "X", ISSUED)])
    write_outcomes(engine, SESSIONS)
    [before] = rows_of(engine, OUTCOMES)
    write_outcomes(engine, SESSIONS)
    assert rows_of(engine, OUTCOMES) == [before]
    bars = schema.ohlcv
    with engine.begin() as connection:
        connection.execute(sa.update(bars).where(bars.c.date == SESSIONS[2]).values(low=94.0))
    # Only the session that was corrected is judged again.
    write_outcomes(engine, [SESSIONS[2]])
    [after] = rows_of(engine, OUTCOMES)
    assert (before["date"], before["exit_reason"]) == (SESSIONS[4], "TARGET")
    assert (after["date"], after["exit_reason"]) == (SESSIONS[2], "STOP")
    # And when its recommendation is no longer said, it has none.
    with engine.begin() as connection:
        connection.execute(sa.delete(schema.recommendations))
    assert rows_of(engine, OUTCOMES) == []


def test_sessions_whose_bars_were_never_stored_are_named(engine: sa.Engine) -> None:
    add(engine, schema.ohlcv_sessions, [session_row(day) for day in SESSIONS if day != SESSIONS[4]])
    assert sessions_without_bars(engine, SESSIONS) == [SESSIONS[4]]


# --- evening by evening


@pytest.mark.no_cover  # long, and the others trace the same code
def test_each_evening_alone_gives_the_rows_of_the_whole_range(engine: sa.Engine) -> None:
    evenings = Evenings(engine)
    alone: dict[str, list[dict[str, Any]]] = {table.name: [] for _, table in WRITERS}
    for day in evenings:
        for write, table in WRITERS:
            write(engine, [day])
            alone[table.name] += rows_of(engine, table, table.c.date == day)
    for write, table in WRITERS:
        stored = rows_of(engine, table)
        write(engine, evenings.sessions)
        together = rows_of(engine, table)
        key = [column.name for column in table.primary_key]
        assert together == stored == sorted(alone[table.name], key=lambda row: [row[name] for name in key])
    outcomes = rows_of(engine, OUTCOMES)
    assert {row["exit_reason"] for row in outcomes} == {"TARGET", "STOP", "EXPIRY", "HORIZON", "VOID", "NO_BARS"}
    assert {row["outcome_status"] for row in outcomes} == {"WIN", "LOSS", "NEUTRAL", "VOID"}
    reasons = {code for row in outcomes for code in row["null_reasons"].values()}
    assert reasons >= {"NO_CHAIN", "SPLIT", "NO_PRICE", "INSIDE_BAND", "NO_DIRECTION", "NOT_ENTERED", "NO_LEGS"}
    assert {row["verdict"] for row in rows_of(engine, REVIEWS)} == {"HOLD", "TIGHTEN", "CLOSE"}
    for table in (OUTCOMES, REVIEWS):
        for row in rows_of(engine, table):
            assert {name for name, value in row.items() if value is None} == row["null_reasons"].keys(), row
    # Every idea that had its time has ended.
    judged = {(row["issued"], row["ticker_id"]) for row in outcomes}
    due = session_offset(evenings.sessions[-1], -5)
    ideas = rows_of(engine, schema.recommendations)
    assert {(row["date"], row["ticker_id"]) for row in ideas if row["last_session"] <= due} <= judged
    calibrated = rows_of(engine, schema.confidence_calibration)
    assert {row["calibrated"] is None for row in calibrated} == {True, False}


def test_calibration_is_of_the_outcomes_known_at_the_session(engine: sa.Engine) -> None:
    evenings = Evenings(engine)
    for _ in evenings:
        pass
    write_outcomes(engine, evenings.sessions)
    write_calibrations(engine, evenings.sessions)
    providers = {(row["date"], row["ticker_id"]): row["provider"] for row in rows_of(engine, schema.recommendations)}
    scored = [row for row in rows_of(engine, OUTCOMES) if row["direction_correct"] is not None]
    scored.sort(key=lambda row: (row["date"], row["issued"], row["ticker_id"]))
    for row in rows_of(engine, schema.confidence_calibration):
        provider = providers[row["date"], row["ticker_id"]]
        known = [
            one
            for one in scored
            if one["date"] <= row["date"] and providers[one["issued"], one["ticker_id"]] == provider
        ]
        assert row["outcomes"] == len(known)
        if len(known) < LEAST_OUTCOMES:
            assert (row["calibrated"], row["brier_raw"], row["brier_calibrated"]) == (None, None, None)
            assert set(row["null_reasons"].values()) == {"FEW_OUTCOMES"}
            continue
        said = np.array([one["predicted_confidence"] for one in known])
        came = np.array([one["direction_correct"] for one in known], dtype=float)
        assert row["calibrated"] == pytest.approx(float(fit(said, came)(np.array([row["confidence"]]))[0]))
        assert (row["brier_raw"], row["brier_calibrated"]) == pytest.approx(out_of_sample(said, came))

"""Option results and rows of outcomes, worked out by hand."""

from dataclasses import replace
from datetime import date

import pytest

from kapman_assets.decisions.judgement import Ending, ExitReason
from kapman_assets.decisions.option_result import HeldLeg, OptionResult, option_result
from kapman_assets.decisions.outcome_reasons import Reason
from kapman_assets.decisions.outcomes import outcome_row
from kapman_resources import schema
from tests.unit.decisions.ideas import EXPIRY, day, issued, leg, terms

SESSION = day(8)


def result(*legs: HeldLeg, prices: tuple[float | None, ...] | None = (), is_split: bool = False) -> OptionResult:
    chain = None if prices is None else {one.contract: price for one, price in zip(legs, prices, strict=False)}
    return option_result(legs, SESSION, chain=chain, closes={SESSION: 108.0}, is_split=is_split)


def test_a_bought_call_and_a_sold_put() -> None:
    # 100 shares x (7.5 - 4.0) gained; a put sold at 4.0 and worth 1.5 gains 100 x 2.5.
    assert result(leg(), prices=(7.5,)) == OptionResult(350.0, "chain", None)
    assert result(leg("SELL", contract_type="put"), prices=(1.5,)) == OptionResult(250.0, "chain", None)


def test_a_spread_and_its_quantity() -> None:
    # Bought at 4.0, sold at 1.5: 2.5 paid. Now 6.0 and 2.0: worth 4.0. Two units of each leg.
    twice = [replace(one, quantity=2) for one in (leg(), leg("SELL", 105.0, 1.5))]
    assert result(*twice, prices=(6.0, 2.0)) == OptionResult(300.0, "chain", None)


@pytest.mark.parametrize(
    ("prices", "is_split", "reason"),
    [
        (None, False, Reason.NO_CHAIN),
        ((), False, Reason.CONTRACT_GONE),
        ((None,), False, Reason.NO_PRICE),
        ((7.5,), True, Reason.SPLIT),
    ],
)
def test_an_unknown_result_has_its_reason(
    prices: tuple[float | None, ...] | None, is_split: bool, reason: Reason
) -> None:
    assert result(leg(), prices=prices, is_split=is_split) == OptionResult(None, None, reason)


def test_one_leg_without_a_price_leaves_the_whole_unknown() -> None:
    assert result(leg(), leg("SELL", 105.0), prices=(6.0,)).reason is Reason.CONTRACT_GONE


@pytest.mark.parametrize(("close", "pnl"), [(108.0, 400.0), (99.0, -400.0), (104.0, 0.0)])
def test_at_expiry_a_call_is_worth_its_intrinsic_value(close: float, pnl: float) -> None:
    # 2026-07-17 is a Friday; a split in between moves nothing, since both sides are in the shares of the issue.
    for is_split in (False, True):
        found = option_result([leg()], EXPIRY, chain=None, closes={EXPIRY: close}, is_split=is_split)
        assert found == OptionResult(pnl, "intrinsic", None)


def test_at_expiry_without_a_bar_nothing_is_known() -> None:
    assert option_result([leg()], EXPIRY, chain={}, closes={}, is_split=False).reason is Reason.NO_CLOSE
    # A halt over the expiry: what the underlying did days later settles nothing.
    later = date(2026, 7, 20)
    assert option_result([leg()], later, chain={}, closes={later: 150.0}, is_split=False).reason is Reason.NO_CLOSE
    found = option_result([leg()], later, chain={}, closes={EXPIRY: 108.0, later: 150.0}, is_split=False)
    assert found == OptionResult(400.0, "intrinsic", None)


def test_an_expiry_on_a_closed_day_is_settled_in_the_session_before() -> None:
    # 2026-07-03 is a holiday: a contract that expires on it trades last on the 2nd.
    early = replace(leg(), expiration_date=date(2026, 7, 3))
    closes = {date(2026, 7, 1): 102.0, date(2026, 7, 2): 106.0}
    found = option_result([early], date(2026, 7, 2), chain=None, closes=closes, is_split=False)
    assert found == OptionResult(200.0, "intrinsic", None)
    assert option_result([early], date(2026, 7, 1), chain=None, closes=closes, is_split=False).reason is Reason.NO_CHAIN


def test_a_worked_row() -> None:
    # In at 101, out at the target of 110 in the 8th session; the call went from 4.00 to 10.00, at most 400 to lose.
    end = Ending(SESSION, ExitReason.TARGET, day(1), 101.0, 110.0, 9 / 101, 3 / 101, 8)
    row = outcome_row(issued(terms(), leg()), end, OptionResult(600.0, "chain", None))
    assert row.keys() == set(schema.recommendation_outcomes.columns.keys())
    assert row["underlying_return"] == pytest.approx(9 / 101)
    assert row["direction_correct"] is True
    assert row["directional_brier"] == pytest.approx(0.09)
    assert (row["option_pnl"], row["return_on_risk"], row["profitability_score"]) == (600.0, 1.5, 1.0)
    assert row["timing_score"] == pytest.approx(0.75)
    assert row["success_score_v1"] == 1.0
    assert row["success_score"] == pytest.approx(0.5 * 1 + 0.3 * 1 + 0.2 * 0.75)
    assert (row["outcome_status"], row["null_reasons"]) == ("WIN", {})


def test_a_void_row_knows_its_entry_and_nothing_else() -> None:
    row = outcome_row(
        issued(terms(), leg()), Ending(day(1), ExitReason.VOID, day(1), 94.0), OptionResult(600.0, "chain", None)
    )
    assert (row["outcome_status"], row["entry_price_actual"], row["exit_reason"]) == ("VOID", 94.0, "VOID")
    unknown = {name for name, value in row.items() if value is None}
    assert {"direction_correct", "directional_brier", "option_pnl", "success_score", "exit_price_actual"} <= unknown
    assert row["null_reasons"] == dict.fromkeys(unknown, "NOT_ENTERED")


def test_every_unknown_column_has_a_reason() -> None:
    end = Ending(SESSION, ExitReason.HORIZON, day(1), 100.0, 101.0, 0.0, 0.0, 8)
    band = outcome_row(issued(terms(), action="FORECAST"), end, OptionResult(None, None, Reason.NO_LEGS))
    assert (band["outcome_status"], band["direction_score"], band["success_score"]) == ("NEUTRAL", 0.5, 0.5)
    assert band["null_reasons"] == {
        "direction_correct": "INSIDE_BAND",
        "directional_brier": "INSIDE_BAND",
        **dict.fromkeys(("option_pnl", "option_pnl_basis", "return_on_risk", "profitability_score"), "NO_LEGS"),
        "timing_score": "NO_MOVE",
    }
    neutral = Ending(SESSION, ExitReason.HORIZON, day(1), 100.0, 101.0, None, None, 8)
    calm = outcome_row(issued(terms("NEUTRAL"), leg(), max_loss=None), neutral, OptionResult(50.0, "chain", None))
    assert (calm["outcome_status"], calm["directional_brier"]) == ("WIN", pytest.approx(0.09))
    assert calm["null_reasons"] == {
        **dict.fromkeys(("return_on_risk", "profitability_score"), "NO_RISK"),
        **dict.fromkeys(("favourable", "adverse", "timing_score"), "NO_DIRECTION"),
    }
    for row in (band, calm):
        assert {name for name, value in row.items() if value is None} == row["null_reasons"].keys()  # type: ignore[attr-defined]

"""Verdicts on open ideas, by hand."""

from datetime import date

import pytest

from kapman_assets.decisions.idea import Direction
from kapman_assets.decisions.judgement import judge
from kapman_assets.decisions.option_result import OptionResult
from kapman_assets.decisions.outcome_reasons import Reason
from kapman_assets.decisions.outcomes import Issued, Row
from kapman_assets.decisions.reviews import Signals, review_row
from kapman_resources import schema
from tests.unit.decisions.ideas import Bar, bars, day, flat, issued, leg, terms

NO_RESULT = OptionResult(None, None, Reason.NO_CHAIN)


def review(idea: Issued, *walk: Bar, signals: Signals | None = None, option: OptionResult = NO_RESULT) -> Row:
    own = bars(*walk)
    session = day(len(walk))
    found = judge(idea.terms, own, session)
    return review_row(idea, session, found=found, bars=own, signals=signals or Signals(), option=option)


def codes(row: Row) -> list[str]:
    return [one["code"] for one in row["reasons"]]  # type: ignore[attr-defined]


def test_a_quiet_session_is_held() -> None:
    row = review(issued(terms(), leg()), *flat(3), signals=Signals(19, frozenset({"SOS"}), "ENTRY_SIGNAL"))
    assert row.keys() == set(schema.recommendation_reviews.columns.keys())
    assert (row["verdict"], row["reasons"], row["stop_loss"], row["sessions_held"]) == ("HOLD", [], 95.0, 3)
    # Entered at 101, at 101 still; 2026-06-04 to 2026-07-17.
    assert (row["price"], row["signed_return"], row["dte"]) == (101.0, 0.0, 43)
    assert row["null_reasons"] == {"option_pnl": "NO_CHAIN"}


@pytest.mark.parametrize(
    ("walk", "code"),
    [
        ([*flat(2), (101.0, 102.0, 90.0, 91.0)], "STOP"),
        ([*flat(2), (101.0, 111.0, 100.0, 110.0)], "TARGET"),
        (flat(20), "HORIZON"),
        ([(120.0, 121.0, 119.0, 120.0)], "VOID"),
    ],
)
def test_what_ends_in_the_session_is_closed(walk: list[Bar], code: str) -> None:
    row = review(issued(terms(), action="FORECAST"), *walk)
    assert (row["verdict"], codes(row)[0]) == ("CLOSE", code)


def test_what_was_never_entered_has_no_return() -> None:
    row = review(issued(terms(), leg()), (120.0, 121.0, 119.0, 120.0), option=OptionResult(500.0, "chain", None))
    assert (row["price"], row["signed_return"], row["option_pnl"]) == (120.0, None, None)
    assert row["null_reasons"] == {"signed_return": "NOT_ENTERED", "option_pnl": "NOT_ENTERED"}


@pytest.mark.parametrize(
    ("direction", "signals", "verdict", "code"),
    [
        ("LONG", Signals(24, frozenset(), "EXIT_CRITICAL"), "CLOSE", ["BC_CRITICAL", "OPPOSITE_SIGNAL"]),
        ("LONG", Signals(23, frozenset(), "EXIT_WARNING"), "TIGHTEN", ["BC_WARNING"]),
        ("LONG", Signals(20, frozenset({"SOW"}), None), "TIGHTEN", ["BC_WARNING", "SOW"]),
        ("NEUTRAL", Signals(28, frozenset(), "EXIT_CRITICAL"), "CLOSE", ["BC_CRITICAL"]),
        ("SHORT", Signals(28, frozenset({"SOW"}), "EXIT_CRITICAL"), "HOLD", []),  # it speaks for it
        ("SHORT", Signals(3, frozenset(), "ENTRY_SIGNAL"), "CLOSE", ["OPPOSITE_SIGNAL"]),
        ("SHORT", Signals(3, frozenset(), "ENTRY_SETUP"), "HOLD", []),
        ("LONG", Signals(), "HOLD", []),
    ],
)
def test_what_the_structure_says(direction: Direction, signals: Signals, verdict: str, code: list[str]) -> None:
    levels = {"LONG": (95.0, 110.0), "SHORT": (110.0, 90.0), "NEUTRAL": (None, None)}[direction]
    row = review(issued(terms(direction, *levels), action="FORECAST"), *flat(2), signals=signals)
    assert (row["verdict"], codes(row)) == (verdict, code)


def test_contracts_are_closed_in_their_last_week() -> None:
    what = terms(last=date(2026, 7, 17), expires=True)
    # Sessions after 2026-06-01: the 27th is 2026-07-10, seven days before the expiry.
    assert day(27) == date(2026, 7, 10)
    assert review(issued(what, leg()), *flat(27))["verdict"] == "HOLD"
    row = review(issued(what, leg()), *flat(28))
    assert (row["verdict"], codes(row), row["dte"]) == ("CLOSE", ["NEAR_EXPIRY"], 4)


# Entered at 100; half-way to 110 is 105.
@pytest.mark.parametrize(
    ("walk", "verdict", "code", "stop"),
    [
        ([(100.0, 106.0, 99.0, 104.9)], "HOLD", [], 95.0),  # a close counts, no high
        ([(100.0, 106.0, 99.0, 105.0)], "TIGHTEN", ["HALF_TARGET"], 100.0),
        ([(100.0, 106.0, 99.0, 105.0), (105.0, 105.0, 100.1, 101.0)], "TIGHTEN", ["HALF_TARGET"], 100.0),
        ([(100.0, 106.0, 99.0, 105.0), (105.0, 105.0, 100.0, 101.0)], "CLOSE", ["BACK_AT_ENTRY"], 95.0),
    ],
)
def test_half_way_to_the_target_the_stop_goes_to_the_entry(
    walk: list[Bar], verdict: str, code: list[str], stop: float
) -> None:
    row = review(issued(terms(), action="FORECAST"), *walk)
    assert (row["verdict"], codes(row), row["stop_loss"]) == (verdict, code, stop)


def test_half_way_down_is_its_mirror() -> None:
    short = issued(terms("SHORT", 105.0, 90.0), action="FORECAST")
    row = review(short, (100.0, 101.0, 94.0, 95.0))
    assert (row["verdict"], codes(row), row["stop_loss"]) == ("TIGHTEN", ["HALF_TARGET"], 100.0)
    assert row["signed_return"] == pytest.approx(0.05)
    row = review(short, (100.0, 101.0, 94.0, 95.0), (96.0, 100.0, 95.0, 99.0))
    assert (row["verdict"], codes(row)) == ("CLOSE", ["BACK_AT_ENTRY"])


@pytest.mark.parametrize(
    ("bar", "stop"),
    [
        ((100.0, 103.0, 99.0, 102.0), 100.0),  # gained: the entry
        ((100.0, 101.0, 97.0, 98.0), 97.0),  # lost: behind the session's bar
        ((100.0, 101.0, 97.0, 100.0), 97.0),  # at the entry a stop there would be no stop
    ],
)
def test_where_a_tightened_stop_belongs(bar: Bar, stop: float) -> None:
    row = review(issued(terms(), action="FORECAST"), bar, signals=Signals(21))
    assert (row["verdict"], row["stop_loss"]) == ("TIGHTEN", stop)


def test_a_halted_name_is_reviewed_without_a_price() -> None:
    own = bars(*flat(2))
    idea = issued(terms(), leg())
    row = review_row(
        idea, day(4), found=judge(idea.terms, own, day(4)), bars=own, signals=Signals(21), option=NO_RESULT
    )
    assert (row["verdict"], row["price"], row["signed_return"], row["stop_loss"]) == ("TIGHTEN", None, None, 95.0)
    assert row["null_reasons"] == {"price": "NO_BAR", "signed_return": "NO_BAR", "option_pnl": "NO_CHAIN"}


def test_a_neutral_forecast_has_neither_return_nor_stop() -> None:
    row = review(issued(terms("NEUTRAL", None, None), action="FORECAST"), *flat(2))
    assert row["null_reasons"] == {
        "signed_return": "NO_DIRECTION",
        "stop_loss": "NO_STOP",
        "option_pnl": "NO_CHAIN",
        "dte": "NO_LEGS",
    }

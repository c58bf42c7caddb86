"""Which contracts may be traded, which are shown, and which a strategy takes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kapman_assets.decisions.contracts import Choice, Listed, choose, price_of, shown, tradable
from kapman_assets.options import black_scholes
from tests.unit.decisions.made import CLOSE, EXPIRY, LATER, SESSION, chain, contract

CHOICE = Choice(delta=0.5, wing_delta=0.25, dte=45, delta_slack=0.12, equal_deltas=0.0, least_interest=10)


def listed(**changed: Any) -> Listed:
    values: dict[str, Any] = {
        "contract": "O:ACME",
        "contract_type": "call",
        "strike": 100.0,
        "expiration_date": EXPIRY,
        "multiplier": 100.0,
        "is_standard": True,
        "open_interest": 5,
        "volume": 3,
        "close": 4.0,
        "implied_volatility": 0.3,
        "delta": 0.52,
    }
    return Listed(**(values | changed))


@pytest.mark.parametrize(
    ("changed", "price"),
    [
        ({"bid": 3.9, "ask": 4.3, "last": 9.0}, (4.1, "quote_mid")),
        ({"bid": 4.4, "ask": 4.3, "last": 4.2}, (4.2, "last")),
        ({"bid": 0.0, "ask": 4.3, "last": 4.2}, (4.2, "last")),
        ({"last": 4.2, "traded_at": datetime(2026, 7, 8, 19, 59, tzinfo=UTC)}, (4.2, "last")),
        # Traded the day before: no price of this session.
        ({"last": 4.2, "traded_at": datetime(2026, 7, 7, 19, 59, tzinfo=UTC)}, (4.0, "day_close")),
        ({}, (4.0, "day_close")),
        ({"volume": 0}, None),
        ({"close": None}, None),
    ],
)
def test_the_price_is_the_best_that_there_is(changed: dict[str, Any], price: tuple[float, str] | None) -> None:
    assert price_of(listed(**changed), SESSION) == price


@pytest.mark.parametrize(
    "changed",
    [
        {"is_standard": False},
        {"contract_type": "other"},
        {"expiration_date": SESSION + timedelta(days=29)},
        {"expiration_date": SESSION + timedelta(days=91)},
        {"open_interest": 0},
        {"open_interest": None},
        {"multiplier": None},
        {"volume": 0},
        {"delta": None, "implied_volatility": None},
    ],
)
def test_what_cannot_be_traded_is_left_out(changed: dict[str, Any]) -> None:
    assert len(tradable([listed()], SESSION, CLOSE)) == 1
    assert tradable([listed(**changed)], SESSION, CLOSE) == []


def test_a_delta_that_is_not_given_is_computed() -> None:
    [one] = tradable([listed(delta=None)], SESSION, CLOSE)
    assert one.delta == pytest.approx(float(black_scholes.delta(CLOSE, 100, 45 / 365, 0.3, is_call=True)), abs=1e-4)


def test_few_contracts_are_shown_of_the_two_expiries_that_suit() -> None:
    days = [SESSION + timedelta(days=n) for n in (31, 44, 52, 61, 88)]
    many = [contract(kind, 80 + 0.5 * k, day) for day in days for kind in ("call", "put") for k in range(80)]
    told = shown(many)
    assert {one.expiration_date for one in told} == {days[1], days[3]}
    assert len(told) == 60
    assert all(0.10 <= abs(one.delta or 0) <= 0.85 for one in told)
    assert shown([]) == ()


def test_an_expiry_without_a_choice_is_passed_over() -> None:
    thin = [contract("call", 100, SESSION + timedelta(days=45))]
    wide = [contract("call", 94 + 2 * k, SESSION + timedelta(days=38)) for k in range(7)]
    assert {one.dte for one in shown([*thin, *wide])} == {38}
    assert {one.dte for one in shown(thin)} == {45}


def test_a_strategy_takes_the_delta_and_the_expiry() -> None:
    legs = choose(chain(), "LONG_CALL", "LONG", CHOICE)
    # d1 = 0.053 at the money and -0.135 at 102: deltas of 0.52 and 0.45.
    assert [(one.contract, one.side) for one in legs or ()] == [(contract("call", 100).contract, "BUY")]
    later = choose(chain(), "LONG_PUT", "SHORT", Choice(0.5, None, 60, 0.12, 0.0, 10))
    assert [one.contract for one in later or ()] == [contract("put", 100, LATER).contract]
    [put] = choose(chain(), "CSP", "LONG", Choice(0.3, None, 45, 0.12, 0.0, 10)) or ()
    # -0.33 at 96 and -0.26 at 94.
    assert (put.side, put.contract) == ("SELL", contract("put", 96).contract)


@pytest.mark.parametrize(
    ("direction", "is_credit", "kind", "bought_is_lower"),
    [("LONG", False, "call", True), ("SHORT", False, "put", False), ("LONG", True, "put", True),
     ("SHORT", True, "call", False)],
)  # fmt: skip
def test_spreads_have_the_shape_of_their_direction(
    direction: Any, is_credit: bool, kind: str, bought_is_lower: bool
) -> None:
    legs = choose(chain(), "VERTICAL_SPREAD", direction, CHOICE, is_credit=is_credit)
    assert legs is not None
    by_side = {one.side: next(c for c in chain() if c.contract == one.contract) for one in legs}
    assert {one.contract_type for one in by_side.values()} == {kind}
    assert (by_side["BUY"].strike < by_side["SELL"].strike) is bought_is_lower
    # The leg that carries the idea has the larger delta: sold in a credit spread.
    main, wing = (by_side["SELL"], by_side["BUY"]) if is_credit else (by_side["BUY"], by_side["SELL"])
    assert abs(main.delta or 0) > abs(wing.delta or 0)


def test_of_like_deltas_the_most_interest_decides_and_too_little_is_none() -> None:
    near, liquid = contract("call", 102, open_interest=12), contract("call", 101, open_interest=900)
    wide = Choice(delta=0.5, wing_delta=None, dte=45, delta_slack=0.12, equal_deltas=0.05, least_interest=10)
    assert (choose([near, liquid], "LONG_CALL", "LONG", wide) or ())[0].contract == liquid.contract
    assert choose([contract("call", 102, open_interest=9)], "LONG_CALL", "LONG", wide) is None
    assert choose([contract("call", 110)], "LONG_CALL", "LONG", wide) is None
    # A spread needs both: an expiry with one leg alone is passed over.
    one_leg = [contract("call", 102), contract("call", 102, LATER), contract("call", 108, LATER)]
    legs = choose(one_leg, "VERTICAL_SPREAD", "LONG", CHOICE)
    assert {one.contract for one in legs or ()} == {one.contract for one in one_leg[1:]}


def test_expiries_are_days_of_the_future() -> None:
    assert tradable([listed(expiration_date=date(2026, 1, 1))], SESSION, CLOSE) == []

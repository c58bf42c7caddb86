"""Walls and max pain against the worked chain and brute force."""

from typing import Any

import pytest
from hypothesis import given, settings

from kapman_assets.options.walls import Basis, find_walls, max_pain
from tests.unit.options.chains import chain_of, contract, contracts_strategy, worked_chain


def test_put_walls_differ_by_basis() -> None:
    chain = chain_of(worked_chain())
    by_gamma, by_oi = find_walls(chain), find_walls(chain, Basis.OPEN_INTEREST)

    assert by_gamma.calls[0].strike == by_oi.calls[0].strike == 105
    assert by_gamma.puts[0].strike == 95
    assert [wall.strike for wall in by_oi.puts] == [90, 95, 100]
    assert len(by_gamma.calls) == len(by_gamma.puts) == 3
    assert by_oi.puts[0].share_of_side == pytest.approx(3500 / 8900)
    assert by_oi.puts[0].distance_pct == pytest.approx(-10)
    assert by_oi.puts[0].oi == 3500
    assert by_oi.puts[0].gex is not None
    assert by_oi.puts[0].gex < 0 < (by_gamma.calls[0].gex or 0)


def test_a_call_wall_may_lie_below_the_spot() -> None:
    contracts = [contract("C", 95, 900, gamma=0.05), *(contract("C", k, 100, gamma=0.05) for k in (96, 97, 98, 103))]
    walls = find_walls(chain_of(contracts))

    assert walls.calls[0].strike == 95
    assert walls.call_above_spot is not None
    assert walls.call_above_spot.strike == 103
    assert 103 not in [wall.strike for wall in walls.calls]


def test_ties_go_to_the_nearer_then_the_lower_strike() -> None:
    chain = chain_of([contract("C", k, 100) for k in (110, 104, 96, 90)])

    assert [wall.strike for wall in find_walls(chain, Basis.OPEN_INTEREST).calls] == [96, 104, 90]


def test_what_is_far_in_price_or_time_is_no_wall() -> None:
    contracts = [
        contract("C", 130, 9000),
        contract("C", 105, 8000, dte=61),
        contract("C", 110, 10),
        contract("C", 125, 5),
    ]

    assert [wall.strike for wall in find_walls(chain_of(contracts), Basis.OPEN_INTEREST).calls] == [110, 125]


def test_a_wall_by_open_interest_needs_no_gamma() -> None:
    walls = find_walls(chain_of([contract("P", 95, 50, implied_volatility=None)]), Basis.OPEN_INTEREST)

    assert (walls.puts[0].strike, walls.puts[0].gex, walls.calls) == (95, None, ())


def payout(contracts: list[dict[str, Any]], settlement: float) -> float:
    paid = 0.0
    for one in contracts:
        inside = settlement - one["strike"] if one["contract_type"] == "call" else one["strike"] - settlement
        paid += one["open_interest"] * one["multiplier"] * max(inside, 0.0)
    return paid


@settings(max_examples=60)
@given(contracts_strategy(min_size=2))
def test_max_pain_by_brute_force(contracts: list[dict[str, Any]]) -> None:
    expiries: dict[Any, list[dict[str, Any]]] = {}
    for one in contracts:
        if one["open_interest"] > 0:
            expiries.setdefault(one["expiration_date"], []).append(one)
    expected = {}
    for expiry, held in sorted(expiries.items()):
        if len({one["contract_type"] for one in held}) == 2:
            strikes = {one["strike"] for one in held}
            expected[expiry] = min((payout(held, k), abs(k - 100), k) for k in strikes)

    pins = max_pain(chain_of(contracts))

    assert [pin.expiration_date for pin in pins] == list(expected)
    for pin in pins:
        least, _, strike = expected[pin.expiration_date]
        assert (pin.strike, pin.payout) == (strike, pytest.approx(least))
        # Nor is any other price better.
        assert all(payout(expiries[pin.expiration_date], x) >= least - 1e-6 for x in range(50, 151))


def test_max_pain_of_the_worked_chain() -> None:
    (pin,) = max_pain(chain_of(worked_chain()))

    assert pin.strike == min((90, 95, 100, 105, 110), key=lambda k: payout(worked_chain(), k))
    assert pin.open_interest == 18_200

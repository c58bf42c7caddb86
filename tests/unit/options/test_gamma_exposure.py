"""GEX and its zero against worked chains and plain loops."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.options.gamma_exposure import (
    FlipStatus,
    contract_gex,
    gamma_flip,
    gamma_profile,
    gex_by_strike,
    gex_totals,
)
from tests.unit.options.chains import SESSION, chain_of, contract, contracts_strategy, worked_chain


def gamma_by_hand(spot: float, strike: float, years: float, iv: float) -> float:
    d1 = (math.log(spot / strike) + iv * iv / 2 * years) / (iv * math.sqrt(years))
    return math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi) / (spot * iv * math.sqrt(years))


def net_by_hand(contracts: list[dict[str, Any]], spot: float) -> float:
    net = 0.0
    for one in contracts:
        years = (one["expiration_date"] - SESSION).days / 365
        gamma = gamma_by_hand(spot, one["strike"], years, one["implied_volatility"])
        dollars = gamma * one["open_interest"] * one["multiplier"] * spot * spot * 0.01
        net += dollars if one["contract_type"] == "call" else -dollars
    return net


def test_a_contract_is_worth_gamma_times_shares_per_percent() -> None:
    chain = chain_of([contract("C", 100, 1000, gamma=0.02), contract("P", 100, 2000, gamma=0.03)])

    totals = gex_totals(chain)

    assert totals is not None
    assert sorted(contract_gex(chain)) == pytest.approx([-600_000, 200_000])
    assert (totals.call_gex, totals.put_gex) == pytest.approx((200_000, -600_000))
    assert (totals.net_gex, totals.gross_gex, totals.gex_ratio) == pytest.approx((-400_000, 800_000, -0.5))
    # Shares per dollar: dollars per 1 % over S² * 0.01.
    assert totals.call_gex / (100**2 * 0.01) == pytest.approx(2_000)


def test_the_multiplier_is_that_of_the_contract() -> None:
    mini = chain_of([contract("C", 100, 1000, gamma=0.02, multiplier=10)])

    assert contract_gex(mini).tolist() == pytest.approx([20_000])


def test_the_worked_chain() -> None:
    chain = chain_of(worked_chain())
    totals = gex_totals(chain)
    table = gex_by_strike(chain)
    flip = gamma_flip(chain)
    profile, _ = gamma_profile(chain, np.array([90.0, 95.0, 100.0, 105.0, 110.0]))

    assert totals is not None
    assert table.strike.tolist() == [90, 95, 100, 105, 110]
    assert table.net_gex.tolist() == pytest.approx(
        [-537_368.63, -923_305.71, -166_877.68, 1_627_601.50, 554_251.82], abs=0.005
    )
    assert totals.call_gex == pytest.approx(3_670_591.10, abs=0.005)
    assert totals.put_gex == pytest.approx(-3_116_289.79, abs=0.005)
    assert totals.net_gex == pytest.approx(554_301.31, abs=0.005)
    assert totals.gross_gex == pytest.approx(6_786_880.89, abs=0.01)
    assert profile == pytest.approx([-2_189_049, -1_533_552, 554_301, 2_459_247, 2_891_022], abs=0.5)
    assert flip.level == pytest.approx(98.8053, abs=5e-5)
    assert (flip.levels, flip.status, flip.coverage) == ((flip.level,), FlipStatus.FOUND, 1.0)
    assert flip.slope is not None
    assert flip.slope == pytest.approx((net_by_hand(worked_chain(), 100.1) - net_by_hand(worked_chain(), 99.9)) / 0.2)


def test_the_second_worked_chain() -> None:
    puts, calls = {80: 20_000, 90: 500, 100: 500}, {100: 6_000, 105: 3_000}
    contracts = [contract(side, k, oi) for side, held in (("P", puts), ("C", calls)) for k, oi in held.items()]
    chain = chain_of(contracts)
    totals = gex_totals(chain)

    assert totals is not None
    assert totals.net_gex == pytest.approx(4_248_028, abs=0.5)
    assert gamma_flip(chain).level == pytest.approx(91.8422, abs=5e-5)


@settings(max_examples=60)
@given(contracts_strategy())
def test_totals_are_sums_over_contracts(contracts: list[dict[str, Any]]) -> None:
    chain = chain_of(contracts)
    totals = gex_totals(chain)
    calls = net_by_hand([one for one in contracts if one["contract_type"] == "call"], 100.0)
    puts = net_by_hand([one for one in contracts if one["contract_type"] == "put"], 100.0)

    assert totals is not None
    assert (totals.call_gex, totals.put_gex) == pytest.approx((calls, puts))
    assert totals.net_gex == pytest.approx(calls + puts, abs=1e-9 * (calls - puts))
    assert totals.gross_gex == pytest.approx(calls - puts)
    assert gex_by_strike(chain).net_gex.sum() == pytest.approx(totals.net_gex, abs=1e-9 * (calls - puts))


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=2))
def test_the_flip_is_where_the_sign_changes(contracts: list[dict[str, Any]]) -> None:
    flip = gamma_flip(chain_of(contracts))
    grid = [net_by_hand(contracts, spot) for spot in np.linspace(80, 120, 401)]
    gross = [sum(abs(net_by_hand([one], spot)) for one in contracts) for spot in np.linspace(80, 120, 401)]
    signs = [value > 0 for value, whole in zip(grid, gross, strict=True) if abs(value) > 1e-9 * whole]

    assert len(flip.levels) == sum(left != right for left, right in pairwise(signs))
    for level in flip.levels:
        if min((abs(level - other) for other in flip.levels if other != level), default=1.0) > 0.01:
            assert net_by_hand(contracts, level - 0.001) * net_by_hand(contracts, level + 0.001) <= 0
    if flip.status == FlipStatus.NO_CROSS_POSITIVE:
        assert all(signs)
    if flip.status == FlipStatus.NO_CROSS_NEGATIVE:
        assert not any(signs)
    if flip.level is not None:
        assert abs(flip.level - 100) == min(abs(level - 100) for level in flip.levels)
    else:
        assert flip.levels == ()


@settings(max_examples=40, deadline=None)
@given(contracts_strategy(min_size=2), st.floats(0.1, 50))
def test_neither_scale_nor_convention_moves_the_flip(contracts: list[dict[str, Any]], factor: float) -> None:
    turned = {"call": "put", "put": "call"}
    scaled = [one | {"open_interest": one["open_interest"] * factor} for one in contracts]
    mirrored = [one | {"contract_type": turned[one["contract_type"]]} for one in contracts]
    mine = gamma_flip(chain_of(contracts)).levels

    assert gamma_flip(chain_of(scaled)).levels == pytest.approx(mine)
    assert gamma_flip(chain_of(mirrored)).levels == pytest.approx(mine)


def test_many_contracts_are_priced_in_parts() -> None:
    many = chain_of(worked_chain() * 1_200)
    one = gamma_flip(chain_of(worked_chain()))

    assert gamma_flip(many).level == pytest.approx(one.level)


@pytest.mark.parametrize(("side", "status"), [("C", FlipStatus.NO_CROSS_POSITIVE), ("P", FlipStatus.NO_CROSS_NEGATIVE)])
def test_one_side_alone_never_crosses(side: str, status: FlipStatus) -> None:
    flip = gamma_flip(chain_of([contract(side, 95, 100), contract(side, 105, 100)]))

    assert (flip.level, flip.levels, flip.status) == (None, (), status)


def test_sides_that_cancel_have_no_flip() -> None:
    # Enough of them that the order of summation leaves a rest.
    pairs = [
        contract(side, 80 + k, 701 + 13 * k, dte=1 + k % 7, implied_volatility=0.2 + 0.013 * k)
        for side in "CP"
        for k in range(41)
    ]
    flip = gamma_flip(chain_of(pairs))

    assert (flip.levels, flip.status) == ((), FlipStatus.UNKNOWN)


def test_the_nearest_of_several_crossings_counts() -> None:
    contracts = [contract("P", 90, 1000, dte=3), contract("C", 101, 1000, dte=3), contract("P", 112, 3000, dte=3)]
    flip = gamma_flip(chain_of(contracts))

    assert len(flip.levels) == 2
    assert flip.level == min(flip.levels, key=lambda level: abs(level - 100))


def test_vendor_zeros_are_unknown_and_priced_from_volatility() -> None:
    vendor = chain_of([contract("C", 100, 10, gamma=0.05)])
    zero = chain_of([contract("C", 100, 10, gamma=0.0)])
    neither = chain_of([contract("C", 100, 10, gamma=0.0, implied_volatility=0.0)])

    assert vendor.gamma.tolist() == [0.05]
    assert zero.gamma.tolist() == pytest.approx([0.055626], abs=5e-7)
    assert np.isnan(neither.gamma).all()
    assert gex_totals(neither) is None
    assert gamma_flip(neither).status == FlipStatus.UNKNOWN
    assert gamma_flip(neither).coverage == 0

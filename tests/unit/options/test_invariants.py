"""What holds for every chain, whatever its contracts."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kapman_assets.options.dealer import dealer_metrics
from kapman_assets.options.gamma_exposure import (
    FlipDirection,
    gamma_flip,
    gamma_profile,
    gex_by_strike,
    gex_totals,
)
from kapman_assets.options.json_ready import json_ready
from kapman_assets.options.pressure import dgpi
from kapman_assets.options.volatility import volatility_metrics
from tests.unit.options.chains import chain_of, contract, contracts_strategy

ROUNDING = 1e-9
TURNED = {"call": "put", "put": "call"}

# Nearly every draw holds contracts alike in expiry, strike and type.
alike = contracts_strategy(min_size=5, strikes=(97, 103), days=(29, 31))


def net_of(contracts: list[dict[str, Any]]) -> float:
    """The net exposure, of chains where it is more than a rest of rounding."""
    totals = gex_totals(chain_of(contracts))
    assume(totals is not None)
    assert totals is not None
    assume(abs(totals.net_gex) > ROUNDING * totals.gross_gex)
    return totals.net_gex


def metrics_of(contracts: list[dict[str, Any]]) -> dict[str, Any]:
    chain = chain_of(contracts)
    dealer = dealer_metrics(chain, adv_20=1e7, hv_20=0.3)
    return {"dealer": json_ready(dealer), "volatility": json_ready(volatility_metrics(chain, [0.2, 0.3] * 40))}


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=2))
def test_the_profile_at_the_spot_is_the_net(contracts: list[dict[str, Any]]) -> None:
    chain = chain_of(contracts, rate=0.045, dividend_yield=0.013)
    totals = gex_totals(chain)
    net, gross = gamma_profile(chain, np.array([100.0]))

    assert totals is not None
    assert gross[0] == pytest.approx(totals.gross_gex)
    assert net[0] == pytest.approx(totals.net_gex, abs=ROUNDING * totals.gross_gex)


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=2), st.lists(st.floats(70, 130), min_size=1, max_size=9))
def test_a_spot_is_priced_alike_alone_and_among_others(contracts: list[dict[str, Any]], spots: list[float]) -> None:
    chain = chain_of(contracts)
    together = np.stack(gamma_profile(chain, np.array(spots)))
    alone = np.concatenate([np.stack(gamma_profile(chain, np.array([spot]))) for spot in spots], axis=1)

    assert np.abs(together - alone).max() <= 1e-12 * together[1].max()


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=2))
def test_the_nearest_crossing_divides_long_from_short_gamma(contracts: list[dict[str, Any]]) -> None:
    net = net_of(contracts)
    flip = gamma_flip(chain_of(contracts))
    assume(flip.level is not None)
    assert flip.level is not None
    is_above = flip.level < 100

    assert flip.direction != FlipDirection.UNKNOWN
    assert (net > 0) == (is_above == (flip.direction == FlipDirection.UPWARD))


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=5))
def test_the_flip_s_part_of_the_index_has_the_sign_of_the_net(contracts: list[dict[str, Any]]) -> None:
    net = net_of(contracts)
    metrics = dealer_metrics(chain_of(contracts), adv_20=1e7, hv_20=0.3)
    assume(metrics.dgpi_has_flip)
    assert metrics.dgpi is not None
    of_flip = metrics.dgpi - 70 * math.tanh(net / 1e7 / 0.02)

    assert of_flip == pytest.approx(0, abs=1e-9) or (of_flip > 0) == (net > 0)


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=5))
def test_the_other_convention_of_signs_turns_the_index_round(contracts: list[dict[str, Any]]) -> None:
    net_of(contracts)
    mirrored = [one | {"contract_type": TURNED[one["contract_type"]]} for one in contracts]
    mine, other = (dealer_metrics(chain_of(each), adv_20=1e7, hv_20=0.3) for each in (contracts, mirrored))
    assume(mine.dgpi is not None)
    assert mine.dgpi is not None

    assert other.dgpi == pytest.approx(-mine.dgpi, abs=1e-6)
    assert {mine.flip_direction, other.flip_direction} in (
        {FlipDirection.UPWARD, FlipDirection.DOWNWARD},
        {FlipDirection.UNKNOWN},
    )


def test_above_a_downward_crossing_dealers_are_short_gamma() -> None:
    contracts = [contract("C", 90, 2000), contract("P", 108, 2000)] * 3
    metrics = dealer_metrics(chain_of(contracts, spot=101.0), adv_20=1e9, hv_20=0.3)

    assert metrics.flip_direction == FlipDirection.DOWNWARD
    assert metrics.gamma_flip_level is not None
    assert metrics.gamma_flip_level < 101
    assert metrics.net_gex is not None
    assert metrics.net_gex < 0
    assert metrics.dgpi is not None
    assert metrics.dgpi < 100 * 0.7 * math.tanh(metrics.net_gex / 1e9 / 0.02) < 0


@given(st.floats(-1e9, 1e9), st.floats(0.8, 1.2), st.floats(0.05, 2))
def test_the_direction_turns_the_flip_s_part_alone(net: float, flip: float, hv: float) -> None:
    rising, falling = (
        dgpi(net, 1e10, spot=100, flip=100 * flip, hv_20=hv, flip_direction=direction)
        for direction in (FlipDirection.UPWARD, FlipDirection.DOWNWARD)
    )

    assert rising is not None
    assert falling is not None
    assert (rising + falling) / 2 == pytest.approx(70 * math.tanh(net / 1e10 / 0.02), abs=1e-9)
    assert rising - falling == pytest.approx(60 * math.tanh((1 - flip) / (2 * hv / math.sqrt(252))), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(alike.flatmap(lambda contracts: st.tuples(st.just(contracts), st.permutations(contracts))))
def test_the_order_of_contracts_changes_not_one_bit(
    drawn: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    contracts, shuffled = drawn

    assert metrics_of(shuffled) == metrics_of(contracts)


@settings(max_examples=60, deadline=None)
@given(contracts_strategy(min_size=2))
def test_calls_and_puts_add_up(contracts: list[dict[str, Any]]) -> None:
    whole = chain_of(contracts)
    calls, puts = (chain_of([one for one in contracts if one["contract_type"] == side]) for side in ("call", "put"))
    totals, of_calls, of_puts = (gex_totals(chain) for chain in (whole, calls, puts))
    spots = np.linspace(80, 120, 5)
    (net, gross), *parts = (gamma_profile(chain, spots) for chain in (whole, calls, puts))

    assert totals is not None
    assert totals.call_gex == (of_calls.net_gex if of_calls else 0)
    assert totals.put_gex == (of_puts.net_gex if of_puts else 0)
    assert totals.gross_gex == sum(part.gross_gex for part in (of_calls, of_puts) if part)
    assert len(whole) == len(calls) + len(puts)
    assert net == pytest.approx(parts[0][0] + parts[1][0], abs=ROUNDING * gross.max())
    assert gross == pytest.approx(parts[0][1] + parts[1][1])
    by_strike = {
        strike: (call, put)
        for strike, call, put in zip(
            *(getattr(gex_by_strike(whole), name).tolist() for name in ("strike", "call_gex", "put_gex")), strict=True
        )
    }
    for chain, side in ((calls, 0), (puts, 1)):
        table = gex_by_strike(chain)
        for strike, gex in zip(table.strike.tolist(), table.net_gex.tolist(), strict=True):
            assert by_strike[strike][side] == pytest.approx(gex)

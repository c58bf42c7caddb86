"""Position, pressure index and status."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.options.dealer import (
    DealerMetrics,
    DealerStatus,
    FlipSide,
    Position,
    dealer_metrics,
    dealer_position,
    position_vs_flip,
)
from kapman_assets.options.pressure import dgpi, dgpi_v1
from kapman_assets.options.reasons import Reason
from tests.unit.options.chains import chain_of, contract, worked_chain


def metrics_of(contracts: list[dict[str, Any]], **other: Any) -> DealerMetrics:
    return dealer_metrics(chain_of(contracts), **({"adv_20": 1e8, "hv_20": 0.3} | other))


@pytest.mark.parametrize(
    ("net", "adv", "expected"),
    [(1e9, 35e9, 89.14), (-2e9, 500e9, -19.74), (-162_843.81, 15e6, -49.51)],
)
def test_index_without_a_flip(net: float, adv: float, expected: float) -> None:
    assert dgpi(net, adv, spot=100, flip=None, hv_20=0.3) == pytest.approx(expected, abs=0.005)


def test_index_with_a_flip() -> None:
    assert dgpi(1e9, 35e9, spot=100, flip=98, hv_20=0.02 * math.sqrt(252)) == pytest.approx(76.26, abs=0.005)


@given(
    st.floats(-1e12, 1e12),
    st.floats(1e3, 1e12),
    st.floats(1, 1e4),
    st.none() | st.floats(0.8, 1.2),
    st.none() | st.floats(1e-3, 5),
)
def test_the_index_is_bounded(net: float, adv: float, spot: float, flip: float | None, hv: float | None) -> None:
    index = dgpi(net, adv, spot=spot, flip=None if flip is None else flip * spot, hv_20=hv)

    assert index is not None
    assert -100 <= index <= 100


@pytest.mark.parametrize(("net", "published"), [(-162_843.81, -52.12), (-46_164.16, -46.64)])
def test_the_first_index_gives_its_published_values(net: float, published: float) -> None:
    assert round(dgpi_v1(net), 2) == published
    assert dgpi_v1(-net) == -dgpi_v1(net)


def test_the_first_index_has_two_factors_and_a_bound() -> None:
    assert dgpi_v1(1e6) == pytest.approx(60, abs=1e-4)
    assert dgpi_v1(1e6, gex_slope=10) == pytest.approx(66, abs=1e-4)
    assert dgpi_v1(1e6, gex_slope=-1e9) == pytest.approx(42, abs=1e-4)
    assert dgpi_v1(1e6, iv_rank=0) == pytest.approx(42, abs=1e-4)
    assert dgpi_v1(1e9, gex_slope=1e9) == 100
    assert dgpi_v1(0) == 0


@pytest.mark.parametrize(
    ("net", "adv", "position"),
    [
        (2.1e5, 1e8, Position.LONG_GAMMA),
        (-2.1e5, 1e8, Position.SHORT_GAMMA),
        (1.9e5, 1e8, Position.NEUTRAL),
        (2e5, 1e8, Position.NEUTRAL),
        (None, 1e8, Position.UNKNOWN),
        (1e9, None, Position.UNKNOWN),
    ],
)
def test_position(net: float | None, adv: float | None, position: Position) -> None:
    assert dealer_position(net, adv) == position


@pytest.mark.parametrize(
    ("spot", "flip", "side"),
    [
        (100.0, 99.0, FlipSide.ABOVE),
        (100.0, 101.0, FlipSide.BELOW),
        (100.0, 99.5, FlipSide.AT),
        (None, 99.0, FlipSide.UNKNOWN),
        (100.0, None, FlipSide.UNKNOWN),
    ],
)
def test_side_of_the_flip(spot: float | None, flip: float | None, side: FlipSide) -> None:
    assert position_vs_flip(spot, flip) == side


def test_the_worked_chain() -> None:
    metrics = metrics_of(worked_chain())

    assert (metrics.dealer_status, metrics.status_reasons) == (DealerStatus.LIMITED, (Reason.FEW_CONTRACTS,))
    assert (metrics.call_wall, metrics.put_wall) == (105, 95)
    assert (metrics.call_wall_oi, metrics.put_wall_oi) == (105, 90)
    assert metrics.call_wall_above_spot == 105
    assert metrics.net_gex == pytest.approx(554_301.31, abs=0.005)
    assert metrics.gex_pct_adv == pytest.approx(554_301.31 / 1e8)
    assert metrics.dealer_position == Position.LONG_GAMMA
    # The spot is above the upward crossing, and net gamma is positive.
    assert metrics.position_vs_flip == FlipSide.ABOVE
    assert metrics.dgpi == dgpi(metrics.net_gex or 0, 1e8, spot=100, flip=metrics.gamma_flip_level, hv_20=0.3)
    assert metrics.dgpi_has_flip
    # Within 2 % lies the strike of 100 alone.
    assert metrics.dgpi_v1 == dgpi_v1(metrics.net_gex or 0, -166_877.68 / 4)
    assert metrics.null_reasons == {}


def chain_with(count: int, *, without_gamma: int = 0) -> list[dict[str, Any]]:
    known = [contract("CP"[place % 2], 90 + place, 100) for place in range(count)]
    return known + [contract("C", 150 + place, 100, implied_volatility=None) for place in range(without_gamma)]


@pytest.mark.parametrize(
    ("contracts", "other", "status", "reasons"),
    [
        (chain_with(25), {}, DealerStatus.FULL, ()),
        (chain_with(25, without_gamma=6), {}, DealerStatus.FULL, ()),
        (chain_with(25, without_gamma=7), {}, DealerStatus.LIMITED, (Reason.LOW_COVERAGE,)),
        (chain_with(28, without_gamma=7), {}, DealerStatus.FULL, ()),
        (chain_with(24), {}, DealerStatus.LIMITED, (Reason.FEW_CONTRACTS,)),
        (chain_with(25), {"is_complete": False}, DealerStatus.LIMITED, (Reason.CHAIN_INCOMPLETE,)),
        (chain_with(25), {"age": 1}, DealerStatus.FULL, ()),
        (chain_with(25), {"age": 2}, DealerStatus.LIMITED, (Reason.CHAIN_STALE,)),
        (chain_with(5), {}, DealerStatus.LIMITED, (Reason.FEW_CONTRACTS,)),
        (chain_with(4), {}, DealerStatus.INVALID, (Reason.TOO_FEW_CONTRACTS,)),
        (
            chain_with(4, without_gamma=4),
            {},
            DealerStatus.INVALID,
            (Reason.TOO_FEW_CONTRACTS, Reason.LOW_COVERAGE),
        ),
    ],
)
def test_status(
    contracts: list[dict[str, Any]], other: dict[str, Any], status: DealerStatus, reasons: tuple[Reason, ...]
) -> None:
    metrics = metrics_of(contracts, **other)

    assert (metrics.dealer_status, metrics.status_reasons) == (status, reasons)
    assert (metrics.net_gex is None) == (status == DealerStatus.INVALID)


def test_coverage_counts_open_interest() -> None:
    metrics = metrics_of(chain_with(30, without_gamma=10))

    assert (metrics.total_oi, metrics.oi_without_gamma, metrics.oi_coverage) == (4000, 1000, 0.75)
    assert (metrics.contracts, metrics.contracts_used) == (40, 30)
    assert metrics.flip_coverage == 0.75


def test_without_dollar_volume_position_and_index_are_unknown() -> None:
    metrics = metrics_of(worked_chain(), adv_20=None)

    assert metrics.net_gex is not None
    assert (metrics.dealer_position, metrics.dgpi, metrics.gex_pct_adv) == (Position.UNKNOWN, None, None)
    assert metrics.null_reasons == {"dgpi": Reason.NO_ADV, "gex_pct_adv": Reason.NO_ADV}


def test_without_historical_volatility_the_index_has_one_term() -> None:
    metrics = metrics_of(worked_chain(), hv_20=float("nan"))

    assert metrics.dgpi == pytest.approx(100 * math.tanh((metrics.net_gex or 0) / 1e8 / 0.02))
    assert not metrics.dgpi_has_flip


def test_adjusted_contracts_count_for_nothing_but_their_number() -> None:
    adjusted = [contract("C", 100, 90_000, is_standard=False, multiplier=10)]
    mine, without = metrics_of(worked_chain() + adjusted), metrics_of(worked_chain())

    assert mine.contracts_non_standard == 1
    assert mine.net_gex == without.net_gex
    assert mine.max_pains == without.max_pains

"""Skew, constant maturities, ranks and ratios against worked values and plain loops."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.options.reasons import Reason
from kapman_assets.options.smile import Smile, atm_iv, iv_at_delta, smiles
from kapman_assets.options.volatility import (
    VolatilityMetrics,
    at_30_days,
    constant_maturity_iv,
    expected_move,
    iv_rank,
    volatility_metrics,
)
from tests.unit.options.chains import SESSION, chain_of, contract, worked_chain

HISTORY = [0.20, 0.22, 0.25, 0.30, 0.60, 0.24, 0.23, 0.26, 0.28, 0.27]


def floats(*values: float) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array(values)


def quote(side: str, strike: float, delta: float | None, iv: float | None, **other: Any) -> dict[str, Any]:
    return contract(side, strike, 10, **({"delta": delta, "implied_volatility": iv} | other))


def skewed(**other: Any) -> list[dict[str, Any]]:
    """Quotes around 25 delta on both sides; 24.5 % at the money."""
    return [
        quote("P", 92, -0.20, 0.30, **other),
        quote("P", 95, -0.30, 0.275, **other),
        quote("C", 100, 0.52, 0.245, **other),
        quote("C", 105, 0.30, 0.225, **other),
        quote("C", 108, 0.20, 0.22, **other),
    ]


def metrics_of(contracts: list[dict[str, Any]], history: list[float] | None = None) -> VolatilityMetrics:
    return volatility_metrics(chain_of(contracts), history or [])


def test_the_worked_skew() -> None:
    (smile,) = smiles(chain_of(skewed()))

    assert (smile.dte, smile.atm_iv) == (30, 0.245)
    # The nearest quotes have .275 or .30, and .225 or .22.
    assert (smile.put_iv, smile.call_iv) == pytest.approx((0.2875, 0.2225))
    assert smile.skew_25d == pytest.approx(6.50)
    assert smile.skew_25d_norm == pytest.approx(0.26531, abs=5e-6)
    assert smile.bf_25d == pytest.approx(1.00)


def test_skew_uses_what_is_out_of_the_money_and_held() -> None:
    noise = [
        quote("C", 99, 0.26, 0.9),
        quote("P", 101, -0.26, 0.9),
        quote("P", 94, -0.26, 0.9, open_interest=0),
        quote("C", 106, 0.26, 0.9, open_interest=None, volume=0),
        quote("C", 106, 0.26, 6.0),
        quote("C", 106, 0.26, 0.001),
    ]
    (smile,) = smiles(chain_of(skewed() + noise))
    assert smile.skew_25d == pytest.approx(6.50)

    traded = [quote("C", 106, 0.25, 0.4, open_interest=0, volume=1)]
    (smile,) = smiles(chain_of(skewed() + traded))
    assert smile.call_iv == 0.4


def test_a_delta_that_is_missing_comes_from_the_volatility() -> None:
    contracts = [contract("C", k, 10) for k in (100, 103, 106, 109)] + [contract("P", k, 10) for k in (91, 94, 97)]
    for lacking in (None, 0.0, 3.0):
        (smile,) = smiles(chain_of([one | {"delta": lacking} for one in contracts]))
        assert (smile.call_iv, smile.put_iv) == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ((0.10, 0.30), 0.2),
        ((0.15, 0.35), 0.2),
        ((0.1284, 0.3284), 0.2),
        ((0.10, 0.31), None),
        ((0.26, 0.40), None),
        ((0.05, 0.24), None),
        ((0.25, 0.60), 0.2),
        ((), None),
    ],
)
def test_nothing_is_extrapolated_in_delta(deltas: tuple[float, ...], expected: float | None) -> None:
    assert iv_at_delta(np.array(deltas), np.full(len(deltas), 0.2)) == pytest.approx(expected)


def test_volatility_at_the_money() -> None:
    # Calls and puts of a strike count as their mean, strikes by their distance.
    strikes, ivs = floats(95, 95, 105, 110), floats(0.30, 0.34, 0.28, 0.5)

    assert atm_iv(strikes, ivs, 97.5) == pytest.approx(0.31)
    assert atm_iv(strikes, ivs, 95) == pytest.approx(0.32)
    assert atm_iv(strikes, ivs, 94) is None
    assert atm_iv(strikes, ivs, 111) is None
    assert atm_iv(floats(), floats(), 100) is None


def test_worked_constant_maturities() -> None:
    near, far = [(23, 0.28), (37, 0.26)], [(65, 0.255), (100, 0.25)]
    iv_30d, iv_90d = constant_maturity_iv(near, 30), constant_maturity_iv(far, 90)

    assert iv_30d == pytest.approx(0.267843, abs=5e-7)
    assert iv_90d == pytest.approx(0.251040, abs=5e-7)


def test_the_worked_term_structure_from_a_chain() -> None:
    terms = {23: 0.28, 37: 0.26, 65: 0.255, 100: 0.25}
    metrics = metrics_of([contract("C", 100, 1, dte=dte, implied_volatility=iv) for dte, iv in terms.items()])

    assert metrics.term_structure == pytest.approx(-1.6803, abs=5e-5)
    assert metrics.term_ratio == pytest.approx(0.93726, abs=5e-6)
    assert metrics.term_slope_30d is not None
    assert metrics.term_slope_30d / 30 == pytest.approx(-0.02801, abs=5e-6)
    assert metrics.iv_60d is not None
    assert 0.255 < metrics.iv_60d < 0.26
    assert metrics.expected_move_30d == pytest.approx(100 * 0.267843 * math.sqrt(30 / 365), abs=1e-4)


points = st.lists(st.tuples(st.integers(1, 400), st.floats(0.02, 3)), min_size=2, max_size=8, unique_by=lambda p: p[0])


@given(points.map(sorted), st.integers(1, 400))
def test_variance_is_linear_and_between_its_neighbours(terms: list[tuple[int, float]], dte: int) -> None:
    iv = constant_maturity_iv(terms, dte)
    before = [point for point in terms if point[0] <= dte]
    after = [point for point in terms if point[0] >= dte]
    if not before or not after:
        assert iv is None
        return
    (left, low), (right, high) = before[-1], after[0]
    share = (dte - left) / (right - left) if right > left else 0
    variance = (1 - share) * low**2 * left + share * high**2 * right

    assert iv is not None
    assert iv == pytest.approx(math.sqrt(variance / dte))
    assert min(low, high) * (1 - 1e-12) <= iv <= max(low, high) * (1 + 1e-12)


@given(points.map(sorted))
def test_rising_total_variance_stays_rising(terms: list[tuple[int, float]]) -> None:
    rising, variance = [], 0.0
    for days, iv in terms:
        variance += iv * iv
        rising.append((days, math.sqrt(variance / days)))
    known = [(dte, constant_maturity_iv(rising, dte)) for dte in range(rising[0][0], rising[-1][0] + 1)]
    total = [iv * iv * dte for dte, iv in known if iv is not None]

    assert len(total) == len(known)
    assert all(later >= earlier * (1 - 1e-12) for earlier, later in pairwise(total))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(20, 4.0), (40, 6.0)], 5.0),
        ([(30, 4.0), (40, 6.0)], 4.0),
        ([(20, None), (23, 4.0), (37, 6.0)], 5.0),
        ([(6, 4.0), (40, 6.0)], 6.0),
        ([(7, 4.0), (91, 6.0)], None),
        ([(15, 4.0)], 4.0),
        ([(14, 4.0)], None),
        ([(46, 4.0)], None),
        ([(45, 4.0), (80, 1.0)], 4.0),
        ([], None),
    ],
)
def test_skew_at_30_days(values: list[tuple[int, float | None]], expected: float | None) -> None:
    assert at_30_days(values) == pytest.approx(expected)


def test_the_skew_of_a_chain_is_that_of_30_days() -> None:
    metrics = metrics_of(skewed(expiration_date="2026-09-13") + skewed(expiration_date="2026-09-27"))

    assert [smile.dte for smile in metrics.smiles] == [23, 37]
    assert (metrics.skew_25d, metrics.skew_25d_norm, metrics.bf_25d) == pytest.approx((6.5, 0.26531, 1.0), abs=5e-6)
    assert "skew_25d" not in metrics.null_reasons


@pytest.mark.parametrize(
    ("current", "rank", "percentile"), [(0.29, 22.5, 80.0), (0.28, 20.0, 70.0), (0.70, 100.0, 100.0), (0.10, 0.0, 0.0)]
)
def test_worked_ranks(current: float, rank: float, percentile: float) -> None:
    result = iv_rank(HISTORY, current, least=10)

    assert (result.iv_rank, result.iv_percentile) == pytest.approx((rank, percentile))
    assert (result.history_n, result.reason) == (10, None)


def test_a_rank_needs_sixty_known_sessions_of_the_last_252() -> None:
    assert iv_rank([0.2, 0.3] * 30, 0.25).iv_rank == pytest.approx(50)
    short = iv_rank([*[0.2] * 59, *[math.nan] * 100], 0.25)
    assert (short.iv_rank, short.iv_percentile, short.history_n) == (None, None, 59)
    assert short.reason == Reason.SHORT_HISTORY
    old = iv_rank([5.0, *[0.2, 0.3] * 126], 0.25)
    assert (old.iv_rank, old.history_n) == (pytest.approx(50), 252)
    flat = iv_rank([0.25] * 60, 0.25)
    assert (flat.iv_rank, flat.iv_percentile, flat.reason) == (None, 0, Reason.FLAT_HISTORY)
    assert iv_rank([0.25] * 60, None).reason == Reason.NO_IV
    assert iv_rank([], 0.25, least=0).reason == Reason.SHORT_HISTORY


@given(st.lists(st.floats(0.01, 3), min_size=60, max_size=300), st.floats(0.01, 3))
def test_ranks_by_hand(history: list[float], current: float) -> None:
    result = iv_rank(history, current)
    recent = history[-252:]
    below = sum(value < current for value in recent)

    assert result.iv_percentile == pytest.approx(100 * below / len(recent))
    if result.iv_rank is not None:
        low, high = min([*recent, current]), max([*recent, current])
        assert result.iv_rank == pytest.approx(100 * (current - low) / (high - low))
        assert 0 <= result.iv_rank <= 100


def test_worked_ratios() -> None:
    metrics = metrics_of(
        [
            contract("C", 100, 40_000, volume=6_000, implied_volatility=0.2),
            contract("P", 100, 52_000, volume=4_200, implied_volatility=0.3),
            contract("P", 90, None, volume=None, implied_volatility=0.0),
        ]
    )

    assert metrics.pcr_oi == pytest.approx(1.30)
    assert metrics.pcr_volume == pytest.approx(0.70)
    assert metrics.oi_turnover == pytest.approx(10_200 / 92_000)
    assert metrics.average_iv == pytest.approx(0.25)
    assert metrics.weighted_iv == pytest.approx((0.2 * 40 + 0.3 * 52) / 92)
    assert metrics.contracts_analyzed == 2


def test_a_ratio_without_calls_is_unknown() -> None:
    metrics = metrics_of([contract("P", 100, 10, volume=5), contract("C", 100, 0, volume=0)])

    assert (metrics.pcr_oi, metrics.pcr_volume) == (None, None)
    assert metrics.null_reasons["pcr_oi"] == Reason.NO_CALL_OPEN_INTEREST
    assert metrics.null_reasons["pcr_volume"] == Reason.NO_CALL_VOLUME


def test_a_ratio_of_no_puts_to_calls_is_zero_only_if_puts_are_known() -> None:
    unknown = metrics_of([contract("C", 100, 10, volume=5)])
    known = metrics_of([contract("C", 100, 10, volume=5), contract("P", 100, 0, volume=0)])

    assert unknown.null_reasons["pcr_oi"] == Reason.NO_PUT_OPEN_INTEREST
    assert unknown.null_reasons["pcr_volume"] == Reason.NO_PUT_VOLUME
    assert (known.pcr_oi, known.pcr_volume) == (0, 0)


def test_expected_move() -> None:
    assert expected_move(100, 0.25, 30) == pytest.approx(7.167277, abs=5e-7)
    assert expected_move(None, 0.25, 30) is None


def test_a_maturity_without_expiries_around_it_is_unknown() -> None:
    metrics = metrics_of(worked_chain(), [0.2, 0.3] * 40)

    assert (metrics.iv_30d, metrics.iv_60d, metrics.iv_90d) == (pytest.approx(0.25), None, None)
    assert metrics.iv_rank == pytest.approx(50)
    assert metrics.history_n == 80
    assert metrics.null_reasons["iv_60d"] == metrics.null_reasons["term_ratio"] == Reason.NO_BRACKET


def test_measures_of_half_a_smile_are_unknown() -> None:
    for put, call, atm in ((None, 0.2, 0.2), (0.2, None, 0.2)):
        smile = Smile(SESSION, 30, atm, call, put)
        assert (smile.skew_25d, smile.skew_25d_norm, smile.bf_25d) == (None, None, None)
    assert Smile(SESSION, 30, None, 0.2, 0.3).skew_25d == pytest.approx(10)
    assert Smile(SESSION, 30, None, 0.2, 0.3).skew_25d_norm is None

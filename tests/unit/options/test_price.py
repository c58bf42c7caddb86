"""Realised volatility and unusual volume against worked values, the standard library, and shorter histories."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.options.price import (
    dollar_volume,
    historical_volatility,
    price_metrics,
    relative_volume,
    volatility_regime,
    volume_surge,
)
from kapman_assets.options.reasons import Reason

CLOSES = [100, 102, 101, 103, 104, 102]
VOLUMES = [100, 110, 90, 105, 95, 100, 120, 80, 100, 100, 110, 90, 105, 95, 100, 100, 100, 95, 105, 100, 250]


def test_worked_volatility() -> None:
    values = historical_volatility(CLOSES, 5)

    # Dividing by n would give 0.25256833, a mean of zero 0.26027596.
    assert values[-1] == pytest.approx(0.28237998, abs=5e-9)
    assert np.isnan(values[:-1]).all()


def test_worked_volume() -> None:
    assert relative_volume(VOLUMES)[-1] == pytest.approx(2.5)
    # Dividing by n would give 18.257419.
    assert volume_surge(VOLUMES)[-1] == pytest.approx(17.795130, abs=5e-7)
    assert statistics.stdev(VOLUMES[:-1]) == pytest.approx(8.429272, abs=5e-7)
    assert volume_surge(np.log(VOLUMES))[-1] == pytest.approx(10.783709, abs=5e-7)


@given(st.lists(st.floats(1, 1000), min_size=7, max_size=40))
def test_volatility_by_the_standard_library(closes: list[float]) -> None:
    values = historical_volatility(closes, 5)

    for place in range(5, len(closes)):
        steps = [math.log(closes[k] / closes[k - 1]) for k in range(place - 4, place + 1)]
        assert values[place] == pytest.approx(statistics.stdev(steps) * math.sqrt(252), abs=1e-12)


@given(st.lists(st.integers(0, 10**9), min_size=22, max_size=60))
def test_volume_by_the_standard_library(volumes: list[int]) -> None:
    relative, surge = relative_volume(volumes), volume_surge(volumes)

    for place in range(20, len(volumes)):
        before = volumes[place - 20 : place]
        mean = statistics.fmean(before)
        assert relative[place] == (
            pytest.approx(volumes[place] / mean) if mean else pytest.approx(math.nan, nan_ok=True)
        )
        expected = (volumes[place] - mean) / statistics.stdev(before) if len(set(before)) > 1 else math.nan
        assert surge[place] == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)


@given(st.lists(st.floats(1, 1000), min_size=25, max_size=90), st.integers(0, 64))
def test_a_cut_history_gives_the_same_bits(bars: list[float], later: int) -> None:
    cut = len(bars) - min(later, len(bars) - 1)
    many = np.stack([bars, bars[::-1]])
    for function in (lambda x: historical_volatility(x, 20), relative_volume, volume_surge):
        whole = function(bars)
        assert np.array_equal(whole[:cut], function(bars[:cut]), equal_nan=True)
        # A symbol alone, and one of many.
        assert np.array_equal(function(many)[0], whole, equal_nan=True)
        assert np.array_equal(function(np.asfortranarray(many))[0], whole, equal_nan=True)
        # The last window alone, too.
        assert np.array_equal(function(bars[-21:])[-1:], whole[-1:], equal_nan=True)


@pytest.mark.parametrize("wrong", [math.nan, 0.0, -1.0, math.inf])
def test_a_gap_is_unknown_until_it_leaves_the_window(wrong: float) -> None:
    closes = [100.0 + k % 3 for k in range(30)]
    closes[10] = wrong
    values = historical_volatility(closes, 5)

    assert np.isnan(values[:16]).sum() == 5 + 6
    assert not np.isnan(values[[5, 9, 16, 29]]).any()
    assert np.isnan(values[10:16]).all()


def test_metrics_of_the_last_session() -> None:
    closes = [100 * 1.01 ** (k % 7) for k in range(61)]
    metrics = price_metrics(closes, [*[1.0] * 40, *VOLUMES], 0.3)

    assert metrics.hv_20 == historical_volatility(closes, 20)[-1]
    assert metrics.hv_60 == historical_volatility(closes, 60)[-1]
    assert (metrics.rvol_20, metrics.vsi_20) == (pytest.approx(2.5), pytest.approx(17.795130, abs=5e-7))
    assert metrics.iv_hv_diff == pytest.approx((0.3 - (metrics.hv_20 or 0)) * 100)
    assert metrics.null_reasons == {}


def test_what_is_lacking_is_told() -> None:
    steady = [100.0 + k % 2 for k in range(30)]
    short = price_metrics(steady, [5.0] * 30, None)
    assert short.null_reasons == {
        "hv_60": Reason.SHORT_HISTORY,
        "vsi_20": Reason.FLAT_HISTORY,
        "iv_hv_diff": Reason.NO_IV,
    }
    assert short.rvol_20 == 1

    torn = price_metrics([*steady, math.nan], [*[5.0] * 30, math.nan], 0.2)
    assert torn.null_reasons == {
        "hv_20": Reason.GAP_IN_BARS,
        "hv_60": Reason.SHORT_HISTORY,
        "rvol_20": Reason.GAP_IN_BARS,
        "vsi_20": Reason.GAP_IN_BARS,
        "adv_20": Reason.GAP_IN_BARS,
        "iv_hv_diff": Reason.NO_HV,
    }
    assert price_metrics(steady, steady, math.nan).null_reasons["iv_hv_diff"] == Reason.NO_IV
    idle = price_metrics(steady, [0.0] * 30, 0.2)
    assert (idle.rvol_20, idle.null_reasons["rvol_20"]) == (None, Reason.FLAT_HISTORY)


def test_dollar_volume_is_a_mean_of_products() -> None:
    closes, volumes = [10.0, 11.0, 12.0, 13.0], [100.0, 0.0, 50.0, 20.0]

    assert dollar_volume(closes, volumes, 3).tolist()[2:] == pytest.approx([1600 / 3, 860 / 3])
    assert np.isnan(dollar_volume(closes, volumes, 3)[:2]).all()
    assert np.isnan(dollar_volume(closes, [math.nan, *volumes[1:]], 3)[2])
    # A split of 2 for 1 changes nothing.
    halved = dollar_volume(np.array(closes) / 2, np.array(volumes) * 2, 3)
    assert halved[2:] == pytest.approx([1600 / 3, 860 / 3])
    assert price_metrics([10.0] * 20, [5.0] * 20, None).adv_20 == 50


@pytest.mark.parametrize("length", [0, 1, 2, 19])
def test_too_few_bars_give_nothing(length: int) -> None:
    metrics = price_metrics([100.0] * length, [100.0] * length, 0.2)

    assert (metrics.hv_20, metrics.hv_60, metrics.rvol_20, metrics.vsi_20) == (None,) * 4
    assert (metrics.adv_20, metrics.iv_hv_diff) == (None, None)
    assert set(metrics.null_reasons.values()) == {Reason.SHORT_HISTORY, Reason.NO_HV}


def test_the_volatility_regime() -> None:
    history = np.arange(1.0, 101.0)
    for value, expected in ((25.5, "low"), (26.5, "normal"), (75.5, "normal"), (76.5, "high"), (200.0, "extreme")):
        # One of 101 values is the session's own.
        assert volatility_regime([*history, value]) == expected, value
    assert volatility_regime([*history, 95.5]) == "high"
    assert volatility_regime([*history, 96.5]) == "extreme"
    assert volatility_regime([*[0.2] * 59]) is None
    assert volatility_regime([*[0.2] * 60]) == "low"
    assert volatility_regime([*[0.2] * 60, np.nan]) is None
    assert volatility_regime([*[np.nan] * 300, *[0.2] * 59]) is None
    # What is older than the window does not count: 252 rising values, after a thousand higher ones.
    assert volatility_regime([*[9.0] * 1000, *np.arange(252.0)]) == "extreme"


@given(st.lists(st.floats(0.01, 2), min_size=60, max_size=300))
def test_older_history_changes_no_regime(values: list[float]) -> None:
    assert volatility_regime(values[-252:]) == volatility_regime(values)

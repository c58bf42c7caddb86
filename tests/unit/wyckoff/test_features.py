"""Features against TA-Lib and against definitions written out with numpy."""

import numpy as np
import pytest
import talib

from kapman_assets.wyckoff.features import Bars, Floats, compute
from tests.unit.wyckoff.series import bars_of, planted

WING = 3


def same(left: Floats, right: Floats, *, first: int) -> None:
    """Equal from a bar on, unknown before it."""
    assert np.isnan(left[:first]).all()
    assert left[first:] == pytest.approx(right[first:], rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return planted(1)


def test_against_talib(bars: Bars) -> None:
    got = compute(bars, WING)

    same(got.rsi, talib.RSI(bars.close, 14), first=14)
    fast, _ = talib.STOCHF(bars.high, bars.low, bars.close, fastk_period=14, fastd_period=1)
    same(got.stoch, fast, first=13)
    same(got.sma50, talib.SMA(bars.close, 50), first=49)
    same(got.ret20, talib.ROCP(bars.close, 20), first=20)
    same(got.tr, talib.TRANGE(bars.high, bars.low, bars.close), first=1)
    # TA-Lib's OBV begins with the first volume, this one with nothing.
    obv = talib.OBV(bars.close, bars.volume)
    assert got.obv == pytest.approx(obv - obv[0])
    same(got.obv_slope, talib.LINEARREG_SLOPE(obv, 10), first=9)


def test_windows_end_before_the_bar(bars: Bars) -> None:
    got = compute(bars, WING)
    share = got.tr[1:] / bars.close[:-1]
    for t in (41, 100, len(bars.close) - 1):
        assert got.rvol[t] == pytest.approx(bars.volume[t] / bars.volume[t - 20 : t].mean())
        before = bars.volume[t - 40 : t]
        assert got.vol_z[t] == pytest.approx((bars.volume[t] - before.mean()) / before.std(ddof=1))
        before = share[t - 41 : t - 1]
        assert got.tr_z[t] == pytest.approx((share[t - 1] - before.mean()) / before.std(ddof=1))
        assert got.atr[t] == pytest.approx(share[t - 21 : t - 1].mean() * bars.close[t - 1])
        assert got.low20[t] == bars.low[t - 20 : t].min()
        assert got.high20[t] == bars.high[t - 20 : t].max()
        assert got.close20[t] == bars.close[t - 20 : t].max()
    for t in (60, 150):
        assert got.high60[t] == bars.high[t - 60 : t].max()
        assert (got.max60[t], got.min60[t]) == (bars.close[t - 60 : t].max(), bars.close[t - 60 : t].min())
        daily = np.diff(np.log(bars.close[t - 30 : t - 9]))
        moved = np.log(bars.close[t] / bars.close[t - 10])
        assert got.ret10_sigmas[t] == pytest.approx(moved / (daily.std(ddof=1) * np.sqrt(10)))
    firsts = {"rvol": 20, "vol_z": 40, "atr": 21, "tr_z": 41, "low20": 20, "high60": 60, "ret10_sigmas": 30}
    for name, first in firsts.items():
        values = getattr(got, name)
        assert np.isnan(values[:first]).all(), name
        assert not np.isnan(values[first:]).any(), name


def test_pivots_are_known_three_bars_later() -> None:
    high = [10, 11, 12, 15, 12, 11, 10, 11, 15, 15, 12, 11, 10]
    flat = [[9.0] * 13, high, [8.0 - k % 2 for k in range(13)], [9.0] * 13, [1.0] * 13]
    got = compute(bars_of(flat), WING)

    # 15 at bar 3; of two equal highs the later one, which no bar after it reaches.
    assert np.flatnonzero(got.is_top).tolist() == [6, 12]
    assert not got.is_bottom.any()
    assert np.isnan(got.obv_at_pivot[:6]).all()


def test_a_bar_without_a_range_closes_in_its_middle() -> None:
    got = compute(bars_of([[5.0] * 3, [5.0, 5.0, 6.0], [5.0, 5.0, 4.0], [5.0, 5.0, 5.5], [1.0] * 3]), WING)
    assert got.clv.tolist() == [0.5, 0.5, 0.75]


def test_what_does_not_vary_has_no_deviation() -> None:
    still = bars_of([[5.0] * 90, [5.0] * 90, [5.0] * 90, [5.0] * 90, [0.0] * 90])
    got = compute(still, WING)

    for name in ("tr_z", "vol_z", "rvol", "stoch", "ret10_sigmas"):
        assert np.isnan(getattr(got, name)).all(), name
    assert (got.atr[21:] == 0).all()
    assert (got.rsi[14:] == 50).all()

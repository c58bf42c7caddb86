"""Rolling features of one symbol's bars: what the state machine and the scores look at. No event is decided here.

Every window that a bar is compared with ends on the bar before it, so that a bar never dilutes its own surprise. A
window is summed anew for each bar: a running sum would carry rounding from bars outside of the window.
"""
# ruff: noqa: PLR2004 - windows are part of what the features are

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


class Bars(NamedTuple):
    """Bars of one symbol, adjusted for splits, oldest first, float64 arrays of one length; a halted day has no bar.

    Attributes:
        open, high, low, close: prices in USD a share.
        volume: shares.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Features(NamedTuple):
    """One value a bar; NaN until the window is full or where a division by zero would be.

    Attributes:
        tr: true range, gaps included, USD.
        atr: mean true range of the 20 bars before as a share of the price, at the price of the bar before, USD: in a
            long fall the ranges of the higher prices would hide a wide bar.
        tr_z, vol_z: true range as a share of the price, and volume, against the 40 bars before, in standard
            deviations (ddof=1).
        rvol: volume over the mean of the 20 bars before.
        clv: where the bar closes in its range, 0 low to 1 high; .5 without a range.
        sma50: mean of the last 50 closes, this one included.
        ret20: return over the last 20 bars.
        low20, high20, high60: lowest low and highest highs of the bars before.
        max60, min60: highest and lowest close of the 60 bars before.
        close20: highest close of the 20 bars before.
        rsi: Wilder's RSI of 14, in per cent.
        stoch: raw stochastic %K of 14, in per cent.
        obv: on-balance volume, shares, 0 at the first bar.
        obv_slope: slope of the last 10 values of `obv`, shares a bar.
        obv_at_pivot: `obv` at the last high pivot that is confirmed.
        is_top, is_bottom: 1 where the bar confirms a pivot high or low, some bars before it; 0 elsewhere.
        ret10_sigmas: return over 10 bars in standard deviations of the 20 daily returns before it, scaled to 10 bars.
    """

    tr: Floats
    atr: Floats
    tr_z: Floats
    vol_z: Floats
    rvol: Floats
    clv: Floats
    sma50: Floats
    ret20: Floats
    low20: Floats
    high20: Floats
    high60: Floats
    max60: Floats
    min60: Floats
    close20: Floats
    rsi: Floats
    stoch: Floats
    obv: Floats
    obv_slope: Floats
    obv_at_pivot: Floats
    is_top: npt.NDArray[np.int64]
    is_bottom: npt.NDArray[np.int64]
    ret10_sigmas: Floats


@njit(cache=True, error_model="numpy")
def _mean_before(values: Floats, window: int, first: int) -> Floats:
    """Mean of the `window` values before each; the oldest of them is not before `first`."""
    result = np.full(len(values), np.nan)
    for t in range(first + window, len(values)):
        total = 0.0
        for i in range(t - window, t):
            total += values[i]
        result[t] = total / window
    return result


@njit(cache=True, error_model="numpy")
def _score_before(values: Floats, window: int, first: int) -> Floats:
    """Each value in standard deviations (ddof=1) from the mean of the `window` before it; NaN where all are equal."""
    mean = _mean_before(values, window, first)
    result = np.full(len(values), np.nan)
    for t in range(first + window, len(values)):
        squares = 0.0
        varies = False
        for i in range(t - window, t):
            squares += (values[i] - mean[t]) ** 2
            varies = varies or values[i] != values[t - window]
        # Rounding of the mean must not make equal values vary.
        if varies:
            result[t] = (values[t] - mean[t]) / np.sqrt(squares / (window - 1))
    return result


@njit(cache=True, error_model="numpy")
def _extreme_before(values: Floats, window: int, sign: float) -> Floats:
    """Highest (sign 1) or lowest (-1) of the `window` values before each."""
    result = np.full(len(values), np.nan)
    for t in range(window, len(values)):
        best = values[t - window]
        for i in range(t - window + 1, t):
            if sign * values[i] > sign * best:
                best = values[i]
        result[t] = best
    return result


@njit(cache=True, error_model="numpy")
def _wilder_rsi(close: Floats, window: int) -> Floats:
    """Wilder's index; 50 where nothing moved. Its memory begins at the first bar."""
    result = np.full(len(close), np.nan)
    up = down = 0.0
    for t in range(1, len(close)):
        change = close[t] - close[t - 1]
        if t <= window:
            up += max(change, 0.0) / window
            down += max(-change, 0.0) / window
        else:
            up += (max(change, 0.0) - up) / window
            down += (max(-change, 0.0) - down) / window
        if t >= window:
            result[t] = 100 * up / (up + down) if up + down > 0 else 50.0
    return result


@njit(cache=True, error_model="numpy")
def _is_pivot(values: Floats, t: int, wing: int, sign: float) -> bool:
    """Whether bar `t` confirms a pivot `wing` bars before: beyond the bars after it, not behind those before it."""
    at = t - wing
    is_one = at >= wing
    for k in range(1, wing + 1 if is_one else 1):
        is_one = is_one and sign * values[at - k] <= sign * values[at] > sign * values[at + k]
    return is_one


@njit(cache=True, error_model="numpy")
def _stochastic(bars: Bars) -> Floats:
    """Raw %K of 14."""
    result = np.full(len(bars.close), np.nan)
    for t in range(13, len(bars.close)):
        bottom, top = np.min(bars.low[t - 13 : t + 1]), np.max(bars.high[t - 13 : t + 1])
        if top > bottom:
            result[t] = 100 * (bars.close[t] - bottom) / (top - bottom)
    return result


@njit(cache=True, error_model="numpy")
def _slope(values: Floats, window: int) -> Floats:
    """Slope of the regression line through the last `window` values."""
    result = np.full(len(values), np.nan)
    middle = (window - 1) / 2
    squares = window * (window**2 - 1) / 12
    for t in range(window - 1, len(values)):
        total = 0.0
        for i in range(window):
            total += (i - middle) * values[t - window + 1 + i]
        result[t] = total / squares
    return result


@njit(cache=True, error_model="numpy")
def _sigmas(close: Floats) -> Floats:
    """Return over 10 bars in standard deviations (ddof=1) of the 20 daily returns before them, scaled to 10 bars."""
    result = np.full(len(close), np.nan)
    for t in range(30, len(close)):
        daily = np.log(close[t - 29 : t - 9] / close[t - 30 : t - 10])
        spread = np.std(daily) * np.sqrt(20 / 19 * 10)
        if spread > 0:
            result[t] = np.log(close[t] / close[t - 10]) / spread
    return result


@njit(cache=True, error_model="numpy")
def compute(bars: Bars, pivot_wing: int) -> Features:
    """Compute every feature of one symbol.

    Args:
        bars: sound bars, see `Bars`.
        pivot_wing: bars on each side of a pivot; it is confirmed that many bars later.
    """
    high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
    count = len(close)
    tr, share, clv = np.full(count, np.nan), np.full(count, np.nan), np.full(count, 0.5)
    ret20, sma50, rvol = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    obv, at_pivot = np.zeros(count), np.full(count, np.nan)
    is_top, is_bottom = np.zeros(count, np.int64), np.zeros(count, np.int64)
    last_pivot = np.nan
    for t in range(count):
        if high[t] > low[t]:
            clv[t] = (close[t] - low[t]) / (high[t] - low[t])
        if t >= 1:
            tr[t] = max(high[t], close[t - 1]) - min(low[t], close[t - 1])
            share[t] = tr[t] / close[t - 1]
            obv[t] = obv[t - 1] + np.sign(close[t] - close[t - 1]) * volume[t]
        if t >= 20:
            ret20[t] = close[t] / close[t - 20] - 1
        if t >= 49:
            sma50[t] = np.mean(close[t - 49 : t + 1])
        is_top[t] = _is_pivot(high, t, pivot_wing, 1.0)
        is_bottom[t] = _is_pivot(low, t, pivot_wing, -1.0)
        if is_top[t]:
            last_pivot = obv[t - pivot_wing]
        at_pivot[t] = last_pivot
    atr, mean_volume = _mean_before(share, 20, 1), _mean_before(volume, 20, 0)
    for t in range(20, count):
        atr[t] *= close[t - 1]
        if mean_volume[t] > 0:
            rvol[t] = volume[t] / mean_volume[t]
    return Features(
        tr,
        atr,
        _score_before(share, 40, 1),
        _score_before(volume, 40, 0),
        rvol,
        clv,
        sma50,
        ret20,
        _extreme_before(low, 20, -1.0),
        _extreme_before(high, 20, 1.0),
        _extreme_before(high, 60, 1.0),
        _extreme_before(close, 60, 1.0),
        _extreme_before(close, 60, -1.0),
        _extreme_before(close, 20, 1.0),
        _wilder_rsi(close, 14),
        _stochastic(bars),
        obv,
        _slope(obv, 10),
        at_pivot,
        is_top,
        is_bottom,
        _sigmas(close),
    )

"""Indicators of one symbol on its own bars: a session without a bar is absent, and leaves no hole in an average.

TA-Lib's RSI, ATR, EMA and SMA are the document's: Wilder's smoothing and the exponential averages begin with a simple
mean of their first window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import talib

from kapman_assets.etf.look_back import Span
from kapman_assets.etf.windows import Bools, Floats, windows

BARS_NEEDED: dict[str, int] = {
    "macd": 26,
    "macd_signal": 34,
    "rsi14": 15,
    "bb_pctb_20": 20,
    "ma50": 50,
    "ma200": 200,
    "ma_gap_pct": 200,
    "mom_5d": 6,
    "atr14": 15,
}
"""The indicators, and the bars up to and with its own that a value needs."""

FLAT = 1e-10
"""A deviation below this share of what is natural for the values is rounding of values that stand still."""

_BANDS, _MOMENTUM = 20, 5


class Bars(NamedTuple):
    """Usable bars of one symbol, oldest first; USD a share, adjusted."""

    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True)
class Indicators:
    """Indicators of one symbol on all sessions.

    Attributes:
        values: by name, one value a session; NaN where unknown and where it was not asked for.
        bars: usable bars that each session sees, up to and with its own.
    """

    values: dict[str, Floats]
    bars: npt.NDArray[np.int64]


def indicators(high: Floats, low: Floats, close: Floats, usable: Bools, spans: Sequence[Span]) -> Indicators:
    """Calculate the sessions of the spans.

    Args:
        high: USD a share, adjusted, one a session.
        low: likewise.
        close: likewise.
        usable: the sessions with a bar to calculate with.
        spans: the sessions that are asked for, and where each sees its history begin.
    """
    values = {name: np.full(len(close), np.nan) for name in BARS_NEEDED}
    bars = np.zeros(len(close), dtype=np.int64)
    for start, first, after in spans:
        seen = usable[start:after]
        asked = usable[first:after]
        bars[first:after] = seen.cumsum()[first - start :]
        if not asked.any():
            continue
        own = of_bars(Bars(*(column[start:after][seen] for column in (high, low, close))))
        for name, array in own.items():
            values[name][first:after][asked] = array[len(array) - int(asked.sum()) :]
    return Indicators(values, bars)


def of_bars(bars: Bars) -> dict[str, Floats]:
    """The indicators of `BARS_NEEDED`, one value a bar, NaN where a window is not full or stands still."""
    close = bars.close
    macd = talib.EMA(close, 12) - talib.EMA(close, 26)
    ma50, ma200 = talib.SMA(close, 50), talib.SMA(close, 200)
    return {
        "macd": macd,
        "macd_signal": talib.EMA(macd, 9),
        "rsi14": _rsi(close),
        "bb_pctb_20": _percent_b(close),
        "ma50": ma50,
        "ma200": ma200,
        "ma_gap_pct": (ma50 - ma200) / ma200,
        "mom_5d": talib.ROCP(close, _MOMENTUM),
        "atr14": talib.ATR(*bars, 14),
    }


def _rsi(close: Floats) -> Floats:
    """NaN until the close has changed once: there is no gain and no loss to compare."""
    has_moved = np.logical_or.accumulate(np.diff(close, prepend=close[:1]) != 0)
    return np.where(has_moved, talib.RSI(close, 14), np.nan)


def _percent_b(close: Floats) -> Floats:
    """`(close - (mean - 2 sigma)) / (4 sigma)` with the deviation of the 20 closes themselves (ddof=0), in 0 to 1."""
    result = np.full(len(close), np.nan)
    if len(close) < _BANDS:
        return result
    window = windows(close, _BANDS)
    mean = window.mean(axis=-1)
    deviation = np.sqrt(np.square(window - mean[:, np.newaxis]).mean(axis=-1))
    last = close[_BANDS - 1 :]
    place = np.full(len(last), np.nan)
    np.divide(last - (mean - 2 * deviation), 4 * deviation, out=place, where=deviation > FLAT * last)
    result[_BANDS - 1 :] = np.clip(place, 0, 1)
    return result

"""The bars of one name as arrays, and the few steps on them that several indicators share.

Formulas of indicators are in the modules of their families.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
import talib

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bars:
    """Bars of one name, oldest first, adjusted for splits. A day without a bar is absent.

    Attributes:
        open, high, low, close: USD a share.
        volume: shares.
        vwap: the bar's own volume-weighted price, USD a share; NaN where the source has none.
    """

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats

    @classmethod
    def of(
        cls,
        *,
        open: npt.ArrayLike,
        high: npt.ArrayLike,
        low: npt.ArrayLike,
        close: npt.ArrayLike,
        volume: npt.ArrayLike,
        vwap: npt.ArrayLike | None = None,
    ) -> Self:
        """Bars from anything that is like arrays of one length.

        Raises:
            ValueError: if the lengths differ.
        """
        given = [np.ascontiguousarray(values, dtype=np.float64) for values in (open, high, low, close, volume)]
        given.append(np.full(len(given[0]), np.nan) if vwap is None else np.ascontiguousarray(vwap, dtype=np.float64))
        if len({values.shape for values in given}) > 1 or given[0].ndim != 1:
            raise ValueError(f"columns of bars must be of one length, not {[values.shape for values in given]}")
        return cls(*given)

    def __len__(self) -> int:
        return len(self.close)

    def __getitem__(self, which: slice | Bools) -> Self:
        """Some of the bars, by a slice or a mask."""
        return type(self)(*(np.ascontiguousarray(getattr(self, field.name)[which]) for field in fields(self)))

    def in_units(self, factor: float) -> Self:
        """The bars in other shares: prices over the factor, volumes times it."""
        if factor == 1:
            return self
        return type(self)(
            open=self.open / factor,
            high=self.high / factor,
            low=self.low / factor,
            close=self.close / factor,
            volume=self.volume * factor,
            vwap=self.vwap / factor,
        )

    @property
    def are_complete(self) -> Bools:
        """Where a bar can be calculated with: positive finite prices and a known volume."""
        prices = np.stack((self.open, self.high, self.low, self.close))
        with np.errstate(invalid="ignore"):
            known = ((prices > 0) & np.isfinite(prices)).all(axis=0)
            return np.asarray(known & (self.volume >= 0) & np.isfinite(self.volume))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, and NaN where it would divide by zero."""
    result = np.full(len(denominator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def earlier(values: Floats, bars: int = 1) -> Floats:
    """The value so many bars before, NaN for the first ones."""
    result = np.full(len(values), np.nan)
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def mean_of_known(values: Floats, window: int) -> Floats:
    """Mean of a window in which every value is known; unlike TA-Lib's it recovers from a NaN in the middle."""
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        result[window - 1 :] = np.correlate(values, np.ones(window), "valid") / window
    return result


def is_flat(highs: Floats, lows: Floats, window: int) -> Bools:
    """Where the whole window has one price: a range or a deviation is then zero, whatever rounding says."""
    return np.asarray(talib.MAX(highs, window) == talib.MIN(lows, window))


def has_been(condition: Bools) -> Bools:
    """Where the condition held on any bar so far."""
    return np.asarray(np.logical_or.accumulate(condition))


def known_where(condition: Bools, values: Floats) -> Floats:
    """The values where the condition holds, NaN elsewhere."""
    return np.where(condition, values, np.nan)

"""Bars that the Wyckoff tests share: drawn by hand, planted by the benchmark's generator, and recorded."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks.wyckoff.generator import structure_series
from benchmarks.wyckoff.nulls import BOOTSTRAP, null_series, read_recorded
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.reading import SymbolBars

FIRST = date(2020, 1, 1)


def bars_of(values: Sequence[Sequence[float]]) -> Bars:
    """Bars from open, high, low, close and volume."""
    opened, high, low, close, volume = (np.array(column, dtype=np.float64) for column in values)
    return Bars(opened, high, low, close, volume)


def days(count: int) -> tuple[date, ...]:
    return tuple(FIRST + timedelta(days=k) for k in range(count))


def symbol(bars: Bars) -> SymbolBars:
    return SymbolBars(days(len(bars.close)), bars)


def cut(bars: Bars, first: int, last: int) -> Bars:
    return bars_of([values[first:last] for values in bars])


def planted(seed: int) -> Bars:
    """A symbol with a structure, or at every fourth seed without one."""
    drawn = null_series(seed, BOOTSTRAP) if seed % 4 == 3 else structure_series(seed)
    return bars_of(drawn.bars)


def recorded(folder: Path, symbols: int) -> dict[str, SymbolBars]:
    """Some of the recorded symbols with a whole history."""
    read = read_recorded(folder / "flatfiles_2024_2026", least=520)
    chosen = list(read)[:: max(len(read) // symbols, 1)][:symbols]
    return {
        name: SymbolBars(tuple(date.fromisoformat(day) for day in read[name][0]), bars_of(read[name][1]))
        for name in chosen
    }


class Tape:
    """Bars drawn by hand, one after another: a quiet market to begin with, then what a test wants to see.

    Ordinary bars have wicks and volumes that repeat an uneven pattern, with a true range near 1.6 and a volume near
    1,000, so that something must stand out to be wide or heavy.
    """

    WICKS = (0.1, 0.6, 0.2, 0.8, 0.05, 0.5)
    VOLUMES = (0.4, 1.6, 0.8, 1.2, 0.5, 1.5, 1.0)
    SWAY = (0.0, 0.9, -0.2, 0.3, -0.9, 0.1, 1.1, -0.4)

    def __init__(self, quiet: int = 70, price: float = 100.0) -> None:
        self.rows: list[tuple[float, float, float, float, float]] = []
        self.price = price
        for k in range(quiet):
            self.add(price + self.SWAY[k % len(self.SWAY)])

    def add(
        self, close: float, *, low: float | None = None, high: float | None = None, volume: float | None = None
    ) -> int:
        """One bar that opens at the last close; its number. What is not given is ordinary."""
        count, opened = len(self.rows), self.price
        wick = self.WICKS[count % len(self.WICKS)]
        top = max(opened, close) + wick if high is None else max(high, opened, close)
        bottom = min(opened, close) - wick if low is None else min(low, opened, close)
        busy = 1000 * self.VOLUMES[count % len(self.VOLUMES)] if volume is None else volume
        self.rows.append((opened, top, bottom, close, busy))
        self.price = close
        return count

    def walk(self, close: float, bars: int, volume: float | None = None) -> int:
        """Straight to a close in so many bars; the number of the last, which has the longest wick of all."""
        start = self.price
        for k in range(1, bars):
            self.add(start + (close - start) * k / bars, volume=volume)
        rises = close > start
        return self.add(close, high=close + 1 if rises else None, low=None if rises else close - 1, volume=volume)

    @property
    def bars(self) -> Bars:
        """All of them."""
        return bars_of(list(zip(*self.rows, strict=True)))

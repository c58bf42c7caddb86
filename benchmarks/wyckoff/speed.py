"""How fast the engine reads: every symbol of a universe once, and a watchlist."""

from datetime import date
from time import perf_counter

import numpy as np

from benchmarks.report import Row, timed
from benchmarks.wyckoff.nulls import EARNINGS, null_series
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import SymbolBars, read_session
from kapman_resources.sessions import sessions_between

SYMBOLS, WATCHLIST = 15_000, 143
DIFFERENT = 200
"""Different series; they are read again and again."""


def measure(repetitions: int = 3, universe: int = SYMBOLS) -> list[Row]:
    """Measure on one core, with warm kernels.

    Args:
        repetitions: of each measurement.
        universe: symbols.
    """
    parameters = Parameters()
    drawn = [null_series(seed, EARNINGS).bars for seed in range(DIFFERENT)]
    market = [Bars(*(np.ascontiguousarray(values) for values in bars)) for bars in drawn]
    length = len(market[0].close)
    days = sessions_between(date(2023, 1, 3), date(2025, 12, 31))[:length]
    symbols = [SymbolBars(tuple(days), bars) for bars in market]
    read_session(symbols[0], parameters)

    def engine(count: int) -> float:
        start = perf_counter()
        for place in range(count):
            replay(market[place % DIFFERENT], parameters.detection)
        return perf_counter() - start

    def readings(count: int) -> float:
        start = perf_counter()
        for place in range(count):
            read_session(symbols[place % DIFFERENT], parameters)
        return perf_counter() - start

    size = f"x {length} bars"
    return [
        timed(
            "Wyckoff engine, one pass",
            f"{universe:,} {size}",
            [engine(universe) for _ in range(repetitions)],
            rows=universe * length,
            max_seconds=20,
            note="one core, warm",
        ),
        timed(
            "Wyckoff engine, watchlist",
            f"{WATCHLIST} {size}",
            [engine(WATCHLIST) for _ in range(repetitions)],
            rows=WATCHLIST * length,
            max_seconds=0.5,
        ),
        timed(
            "Wyckoff reading of a session, whole",
            f"{universe:,} {size}",
            [readings(universe) for _ in range(repetitions)],
            rows=universe * length,
            note="events, scores, checklist, signal",
        ),
    ]

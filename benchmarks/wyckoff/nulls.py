"""Series without a planted structure: whatever is called an event in them is a false alarm.

Five kinds: a geometric random walk, blocks of recorded bars joined at random (blocks of GARCH bars where no recording
is there), a trend that never rests, and earnings gaps. Blocks keep what a few days of a real market look like and
destroy any longer sequence.
"""

import csv
import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.wyckoff.generator import Bars, Floats, Series, draw_volatility, garch, to_bars

LENGTH = 500
"""Bars of a null series."""

GBM, BOOTSTRAP, TREND, EARNINGS = "random walk", "bootstrap", "trend", "earnings gaps"
KINDS = (GBM, BOOTSTRAP, TREND, EARNINGS)

_BLOCK = (5, 21)
"""Length of a bootstrapped block, from and below."""

_DRIFT = (0.08, 0.30)
"""Drift of a trend in daily volatilities."""

_REPORT_EVERY = 63
_REPORT_GAP = 4.0
_REPORT_VOLUME = 3.0


def null_series(seed: int, kind: str, recorded: Sequence[Bars] = (), noise: float = 1.0) -> Series:
    """Draw one symbol without any structure.

    Args:
        seed: of the draw.
        kind: one of `KINDS`.
        recorded: symbols to take blocks from; without any they come from GARCH bars.
        noise: factor on the daily shocks.
    """
    rng = np.random.default_rng([seed, 2, KINDS.index(kind)])
    sigma = noise * draw_volatility(rng)
    if kind == BOOTSTRAP:
        return Series(kind, _bootstrap(rng, recorded or _garch_market(noise)), ())
    factors = np.ones(LENGTH)
    if kind == GBM:
        returns = sigma * rng.standard_normal(LENGTH)
    else:
        returns = garch(rng, sigma, LENGTH)
    if kind == TREND:
        returns += rng.choice([-1, 1]) * rng.uniform(*_DRIFT) * sigma
    if kind == EARNINGS:
        reports = np.arange(int(rng.integers(0, _REPORT_EVERY)), LENGTH, _REPORT_EVERY)
        returns[reports] += rng.normal(0, _REPORT_GAP * sigma, len(reports))
        factors[reports] = _REPORT_VOLUME * np.exp(rng.normal(0, 0.3, len(reports)))
    start = float(rng.uniform(15, 250))
    return Series(kind, to_bars(rng, np.cumsum(returns), sigma, sigma, factors, start=start), ())


@cache
def _garch_market(noise: float) -> tuple[Bars, ...]:
    """Twenty ordinary symbols to take blocks from."""
    rng = np.random.default_rng([3, round(noise * 100)])
    market = []
    for _ in range(20):
        sigma = noise * draw_volatility(rng)
        path = np.cumsum(garch(rng, sigma, LENGTH))
        market.append(to_bars(rng, path, sigma, sigma, np.ones(LENGTH), start=100.0))
    return tuple(market)


def _bootstrap(rng: np.random.Generator, market: Sequence[Bars]) -> Bars:
    """Blocks of one symbol after another: each bar keeps its moves from the close before, and its relative volume."""
    parts = []
    length = 0
    source = market[int(rng.integers(len(market)))]
    previous = np.log(source.close[:-1])
    moves = np.stack([np.log(values[1:]) - previous for values in source[:4]])
    volumes = source.volume[1:] / _rolling_median(source.volume)[1:]
    while length < LENGTH:
        size = int(rng.integers(*_BLOCK))
        at = int(rng.integers(0, moves.shape[1] - size))
        parts.append(np.vstack([moves[:, at : at + size], volumes[at : at + size]]))
        length += size
    joined = np.hstack(parts)[:, :LENGTH]
    level = np.concatenate([[0.0], np.cumsum(joined[3])[:-1]])
    opened, high, low, close = 100 * np.exp(level + joined[:4])
    return Bars(opened, high, low, close, np.round(1e6 * joined[4]))


def _rolling_median(volume: Floats, window: int = 61) -> Floats:
    """Median of the volumes around each bar."""
    padded = np.pad(volume, window // 2, mode="edge")
    middle: Floats = np.median(np.lib.stride_tricks.sliding_window_view(padded, window), axis=1)
    return middle


def read_recorded(folder: Path, least: int) -> dict[str, tuple[list[str], Bars]]:
    """Read a folder of recorded day files.

    Args:
        folder: day files of the vendor's layout, `YYYY/MM/YYYY-MM-DD.csv.gz`.
        least: sessions that a symbol must have.

    Returns:
        Each symbol's days (ISO) and bars; rows with a price or a volume that is not positive are left out.
    """
    rows: dict[str, list[tuple[str, list[float]]]] = {}
    for path in sorted(folder.rglob("*.csv.gz")):
        day = path.name.removesuffix(".csv.gz")
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                values = [float(row[name]) for name in ("open", "high", "low", "close", "volume")]
                if min(values) > 0:
                    rows.setdefault(row["ticker"], []).append((day, values))
    return {
        symbol: ([day for day, _ in days], Bars(*np.array([values for _, values in days]).T))
        for symbol, days in sorted(rows.items())
        if len(days) >= least
    }

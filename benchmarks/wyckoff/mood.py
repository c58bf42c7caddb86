"""What the price-only sentiment proxy says of the next 20 sessions: its rank information coefficient on recorded bars.

The coefficient of a session is Spearman's correlation, over the names, of the percentile at its close with the return
from the next open to the close 20 sessions later (Grinold and Kahn, Active Portfolio Management, 1999). Returns of
neighbouring sessions overlap: intervals come from circular blocks of sessions, twice as long as the returns. A proxy of
euphoria should be followed by lower returns: the method's sign is negative.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from benchmarks.wyckoff.forward import RESAMPLES, returns_after
from benchmarks.wyckoff.generator import Bars as Drawn
from benchmarks.wyckoff.generator import Floats
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.sentiment import OPTION_COMPONENTS, PRICE_COMPONENTS, price_components, sentiments

HORIZON = 20
BLOCK = 2 * HORIZON
"""Sessions of a block."""

FEWEST = 30
"""Names that a session's coefficient needs."""

RUNGS = (0.70, 0.80, 0.90, 0.95)
"""Percentiles at which the score gives a point."""


@dataclass(frozen=True)
class Coefficient:
    """Information of one signal; `low` and `high` are a 95 % interval."""

    signal: str
    sessions: int
    mean: float
    low: float
    high: float
    share_negative: float


@dataclass(frozen=True)
class Rung:
    """Returns of the names from one percentile on, above those of all names of their days; decimals."""

    percentile: float
    count: int
    excess: float
    low: float
    high: float


@dataclass(frozen=True)
class Study:
    """What was measured.

    Attributes:
        coefficients: of the proxy and of its two components.
        rungs: by percentile of the proxy.
    """

    coefficients: tuple[Coefficient, ...]
    rungs: tuple[Rung, ...]


def study(market: Mapping[str, tuple[list[str], Drawn]], parameters: Parameters, seed: int = 0) -> Study:
    """Rank every name on every session in its own past and follow it.

    Args:
        market: days (ISO) and bars of each symbol.
        parameters: of the model.
        seed: of the resampling.
    """
    days = sorted({day for own, _ in market.values() for day in own})
    places = {day: place for place, day in enumerate(days)}
    shape = len(market), len(days)
    names = (*OPTION_COMPONENTS, *PRICE_COMPONENTS)
    panels, returns = {name: np.full(shape, np.nan) for name in names}, np.full(shape, np.nan)
    for row, (own, drawn) in enumerate(market.values()):
        bars = Bars(*(np.ascontiguousarray(values, dtype=np.float64) for values in drawn))
        at = np.array([places[day] for day in own])
        returns[row, at] = returns_after(bars, HORIZON)
        for name, values in price_components(bars, parameters.detection.pivot_wing).items():
            panels[name][row, at] = values
    # In the own past alone: among names every session has the same ranks.
    rules = replace(parameters.sentiment, least_names=len(market) + 1)
    ranked = sentiments(panels, np.ones(len(market), dtype=np.bool_), len(days), rules)
    rng = np.random.default_rng(seed)
    signals = {"proxy": ranked.percentile} | {name: ranked.ranks[name] for name in PRICE_COMPONENTS}
    return Study(
        coefficients=tuple(_coefficient(rng, name, values, returns) for name, values in signals.items()),
        rungs=tuple(_rung(rng, rung, ranked.percentile, returns) for rung in RUNGS),
    )


def _coefficient(rng: np.random.Generator, signal: str, ranks: Floats, returns: Floats) -> Coefficient:
    found = []
    for now, later in zip(ranks.T, returns.T, strict=True):
        is_known = ~np.isnan(now) & ~np.isnan(later)
        if is_known.sum() >= FEWEST:
            found.append(float(stats.spearmanr(now[is_known], later[is_known]).statistic))
    values = np.array(found)
    low, high = np.quantile(values[_blocks(rng, len(values))].mean(axis=1), [0.025, 0.975])
    return Coefficient(signal, len(values), float(values.mean()), float(low), float(high), float((values < 0).mean()))


def _rung(rng: np.random.Generator, rung: float, ranks: Floats, returns: Floats) -> Rung:
    is_known = ~np.isnan(ranks) & ~np.isnan(returns)
    known = np.where(is_known, returns, 0.0)
    mean = known.sum(axis=0) / np.maximum(is_known.sum(axis=0), 1)
    is_high = is_known & (ranks >= rung)
    sums, counts = np.where(is_high, returns - mean, 0.0).sum(axis=0), is_high.sum(axis=0)
    asked = np.flatnonzero(is_known.any(axis=0))
    drawn = asked[_blocks(rng, len(asked))]
    totals = counts[drawn].sum(axis=1)
    means = sums[drawn].sum(axis=1)[totals > 0] / totals[totals > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return Rung(rung, int(counts.sum()), float(sums.sum() / counts.sum()), float(low), float(high))


def _blocks(rng: np.random.Generator, count: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """Sessions of each resample: circular blocks, as many sessions as there are (Politis and Romano, 1992)."""
    starts = rng.integers(0, count, (RESAMPLES, -(-count // BLOCK)))
    drawn = (starts[:, :, None] + np.arange(BLOCK)) % count
    return drawn.reshape(RESAMPLES, -1)[:, :count]

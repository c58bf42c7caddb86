"""What followed a condition: forward returns of one symbol, and how much they can be trusted.

Sessions on which a condition holds come in clusters, and returns over many sessions that begin on neighbouring ones
overlap: n of them know far less than n independent ones. So every answer carries the effective n, the events that do
not overlap, what the symbol did anyway, and intervals that keep neighbours together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pandas.arrays import BooleanArray

from kapman_assets.etf.windows import Bools, Floats
from kapman_resources.errors import KapmanError

MOST_FORWARD = 252
"""Sessions ahead that can be asked for."""

CONFIDENCE = 0.95
_RESAMPLES = 2000
_SEED = 20
"""Any number: the same question has the same answer."""

LEAST_FOR_INTERVAL = 5
"""Events that do not overlap, below which resampling them says nothing."""


class StatisticsError(KapmanError):
    """A question that the history cannot be asked."""


@dataclass(frozen=True)
class Distribution:
    """Forward returns, decimals; None where there are none.

    Attributes:
        n: how many.
        mean: arithmetic.
        median: likewise of the two in the middle.
        hit_rate: share above 0.
        p25: first quartile, interpolated linearly as SQL's percentile_cont.
        p75: third quartile.
        min: least.
        max: greatest.
    """

    n: int
    mean: float | None
    median: float | None
    hit_rate: float | None
    p25: float | None
    p75: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True)
class Interval:
    """Bounds of the middle 95 % of the resampled values."""

    low: float
    high: float


class _Intervals(NamedTuple):
    mean: Interval | None = None
    hit_rate: Interval | None = None
    edge: Interval | None = None


@dataclass(frozen=True)
class ConditionalStatistics:
    """What followed a condition.

    Attributes:
        forward: sessions ahead.
        as_of: the last session whose close was used.
        events: returns from the sessions on which the condition held.
        effective_n: how many independent returns have a mean as uncertain as theirs; None without an event.
        separate: of the events those that begin when the one before has ended.
        base: returns from all sessions on which the condition is known, held or not: what the symbol did anyway.
        edge: mean of the events less that of the base; None without an event.
        mean_interval: of the events' mean; None below `LEAST_FOR_INTERVAL` separate events.
        hit_rate_interval: of their hit rate, likewise.
        edge_interval: of the edge, likewise.
        pending: events whose return is not over at `as_of`.
        unknown: events whose return is unknown, for want of a close at one end.
    """

    forward: int
    as_of: date
    events: Distribution
    effective_n: float | None
    separate: Distribution
    base: Distribution
    edge: float | None
    mean_interval: Interval | None
    hit_rate_interval: Interval | None
    edge_interval: Interval | None
    pending: int
    unknown: int


def conditional_statistics(
    sessions: Sequence[date], close: npt.ArrayLike, held: BooleanArray, forward: int, as_of: date
) -> ConditionalStatistics:
    """Look at the returns after each session on which a condition held.

    Args:
        sessions: consecutive sessions, ascending.
        close: of the symbol, adjusted, one a session; NaN without a bar.
        held: whether the condition held in it: True, False, or NA where unknown (`rules.evaluation`).
        forward: sessions from the close of an event to the close that ends its return.
        as_of: later sessions are not looked at, neither as an event nor as the end of a return.

    Raises:
        StatisticsError: forward is not 1 to 252, or no session is on or before `as_of`.
        ValueError: the lengths differ, or the sessions are not ascending.
    """
    if not 1 <= forward <= MOST_FORWARD:
        raise StatisticsError(f"forward returns over {forward} sessions: ask for 1 to {MOST_FORWARD}")
    days = np.asarray(sessions, dtype="datetime64[D]")
    prices = np.asarray(close, dtype=np.float64)
    if not len(days) == len(prices) == len(held) or (days[1:] <= days[:-1]).any():
        raise ValueError(
            f"one close and one condition for each of ascending sessions, not {len(prices)} and {len(held)} "
            f"for {len(days)}"
        )
    known_days = int(np.searchsorted(days, np.datetime64(as_of, "D"), side="right"))
    if not known_days:
        raise StatisticsError(f"no session on or before {as_of}: the history begins later")
    returns = forward_returns(prices[:known_days], forward)
    is_known = ~np.asarray(held[:known_days].isna(), dtype=bool)
    has_held = held[:known_days].to_numpy(dtype=bool, na_value=False)
    is_over = np.arange(known_days) < known_days - forward
    has_return = ~np.isnan(returns)
    is_event, is_base = has_held & has_return, is_known & has_return
    places = np.flatnonzero(is_event)
    separate = _separate(places, forward)
    events, base = distribution(returns[places]), distribution(returns[is_base])
    intervals = _Intervals()
    if len(separate) >= LEAST_FOR_INTERVAL:
        over = slice(0, known_days - forward)
        intervals = _resampled(returns[over], is_event[over], is_base[over], forward)
    return ConditionalStatistics(
        forward=forward,
        as_of=days[known_days - 1].item(),
        events=events,
        effective_n=effective_number(is_event, forward) if events.n else None,
        separate=distribution(returns[separate]),
        base=base,
        edge=None if events.mean is None or base.mean is None else events.mean - base.mean,
        mean_interval=intervals.mean,
        hit_rate_interval=intervals.hit_rate,
        edge_interval=intervals.edge,
        pending=int((has_held & ~is_over).sum()),
        unknown=int((has_held & is_over & ~has_return).sum()),
    )


def forward_returns(close: Floats, forward: int) -> Floats:
    """Return from each session to the one so many later; NaN where it is not over, or a close is unknown."""
    result = np.full(len(close), np.nan)
    if len(close) > forward:
        known = np.where(close > 0, close, np.nan)
        result[:-forward] = known[forward:] / known[:-forward] - 1
    return result


def distribution(returns: Floats) -> Distribution:
    """Describe returns, all of them known."""
    if not len(returns):
        return Distribution(0, *(None,) * 7)
    low, p25, median, p75, high = np.percentile(returns, [0, 25, 50, 75, 100])
    return Distribution(
        n=len(returns),
        mean=float(returns.mean()),
        median=float(median),
        hit_rate=float((returns > 0).mean()),
        p25=float(p25),
        p75=float(p75),
        min=float(low),
        max=float(high),
    )


def effective_number(is_event: Bools, forward: int) -> float:
    """How many independent returns have a mean as uncertain as that of these, if daily returns are independent.

    `n^2 / sum over all pairs of max(0, 1 - distance / forward)`: two sums over `forward` days share that part of them.
    """
    events = is_event.astype(np.float64)
    n = events.sum()
    shared = n + 2 * sum(
        (1 - lag / forward) * float(events[lag:] @ events[:-lag]) for lag in range(1, min(forward, len(events)))
    )
    return float(n * n / shared)


def _separate(places: npt.NDArray[np.int64], forward: int) -> npt.NDArray[np.int64]:
    """The first place, and then always the next that is `forward` or more after the last one taken."""
    kept: list[int] = []
    for place in places.tolist():
        if not kept or place >= kept[-1] + forward:
            kept.append(place)
    return np.array(kept, dtype=np.int64)


def _resampled(returns: Floats, is_event: Bools, is_base: Bools, block: int) -> _Intervals:
    """Percentile intervals from a circular block bootstrap over sessions (Politis and Romano 1992).

    Blocks as long as the returns keep together what overlaps, and events and base are drawn in the same blocks.
    """
    length = len(returns)
    size = min(block, length)
    generator = np.random.default_rng(_SEED)
    starts = generator.integers(0, length, (_RESAMPLES, -(-length // size)))
    sizes = np.full(starts.shape[1], size)
    sizes[-1] = length - size * (starts.shape[1] - 1)
    known = np.where(is_base, returns, 0.0)
    summed = (is_event, known * is_event, (known > 0) & is_event, is_base, known)
    n, total, hits, base_n, base_total = (_block_sums(values, starts, sizes) for values in summed)
    # A draw without an event has no mean.
    drawn = n > 0
    mean = total[drawn] / n[drawn]
    return _Intervals(
        mean=_interval(mean),
        hit_rate=_interval(hits[drawn] / n[drawn]),
        edge=_interval(mean - base_total[drawn] / base_n[drawn]),
    )


def _block_sums(values: npt.NDArray[np.generic], starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Floats:
    """For each row of starts the sum over its blocks, which go on at the beginning where the values end."""
    around = np.concatenate(([0.0], values, values[: sizes.max()])).cumsum()
    return np.asarray((around[starts + sizes] - around[starts]).sum(axis=1))


def _interval(values: Floats) -> Interval:
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(float(low), float(high))

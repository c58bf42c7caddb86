"""What recorded prices did after each event: entered on the next open, against the same symbol's other days.

Events are those of one causal pass. Returns run from the open after the confirming session to the close of the last
session held. The base rate is the mean of the same return over all sessions of the same symbol and month, so that
neither a good name nor a good month counts as skill. That mean holds days before the event too: after the low of a
month it is too low, after a high too high. The second comparison has no such bias: all other names entered on the same
day. Events of different names cluster on dates: intervals and probabilities come from resampling blocks of sessions.
Benjamini and Hochberg (1995) correct for the number of tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.wyckoff.generator import Bars as Drawn
from benchmarks.wyckoff.generator import Floats
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Detection
from kapman_assets.wyckoff.vocabulary import Event

HORIZONS = (5, 10, 20, 40)
BLOCK = 20
"""Sessions of a block."""

RESAMPLES = 4000
FEWEST = 30
"""Events below which nothing is concluded."""

RISING = frozenset({Event.SPRING, Event.TEST, Event.SOS, Event.LPS, Event.BU})
FALLING = frozenset({Event.BC, Event.UT, Event.UTAD, Event.SOW, Event.LPSY})
"""Events whose badge says that prices rise, or fall."""


@dataclass(frozen=True)
class Outcome:
    """One event over one horizon.

    Attributes:
        event: its type.
        horizon: sessions held.
        count: events with a whole horizon after them.
        wins, base_wins: share of positive returns after it, and of the same symbols' months.
        median: of the return.
        excess: mean return above the base rate; decimals.
        low, high: 95 % interval of the excess.
        over_others: mean return above all names entered on the same day; decimals.
        others_low, others_high: 95 % interval of it.
        probability: that the excess is as far from 0 by chance.
        corrected: the same after correction for all tests; NaN where there are too few events.
    """

    event: Event
    horizon: int
    count: int
    wins: float
    base_wins: float
    median: float
    excess: float
    low: float
    high: float
    over_others: float
    others_low: float
    others_high: float
    probability: float
    corrected: float

    @property
    def badge(self) -> int:
        """1 where the event is said to be bullish, -1 where bearish, 0 where neither."""
        return 1 if self.event in RISING else -1 if self.event in FALLING else 0

    @property
    def disagrees(self) -> bool:
        """Whether prices went the other way than the badge says."""
        return self.badge * self.excess < 0


def study(market: Mapping[str, tuple[list[str], Drawn]], rules: Detection, seed: int = 0) -> list[Outcome]:
    """Follow every event of every symbol.

    Args:
        market: days (ISO) and bars of each symbol.
        rules: thresholds.
        seed: of the resampling.
    """
    sessions = sorted({day for days, _ in market.values() for day in days})
    places = {day: place for place, day in enumerate(sessions)}
    read = [
        (days, Bars(*(np.ascontiguousarray(values, dtype=np.float64) for values in drawn)))
        for days, drawn in market.values()
    ]
    others = {horizon: _mean_of_days(read, horizon, places) for horizon in HORIZONS}
    samples: dict[tuple[Event, int], list[tuple[int, float, float, float, float]]] = {}
    for days, bars in read:
        events = replay(bars, rules).events
        months = np.array([day[:7] for day in days])
        for horizon in HORIZONS:
            returns = returns_after(bars, horizon)
            for event, bar in zip(events.event.tolist(), events.confirmed_index.tolist(), strict=True):
                if np.isnan(returns[bar]):
                    continue
                month = returns[months == months[bar]]
                month = month[~np.isnan(month)]
                place, gained = places[days[bar]], float(returns[bar])
                same_day = float(others[horizon][place])
                samples.setdefault((Event(event), horizon), []).append(
                    (place, gained, float(month.mean()), float((month > 0).mean()), same_day)
                )
    rng = np.random.default_rng(seed)
    outcomes = [
        _outcome(rng, event, horizon, np.array(samples[event, horizon]), len(sessions))
        for event in Event
        for horizon in HORIZONS
        if (event, horizon) in samples
    ]
    return _corrected(outcomes)


def returns_after(bars: Bars, horizon: int) -> Floats:
    """Return from the next open to the close `horizon` sessions later; NaN where that is not there yet."""
    result = np.full(len(bars.close), np.nan)
    last = len(bars.close) - horizon
    if last > 0:
        result[:last] = bars.close[horizon:] / bars.open[1 : last + 1] - 1
    return result


def _mean_of_days(read: list[tuple[list[str], Bars]], horizon: int, places: Mapping[str, int]) -> Floats:
    """Mean return of all names by the session before the entry; NaN where there is none."""
    sums, counts = np.zeros(len(places)), np.zeros(len(places))
    for days, bars in read:
        returns = returns_after(bars, horizon)
        at = np.array([places[day] for day in days])[~np.isnan(returns)]
        sums[at] += returns[~np.isnan(returns)]
        counts[at] += 1
    return sums / np.where(counts > 0, counts, np.nan)


def _outcome(rng: np.random.Generator, event: Event, horizon: int, samples: Floats, sessions: int) -> Outcome:
    """One event over one horizon, with an interval from resampled blocks of sessions."""
    day, gained, base, base_wins, same_day = samples.T
    excess, over_others = gained - base, gained - same_day
    # Sums and counts of each block: the mean of a resample is made of the blocks that were drawn.
    block = day.astype(int) // BLOCK
    blocks = -(-sessions // BLOCK)
    counts = np.bincount(block, minlength=blocks)
    drawn = rng.integers(0, blocks, (RESAMPLES, blocks))
    totals = counts[drawn].sum(axis=1)

    def resampled(values: Floats) -> Floats:
        sums = np.bincount(block, values, minlength=blocks)
        means: Floats = sums[drawn].sum(axis=1)[totals > 0] / totals[totals > 0]
        return means

    means, mean = resampled(excess), float(excess.mean())
    low, high = np.quantile(means, [0.025, 0.975])
    others_low, others_high = np.quantile(resampled(over_others), [0.025, 0.975])
    # Centred on no excess: how often chance goes as far.
    probability = float((np.abs(means - mean) >= abs(mean)).mean())
    return Outcome(
        event=event,
        horizon=horizon,
        count=len(excess),
        wins=float((gained > 0).mean()),
        base_wins=float(base_wins.mean()),
        median=float(np.median(gained)),
        excess=mean,
        low=float(low),
        high=float(high),
        over_others=float(over_others.mean()),
        others_low=float(others_low),
        others_high=float(others_high),
        probability=max(probability, 1 / RESAMPLES),
        corrected=np.nan,
    )


def _corrected(outcomes: list[Outcome]) -> list[Outcome]:
    """Benjamini-Hochberg over the tests with enough events."""
    tested = sorted((one for one in outcomes if one.count >= FEWEST), key=lambda one: one.probability)
    corrected: dict[tuple[Event, int], float] = {}
    least = 1.0
    for rank in range(len(tested), 0, -1):
        one = tested[rank - 1]
        least = min(least, one.probability * len(tested) / rank)
        corrected[one.event, one.horizon] = least
    return [Outcome(**{**vars(one), "corrected": corrected.get((one.event, one.horizon), np.nan)}) for one in outcomes]

"""Runs the engine over generated series and counts; knows both sides, which know nothing of each other."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.wyckoff.generator import Bars as Drawn
from benchmarks.wyckoff.generator import Series, structure_series
from benchmarks.wyckoff.matching import Detection, Tally
from benchmarks.wyckoff.nulls import KINDS, null_series
from kapman_assets.wyckoff import parameters
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.vocabulary import Event

NOISE = (0.5, 1.0, 1.5, 2.0)
SIGNAL = (0.5, 0.75, 1.0, 1.5)
"""Factors on the daily shocks, and on the log of the events' volume."""

STRICTNESS = (5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 9.0, 10.0, 12.0)
"""Values of `climax_strength` for the trade-off between found events and false alarms."""


def detections(series: Series, rules: parameters.Detection) -> list[Detection]:
    """What the engine tells of a series."""
    bars = Bars(*(np.ascontiguousarray(values, dtype=np.float64) for values in series.bars))
    events = replay(bars, rules).events
    return [
        Detection(Event(event).name, bar)
        for event, bar in zip(events.event.tolist(), events.confirmed_index.tolist(), strict=True)
    ]


def planted(seeds: Sequence[int], noise: float = 1.0, volume_signal: float = 1.0) -> Iterator[Series]:
    """Series with a structure."""
    return (structure_series(seed, noise, volume_signal) for seed in seeds)


def count(series: Iterator[Series], rules: parameters.Detection) -> Tally:
    """Count what was told of some series."""
    tally = Tally()
    for one in series:
        tally.add(one.labels, detections(one, rules), len(one.bars.close))
    return tally


def false_alarms(seeds: Sequence[int], recorded: Sequence[Drawn], rules: parameters.Detection) -> dict[str, Tally]:
    """Count what was told of series without any structure, by kind of null."""
    return {kind: count((null_series(seed, kind, recorded) for seed in seeds), rules) for kind in KINDS}


def together(tallies: Sequence[Tally]) -> Tally:
    """The sum of counts of false alarms."""
    whole = Tally()
    for tally in tallies:
        whole.bars += tally.bars
        whole.told.update(tally.told)
    return whole

"""Counting: which told event is which planted one, and how sure a share is.

An event counts as found if one of its type was confirmed within the tolerance of the bar on which the planted one could
first be told; each counts once. The bar that the engine says the event fell on does not matter here, only when it said
so.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.wyckoff.generator import Label

TIGHT, LOOSE = 2, 5
"""Bars: for what happens on one bar (climaxes, their forerunners, false breaks), and for the rest."""

TOLERANCE = dict.fromkeys(("PS", "SC", "SPRING", "PSY", "BC", "UT", "UTAD"), TIGHT)
NOTHING = "nothing"

_NORMAL_95 = 1.959963984540054
_One = TypeVar("_One")


@dataclass(frozen=True)
class Detection:
    """An event that was told.

    Attributes:
        event: its type.
        confirmed: bar that confirmed it.
    """

    event: str
    confirmed: int


@dataclass
class Tally:
    """Counts over many series.

    Attributes:
        planted, told, found: of each type; found are both.
        delays: bars from the planted bar to the confirmation, of those found.
        confused: (planted, told) pairs; `nothing` stands for the missing one.
        bars: bars read.
    """

    planted: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    delays: dict[str, list[int]] = field(default_factory=dict)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    bars: int = 0

    def add(self, labels: Sequence[Label], detections: Sequence[Detection], bars: int) -> None:
        """Count one series."""
        self.bars += bars
        self.planted.update(label.event for label in labels)
        self.told.update(detection.event for detection in detections)
        pairs = pair(labels, detections, same_type=True)
        for label, detection in pairs:
            self.found[label.event] += 1
            self.confused[label.event, label.event] += 1
            self.delays.setdefault(label.event, []).append(detection.confirmed - label.bar)
        missed, false = _without(labels, (one for one, _ in pairs)), _without(detections, (one for _, one in pairs))
        mistaken = pair(missed, false, same_type=False)
        self.confused.update((label.event, detection.event) for label, detection in mistaken)
        self.confused.update((label.event, NOTHING) for label in _without(missed, (one for one, _ in mistaken)))
        self.confused.update((NOTHING, told.event) for told in _without(false, (one for _, one in mistaken)))

    def precision(self, event: str) -> float:
        """Share of what was told that was planted."""
        return self.found[event] / max(self.told[event], 1)

    def recall(self, event: str) -> float:
        """Share of what was planted that was told."""
        return self.found[event] / max(self.planted[event], 1)

    def f1(self, event: str) -> float:
        """Harmonic mean of both."""
        return 2 * self.found[event] / max(self.told[event] + self.planted[event], 1)

    @property
    def alarms(self) -> float:
        """Events told per 1,000 bars."""
        return 1000 * sum(self.told.values()) / max(self.bars, 1)


def pair(labels: Sequence[Label], detections: Sequence[Detection], *, same_type: bool) -> list[tuple[Label, Detection]]:
    """Pairs within the tolerance of the label, the nearest first, each label and detection at most once."""
    near = sorted(
        (abs(told.confirmed - label.due), order, place)
        for order, label in enumerate(labels)
        for place, told in enumerate(detections)
        if (told.event == label.event) == same_type
        and abs(told.confirmed - label.due) <= TOLERANCE.get(label.event, LOOSE)
    )
    used: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for _, order, place in near:
        if order not in used[0] and place not in used[1]:
            used[0].add(order)
            used[1].add(place)
            pairs.append((labels[order], detections[place]))
    return pairs


def _without(everything: Sequence[_One], taken: Iterable[_One]) -> list[_One]:
    """What is left, each of them as often as it is there."""
    left = list(everything)
    for one in taken:
        left.remove(one)
    return left


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; (0, 1) without trials. Wilson (1927)."""
    if trials == 0:
        return 0.0, 1.0
    share, z = hits / trials, _NORMAL_95
    middle = share + z**2 / (2 * trials)
    spread = z * (share * (1 - share) / trials + z**2 / (4 * trials**2)) ** 0.5
    whole = 1 + z**2 / trials
    return (middle - spread) / whole, (middle + spread) / whole

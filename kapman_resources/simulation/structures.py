"""Planted Wyckoff structures: the templates, and which name carries one when.

A structure is a path of the log price through labelled waypoints, with what each event does to volume and
to the bar's range. Magnitudes are drawn from wide distributions in units of the name's own volatility, so
that no fixed threshold separates the events cleanly. Turning a path into bars belongs to `prices`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kapman_resources.simulation.plan import MarketPlan, Stream
from kapman_resources.simulation.universe import STOCKS, Security

BLOCK_SESSIONS = 260
"""A name carries at most one structure in each such block of sessions, wholly inside it."""

SHORTEST, LONGEST = 70, 160
"""Sessions of a structure, trend before and after it included."""

TREND, HEIGHT, BREAK = 11.0, 6.5, 1.5
"""Median trend into the range, height of the range and depth of a false break, in daily volatilities."""

_MAGNITUDE_SPREAD = 0.3
_TIME_JITTER = 0.012
_LEVEL_JITTER = 0.06
_SMALLEST_GAP = 2
"""Sessions between two waypoints, at least."""


class Waypoint(NamedTuple):
    """A point of a template: when, and the log level as multiples of trend, range height and false break."""

    event: str | None
    time: float
    trend: float
    height: float = 0.0
    depth: float = 0.0


class EventShape(NamedTuple):
    """Medians of what an event does to its bar: factors on volume and on the wicks above and below."""

    volume: float
    upper: float
    lower: float


EVENT_SHAPES = {
    "PS": EventShape(1.9, 1.5, 2.5),
    "SC": EventShape(3.4, 3.0, 9.0),
    "AR": EventShape(1.3, 2.0, 1.2),
    "ST": EventShape(1.0, 0.9, 1.4),
    "SPRING": EventShape(1.0, 1.0, 5.0),
    "TEST": EventShape(0.6, 0.6, 0.7),
    "SOS": EventShape(2.3, 4.0, 2.0),
    "LPS": EventShape(0.7, 0.8, 0.9),
    "BU": EventShape(0.8, 0.8, 0.9),
    "PSY": EventShape(1.9, 2.5, 1.5),
    "BC": EventShape(3.4, 9.0, 3.0),
    "AR_TOP": EventShape(1.4, 1.2, 2.0),
    "ST_TOP": EventShape(0.9, 1.4, 0.9),
    "UT": EventShape(1.1, 4.5, 1.0),
    "UTAD": EventShape(1.5, 5.5, 1.0),
    "SOW": EventShape(2.3, 2.0, 4.0),
    "LPSY": EventShape(0.7, 0.9, 0.8),
}
_SHAPE_SPREAD = 0.3

_EXACT = frozenset({"SC", "AR", "BC", "AR_TOP", "SOS", "SOW"})
"""Events that set the range's support and resistance or leave the range."""

_SELLING_CLIMAX = (
    Waypoint(None, 0.00, 0.0),
    Waypoint("PS", 0.14, -0.60),
    Waypoint(None, 0.18, -0.48),
    Waypoint(None, 0.215, -0.75),
    Waypoint("SC", 0.24, -1.0),
    Waypoint("AR", 0.33, -1.0, 1.0),
    Waypoint("ST", 0.42, -1.0, 0.10),
    Waypoint(None, 0.50, -1.0, 0.75),
)
_MARKUP = (
    Waypoint(None, 0.775, -1.0, 0.55),
    Waypoint("SOS", 0.80, -1.0, 1.15),
    Waypoint("LPS", 0.86, -1.0, 0.75),
    Waypoint("BU", 0.92, -1.0, 1.02),
    Waypoint(None, 1.00, -1.0, 1.80),
)
_BUYING_CLIMAX = (
    Waypoint(None, 0.00, 0.0),
    Waypoint("PSY", 0.14, 0.60),
    Waypoint(None, 0.18, 0.48),
    Waypoint(None, 0.215, 0.75),
    Waypoint("BC", 0.24, 1.0),
    Waypoint("AR_TOP", 0.32, 1.0, -1.0),
    Waypoint("ST_TOP", 0.40, 1.0, -0.10),
    Waypoint(None, 0.48, 1.0, -0.88),
)

TEMPLATES: dict[str, tuple[Waypoint, ...]] = {
    "accumulation_spring": (
        *_SELLING_CLIMAX,
        Waypoint(None, 0.59, -1.0, 0.15),
        Waypoint("SPRING", 0.64, -1.0, 0.0, -1.0),
        Waypoint(None, 0.67, -1.0, 0.30),
        Waypoint("TEST", 0.72, -1.0, 0.10),
        *_MARKUP,
    ),
    "accumulation": (
        *_SELLING_CLIMAX,
        Waypoint("ST", 0.60, -1.0, 0.15),
        Waypoint(None, 0.65, -1.0, 0.65),
        Waypoint("ST", 0.71, -1.0, 0.30),
        *_MARKUP,
    ),
    "distribution_utad": (
        *_BUYING_CLIMAX,
        Waypoint("UT", 0.55, 1.0, 0.0, 0.5),
        Waypoint(None, 0.62, 1.0, -0.90),
        Waypoint("UTAD", 0.69, 1.0, 0.0, 1.0),
        Waypoint(None, 0.72, 1.0, -0.30),
        Waypoint(None, 0.785, 1.0, -0.60),
        Waypoint("SOW", 0.81, 1.0, -1.20),
        Waypoint("LPSY", 0.88, 1.0, -0.75),
        Waypoint(None, 1.00, 1.0, -1.90),
    ),
    "distribution": (
        *_BUYING_CLIMAX,
        Waypoint("ST_TOP", 0.58, 1.0, -0.20),
        Waypoint(None, 0.675, 1.0, -0.60),
        Waypoint("SOW", 0.70, 1.0, -1.20),
        Waypoint("LPSY", 0.79, 1.0, -0.60),
        Waypoint(None, 0.88, 1.0, -1.40),
        Waypoint("LPSY", 0.93, 1.0, -1.10),
        Waypoint(None, 1.00, 1.0, -1.90),
    ),
    "reaccumulation": (
        Waypoint(None, 0.00, 0.0),
        Waypoint("PSY", 0.12, 0.65),
        Waypoint("BC", 0.20, 1.0),
        Waypoint("AR_TOP", 0.28, 1.0, -1.0),
        Waypoint("ST_TOP", 0.37, 1.0, -0.12),
        Waypoint(None, 0.50, 1.0, -0.80),
        Waypoint("SPRING", 0.57, 1.0, -1.0, -1.0),
        Waypoint(None, 0.60, 1.0, -0.70),
        Waypoint("TEST", 0.66, 1.0, -0.90),
        Waypoint(None, 0.745, 1.0, -0.40),
        Waypoint("SOS", 0.77, 1.0, 0.20),
        Waypoint("LPS", 0.84, 1.0, -0.25),
        Waypoint("BU", 0.91, 1.0, 0.02),
        Waypoint(None, 1.00, 1.0, 0.80),
    ),
}


class PlannedEvent(NamedTuple):
    """A labelled event: the session (index), the name (index) and its drawn factors on that bar."""

    session: int
    name: int
    structure: str
    template: str
    event: str
    volume: float
    upper: float
    lower: float


class Structure(NamedTuple):
    """One drawn structure: steps of the log price from session `start` on, and its events."""

    start: int
    steps: NDArray[np.float64]
    events: tuple[PlannedEvent, ...]


@dataclass(frozen=True)
class Block:
    """The structures of all names in one block of sessions.

    Attributes:
        steps: log-price steps, shape (BLOCK_SESSIONS, names); NaN where a name is in no structure.
        events: the events of each session index that has any.
    """

    steps: NDArray[np.float64]
    events: dict[int, list[PlannedEvent]]


def draw_block(plan: MarketPlan, securities: Sequence[Security], volatility: NDArray[np.float64], block: int) -> Block:
    """Draw the structures of every name in one block; other blocks have no part in it.

    Args:
        plan: the market's parameters.
        securities: the universe.
        volatility: long-run daily log volatility of each name.
        block: the block's number; its first session is `block * BLOCK_SESSIONS`.
    """
    first = block * BLOCK_SESSIONS
    steps = np.full((BLOCK_SESSIONS, len(securities)), np.nan)
    events: dict[int, list[PlannedEvent]] = {}
    for name, security in enumerate(securities):
        if security.kind not in STOCKS:
            continue
        rng = plan.rng(Stream.STRUCTURES, name, block)
        if rng.random() >= plan.structure_share:
            continue
        structure = _draw(rng, name, f"{security.symbol}:{block}", volatility[name], first)
        end = structure.start + len(structure.steps)
        if structure.start <= security.listed or (security.delisted is not None and end > security.delisted):
            continue
        steps[structure.start - first : end - first, name] = structure.steps
        for event in structure.events:
            events.setdefault(event.session, []).append(event)
    return Block(steps, events)


def _draw(rng: np.random.Generator, name: int, label: str, volatility: float, first: int) -> Structure:
    """Draw one structure inside the block that begins at session `first`."""
    template = str(rng.choice(list(TEMPLATES)))
    points = TEMPLATES[template]
    offsets = _sessions_of(rng, points)
    start = first + int(rng.integers(1, BLOCK_SESSIONS - offsets[-1]))
    trend, height, depth = volatility * np.exp(rng.normal(np.log([TREND, HEIGHT, BREAK]), _MAGNITUDE_SPREAD))
    levels = np.array([p.trend * trend + p.height * height + p.depth * depth for p in points])
    # The range's borders and the breaks of them stay exact: jitter could turn a break into none.
    is_loose = np.array([p.event not in _EXACT and p.event is not None and p.depth == 0 for p in points])
    levels += is_loose * rng.normal(0, _LEVEL_JITTER * height, size=len(points))
    path = np.interp(np.arange(offsets[-1] + 1), offsets, levels)
    events = []
    for point, offset in zip(points, offsets, strict=True):
        if point.event is not None:
            factors = np.exp(rng.normal(np.log(EVENT_SHAPES[point.event]), _SHAPE_SPREAD))
            volume, upper, lower = (float(factor) for factor in factors)
            events.append(PlannedEvent(start + offset, name, label, template, point.event, volume, upper, lower))
    return Structure(start, np.diff(path, prepend=path[0]), tuple(events))


def _sessions_of(rng: np.random.Generator, points: Sequence[Waypoint]) -> list[int]:
    """Session offset of each waypoint from the structure's start: jittered, ascending, never adjacent."""
    duration = int(rng.integers(SHORTEST, LONGEST + 1))
    jitter = rng.normal(0, _TIME_JITTER, size=len(points))
    offsets = [0]
    for point, shift in zip(points[1:], jitter[1:], strict=True):
        offset = round((point.time + shift) * (duration - 1))
        offsets.append(max(offset, offsets[-1] + _SMALLEST_GAP))
    return offsets

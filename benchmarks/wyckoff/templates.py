"""The shapes that are planted: five schematics of a trading range as waypoints, and how large their parts are drawn.

Written from the textbook schematics (accumulation and distribution with and without a false break, re-accumulation)
in units of the name's own daily volatility. Nothing here knows how a detector decides, and no number is taken from
one. How waypoints become bars belongs to `generator`.
"""

from typing import NamedTuple


class Waypoint(NamedTuple):
    """A point that the price passes.

    Attributes:
        event: its label; None for a turn of the path that is no event.
        time: share of the structure's length.
        trend: multiples of the trend into the range (1: its end).
        height: multiples of the range's height, from the climax's side.
        depth: multiples of the depth of a false break.
        optional: whether it may be missing.
    """

    event: str | None
    time: float
    trend: float
    height: float = 0.0
    depth: float = 0.0
    optional: bool = False


class Shape(NamedTuple):
    """Medians of what an event does to its bar.

    Attributes:
        side: -1 where the bar's low is the event, 1 its high, 0 its close.
        tail: distance of the close from that extreme, in daily volatilities.
        thrust: the day's move towards the event, in daily volatilities; 0 for none of its own.
        volume: factor on volume.
    """

    side: int
    tail: float
    thrust: float
    volume: float


SHAPES = {
    "PS": Shape(-1, 0.8, 0.8, 1.9),
    "SC": Shape(-1, 1.6, 2.4, 3.4),
    "AR": Shape(1, 0.5, 0.0, 1.1),
    "ST": Shape(-1, 0.6, 0.0, 0.75),
    "SPRING": Shape(-1, 1.6, 0.8, 1.0),
    "TEST": Shape(-1, 0.5, 0.0, 0.6),
    "SOS": Shape(0, 0.0, 2.4, 2.2),
    "LPS": Shape(-1, 0.5, 0.0, 0.65),
    "BU": Shape(-1, 0.5, 0.0, 0.7),
    "PSY": Shape(1, 0.8, 0.8, 1.9),
    "BC": Shape(1, 1.6, 2.4, 3.2),
    "AR_TOP": Shape(-1, 0.5, 0.0, 1.2),
    "ST_TOP": Shape(1, 0.6, 0.0, 0.75),
    "UT": Shape(1, 1.6, 0.6, 1.1),
    "UTAD": Shape(1, 1.6, 0.8, 1.3),
    "SOW": Shape(0, 0.0, 2.4, 2.2),
    "LPSY": Shape(1, 0.5, 0.0, 0.65),
}

TREND, HEIGHT, DEPTH = 17.0, 10.0, 1.4
"""Medians of the trend into a range, its height and the depth of a false break, in daily volatilities."""

TREND_SPREAD, HEIGHT_SPREAD, DEPTH_SPREAD = 0.25, 0.25, 0.35
"""Their log standard deviations: a false break may be a tick or a rout."""

SHAPE_SPREAD, LEG_SPREAD = 0.25, 0.25
"""Log standard deviations of an event's tail, thrust and volume, and of the duration of a leg."""

SHORTEST, LONGEST = 80, 190
"""Sessions of a structure before its legs are warped."""

MISSING = 0.15
"""Chance that an optional waypoint is missing."""

MUTED = 0.04
"""Chance that a range begins without a climax: the turn is there, its volume and its width are not."""

_DECLINE = (
    Waypoint(None, 0.00, 0.0),
    Waypoint("PS", 0.13, 0.58, optional=True),
    Waypoint(None, 0.17, 0.46, optional=True),
    Waypoint(None, 0.21, 0.78),
)


def _mirrored(points: tuple[Waypoint, ...], names: dict[str, str]) -> tuple[Waypoint, ...]:
    """The same way upside down is drawn by a sign; only the labels change here."""
    return tuple(
        point._replace(event=None if point.event is None else names.get(point.event, point.event)) for point in points
    )


_MARKUP = (
    Waypoint(None, 0.76, 1.0, 0.60),
    Waypoint("SOS", 0.80, 1.0, 1.16),
    Waypoint(None, 0.82, 1.0, 1.30),
    Waypoint("LPS", 0.86, 1.0, 0.78, optional=True),
    Waypoint(None, 0.90, 1.0, 1.45),
    Waypoint("BU", 0.94, 1.0, 1.04, optional=True),
    Waypoint(None, 1.00, 1.0, 1.90),
)
_MARKDOWN = (
    Waypoint(None, 0.76, 1.0, 0.55),
    Waypoint("SOW", 0.80, 1.0, 1.16),
    Waypoint(None, 0.83, 1.0, 1.35),
    Waypoint("LPSY", 0.88, 1.0, 0.75, optional=True),
    Waypoint(None, 1.00, 1.0, 2.00),
)
_CLIMAX = (
    Waypoint("SC", 0.24, 1.0),
    Waypoint("AR", 0.32, 1.0, 1.0),
    Waypoint("ST", 0.40, 1.0, 0.08, optional=True),
    Waypoint(None, 0.47, 1.0, 0.75),
)
_ACCUMULATION_1 = (
    *_DECLINE,
    *_CLIMAX,
    Waypoint("ST", 0.53, 1.0, 0.12, optional=True),
    Waypoint(None, 0.58, 1.0, 0.66),
    Waypoint("SPRING", 0.64, 1.0, 0.0, -1.0),
    Waypoint(None, 0.67, 1.0, 0.42),
    Waypoint("TEST", 0.71, 1.0, 0.12, optional=True),
    *_MARKUP,
)
_ACCUMULATION_2 = (
    *_DECLINE,
    *_CLIMAX,
    Waypoint("ST", 0.56, 1.0, 0.12, optional=True),
    Waypoint(None, 0.63, 1.0, 0.72),
    Waypoint("ST", 0.69, 1.0, 0.20, optional=True),
    *_MARKUP,
)
_TO_THE_TOP = {"PS": "PSY", "SC": "BC", "AR": "AR_TOP", "ST": "ST_TOP"}
_DISTRIBUTION_1 = (
    *_mirrored((*_DECLINE, *_CLIMAX), _TO_THE_TOP),
    Waypoint("UT", 0.53, 1.0, 0.0, -0.8, optional=True),
    # The minor weakness that sets the last upthrust apart from an early one.
    Waypoint(None, 0.59, 1.0, 0.98),
    Waypoint("UTAD", 0.67, 1.0, 0.0, -1.0),
    *_MARKDOWN,
)
_DISTRIBUTION_2 = (
    *_mirrored((*_DECLINE, *_CLIMAX), _TO_THE_TOP),
    Waypoint("ST_TOP", 0.56, 1.0, 0.15, optional=True),
    Waypoint(None, 0.64, 1.0, 0.80),
    Waypoint(None, 0.70, 1.0, 0.45),
    *_MARKDOWN[:-1],
    Waypoint(None, 0.93, 1.0, 1.50),
    Waypoint("LPSY", 0.96, 1.0, 1.20, optional=True),
    Waypoint(None, 1.00, 1.0, 2.00),
)
# The range hangs below the buying climax: a height of 1 is its support.
_REACCUMULATION = (
    *_mirrored((*_DECLINE, *_CLIMAX), _TO_THE_TOP),
    Waypoint(None, 0.53, 1.0, 0.70),
    Waypoint(None, 0.57, 1.0, 0.35),
    Waypoint("SPRING", 0.64, 1.0, 1.0, 1.0),
    Waypoint(None, 0.67, 1.0, 0.58),
    Waypoint("TEST", 0.71, 1.0, 0.88, optional=True),
    Waypoint(None, 0.76, 1.0, 0.40),
    Waypoint("SOS", 0.80, 1.0, -0.16),
    Waypoint(None, 0.82, 1.0, -0.30),
    Waypoint("LPS", 0.86, 1.0, 0.22, optional=True),
    Waypoint(None, 0.90, 1.0, -0.45),
    Waypoint("BU", 0.94, 1.0, -0.04, optional=True),
    Waypoint(None, 1.00, 1.0, -0.90),
)


class Template(NamedTuple):
    """A schematic.

    Attributes:
        direction: -1 where a decline leads into the range, 1 where a rise does.
        points: in units of the trend; heights point back against the trend.
    """

    direction: int
    points: tuple[Waypoint, ...]


TEMPLATES = {
    "accumulation 1": Template(-1, _ACCUMULATION_1),
    "accumulation 2": Template(-1, _ACCUMULATION_2),
    "distribution 1": Template(1, _DISTRIBUTION_1),
    "distribution 2": Template(1, _DISTRIBUTION_2),
    "re-accumulation": Template(1, _REACCUMULATION),
}

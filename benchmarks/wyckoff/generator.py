"""Labelled price and volume series: a planted structure between ordinary sessions, from a seed.

The close follows the structure's waypoints; between them it moves by GARCH noise that is pinned to both ends, so that
a label's magnitude is the one that was drawn and everything between is chance. Noise scales the daily shocks and the
wicks, and leaves trend, range and false breaks as they are. Volume follows the absolute return (Karpoff 1987) and the
event's drawn factor. What is planted is written in `templates`; series without any structure are in `nulls`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.wyckoff.templates import (
    DEPTH,
    DEPTH_SPREAD,
    HEIGHT,
    HEIGHT_SPREAD,
    LEG_SPREAD,
    LONGEST,
    MISSING,
    MUTED,
    SHAPE_SPREAD,
    SHAPES,
    SHORTEST,
    TEMPLATES,
    TREND,
    TREND_SPREAD,
    Shape,
    Waypoint,
)

Floats = NDArray[np.float64]

VOLATILITY, VOLATILITY_SPREAD, LEAST_VOLATILITY, MOST_VOLATILITY = 0.018, 0.4, 0.007, 0.05
"""Daily log volatility of a name: median, log standard deviation, limits."""

NIGHT, NIGHT_NOISE = 0.35, 0.45
"""Share of a day's move that falls between close and open, and the open's own noise in daily volatilities."""

_BEFORE, _AFTER = (90, 200), (20, 60)
"""Ordinary sessions before and after a structure, from and up to."""

_SMALLEST_GAP = 2
_LEAST_MAGNITUDE = 0.15
_ARCH, _GARCH = 0.06, 0.90
_DEGREES_OF_FREEDOM = 5
_WICK = 0.35
_MUTED_SHAPE = Shape(-1, 0.4, 0.0, 1.0)
_VOLUME_PERSISTENCE, _VOLUME_KICK, _VOLUME_JITTER = 0.9, 0.13, 0.22
_VOLUME_RESPONSE, _VOLUME_RESPONSE_LIMIT = 0.24, 6.0
_RESPONSE_MEAN = 0.8
"""Mean absolute return in standard deviations, about: what volume responds to is the surprise."""

DEPENDS_ON = {
    "AR": "SC",
    "ST": "SC",
    "PS": "SC",
    "AR_TOP": "BC",
    "ST_TOP": "BC",
    "UT": "BC",
    "PSY": "BC",
    "TEST": "SPRING",
}
"""Events that are named after another one: without it, the same turn of the path is no such event."""


class Bars(NamedTuple):
    """Daily bars, oldest first, equal lengths; prices in USD, volume in shares."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Label(NamedTuple):
    """A planted event.

    Attributes:
        event: its type.
        bar: the bar it falls on.
        due: the bar on which it could first be told; that of the climax for what only a climax tells.
    """

    event: str
    bar: int
    due: int


@dataclass(frozen=True)
class Series:
    """One generated symbol.

    Attributes:
        kind: template or kind of null.
        bars: the prices and volumes.
        labels: what was planted, by bar.
    """

    kind: str
    bars: Bars
    labels: tuple[Label, ...]


class _Pin(NamedTuple):
    """The close of one bar, and the event that falls on it."""

    bar: int
    close: float
    extreme: float
    event: str | None
    shape: Shape | None


def structure_series(seed: int, noise: float = 1.0, volume_signal: float = 1.0) -> Series:
    """Draw one symbol with one planted structure.

    Args:
        seed: the same seed draws the same structure; noise and volume signal only scale it.
        noise: factor on the daily shocks and wicks.
        volume_signal: factor on the log of each event's volume.
    """
    rng = np.random.default_rng([seed, 1])
    kind = str(rng.choice(list(TEMPLATES)))
    template = TEMPLATES[kind]
    sigma = draw_volatility(rng)
    before, after = (int(rng.integers(*span)) for span in (_BEFORE, _AFTER))
    spreads = np.array([TREND_SPREAD, HEIGHT_SPREAD, DEPTH_SPREAD])
    trend, height, depth = sigma * np.array([TREND, HEIGHT, DEPTH]) * np.exp(spreads * rng.standard_normal(3))
    points = tuple(point for point in template.points if not (point.optional and rng.random() < MISSING))
    is_muted = bool(rng.random() < MUTED)
    offsets = _offsets(rng, points)

    pins = [_Pin(before - 1, 0.0, 0.0, None, None)]
    for point, offset in zip(points, offsets, strict=True):
        level = template.direction * (point.trend * trend - point.height * height - point.depth * depth)
        shape = _draw_shape(rng, point.event, is_muted=is_muted)
        pins += _pins(before + offset, level, point.event, shape, sigma)
    length = before + offsets[-1] + 1 + after
    shocks = noise * garch(rng, sigma, length)
    close = _pinned(np.cumsum(shocks), pins)
    factors = np.ones(length)
    for pin in pins:
        if pin.shape is not None:
            factors[pin.bar] = pin.shape.volume**volume_signal
    bars = to_bars(rng, close, noise * sigma, sigma, factors, start=float(rng.uniform(15, 250)))
    return Series(kind, _with_extremes(bars, close, pins), _labels(pins, is_muted=is_muted))


def draw_volatility(rng: np.random.Generator) -> float:
    """Daily log volatility of a name."""
    drawn = VOLATILITY * np.exp(rng.normal(0, VOLATILITY_SPREAD))
    return float(np.clip(drawn, LEAST_VOLATILITY, MOST_VOLATILITY))


def garch(rng: np.random.Generator, sigma: float, length: int) -> Floats:
    """GARCH(1,1) returns (Bollerslev 1986) with Student t shocks and the long-run deviation `sigma`."""
    unit = np.sqrt((_DEGREES_OF_FREEDOM - 2) / _DEGREES_OF_FREEDOM)
    drawn = np.clip(rng.standard_t(_DEGREES_OF_FREEDOM, length) * unit, -8, 8)
    returns = np.empty(length)
    variance = sigma**2
    for place in range(length):
        returns[place] = np.sqrt(variance) * drawn[place]
        variance = (1 - _ARCH - _GARCH) * sigma**2 + _ARCH * returns[place] ** 2 + _GARCH * variance
    return returns


def to_bars(
    rng: np.random.Generator, close: Floats, wick: float, sigma: float, factors: Floats, *, start: float
) -> Bars:
    """Bars around a path of log closes.

    Args:
        rng: source of wicks, gaps and volumes.
        close: log closes.
        wick: daily volatility of what happens inside a bar.
        sigma: the name's ordinary volatility, against which volume sees a return.
        factors: events' factors on volume.
        start: price where the path is 0, USD.
    """
    length = len(close)
    returns = np.diff(close, prepend=close[0])
    opened = close - returns + NIGHT * returns + NIGHT_NOISE * wick * rng.standard_normal(length)
    up, down = _WICK * wick * np.abs(rng.standard_normal((2, length)))
    high, low = np.maximum(opened, close) + up, np.minimum(opened, close) - down
    volume = _volumes(rng, returns, sigma, factors)
    return Bars(start * np.exp(opened), start * np.exp(high), start * np.exp(low), start * np.exp(close), volume)


def _volumes(rng: np.random.Generator, returns: Floats, sigma: float, factors: Floats) -> Floats:
    length = len(returns)
    kicks, jitter = rng.standard_normal((2, length))
    level = np.empty(length)
    state = 0.0
    for place in range(length):
        state = _VOLUME_PERSISTENCE * state + _VOLUME_KICK * kicks[place]
        level[place] = state
    surprise = np.minimum(np.abs(returns) / sigma, _VOLUME_RESPONSE_LIMIT) - _RESPONSE_MEAN
    base = np.log(rng.uniform(2e5, 2e7))
    volume: Floats = np.round(np.exp(base + level + _VOLUME_RESPONSE * surprise + _VOLUME_JITTER * jitter) * factors)
    return volume


def _offsets(rng: np.random.Generator, points: tuple[Waypoint, ...]) -> list[int]:
    """Session of each waypoint from the structure's start: every leg is warped, none is shorter than two sessions."""
    duration = int(rng.integers(SHORTEST, LONGEST + 1))
    legs = np.diff([point.time for point in points]) * duration * np.exp(rng.normal(0, LEG_SPREAD, len(points) - 1))
    return [0, *np.cumsum(np.maximum(np.round(legs), _SMALLEST_GAP)).astype(int).tolist()]


def _draw_shape(rng: np.random.Generator, event: str | None, *, is_muted: bool) -> Shape | None:
    if event is None:
        return None
    shape = SHAPES[event]
    drawn = np.exp(rng.normal(0, SHAPE_SPREAD, 3))
    if is_muted and event in {"SC", "BC"}:
        shape = _MUTED_SHAPE._replace(side=shape.side)
    tail, thrust, volume = (float(value) for value in np.array(shape[1:]) * drawn)
    return Shape(shape.side, tail, thrust, volume)


def _pins(bar: int, level: float, event: str | None, shape: Shape | None, sigma: float) -> list[_Pin]:
    """The close of the waypoint's bar, and of the bar before if the event has a move of its own."""
    if shape is None:
        return [_Pin(bar, level, level, event, None)]
    close = level - shape.side * shape.tail * sigma
    pin = _Pin(bar, close, level, event, shape)
    if shape.thrust == 0:
        return [pin]
    towards = shape.side or (1 if event == "SOS" else -1)
    before = close - towards * shape.thrust * sigma
    return [_Pin(bar - 1, before, before, None, None), pin]


def _pinned(noise: Floats, pins: list[_Pin]) -> Floats:
    """The path through the pins with the noise between them bent to both ends; free before the first and after."""
    bars = np.array([pin.bar for pin in pins])
    levels = np.array([pin.close for pin in pins])
    path = np.interp(np.arange(len(noise)), bars, levels - noise[bars])
    pinned: Floats = path + noise
    return pinned


def _with_extremes(bars: Bars, close: Floats, pins: list[_Pin]) -> Bars:
    """Make the planted extreme the bar's low or high."""
    high, low = bars.high.copy(), bars.low.copy()
    scale = bars.close[0] / np.exp(close[0])
    for pin in pins:
        if pin.shape is None or pin.shape.side == 0:
            continue
        extreme = scale * np.exp(pin.extreme)
        body = bars.open[pin.bar], bars.close[pin.bar]
        if pin.shape.side < 0:
            low[pin.bar] = min(extreme, *body)
        else:
            high[pin.bar] = max(extreme, *body)
    return bars._replace(high=high, low=low)


def _labels(pins: list[_Pin], *, is_muted: bool) -> tuple[Label, ...]:
    climax = next(pin.bar for pin in pins if pin.event in {"SC", "BC"})
    planted = {pin.event for pin in pins} - ({"SC", "BC"} if is_muted else set())
    return tuple(
        Label(pin.event, pin.bar, climax if pin.event in {"PS", "PSY"} else pin.bar)
        for pin in pins
        if pin.event in planted and pin.event is not None and DEPENDS_ON.get(pin.event, pin.event) in planted
    )

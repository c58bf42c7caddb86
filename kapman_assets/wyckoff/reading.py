"""One session of one symbol, read whole: events, range, regime, phase, scores, checklist, signal.

A session is read from the last `replay_bars` sound bars that end on it and from nothing else: neither later bars nor
how much older history is stored can change it, and a session read alone equals the same session read in a range. Rules
are in the other modules; this one only puts them together.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from kapman_assets.wyckoff import checklist as nine
from kapman_assets.wyckoff import signals
from kapman_assets.wyckoff.engine import Replay, replay
from kapman_assets.wyckoff.features import Bars, Floats
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.records import Found, Row
from kapman_assets.wyckoff.scores import Score, bc_score, climax_signals, composite, spring_score
from kapman_assets.wyckoff.signals import Signal, Told
from kapman_assets.wyckoff.vocabulary import TERMS, Event, Phase, Reason, Regime, SubType

CLIMAX_BARS = 3
"""Bars whose buying climax score a session looks at: its own and those of `bc_score_3d`."""

_DIGITS = 12
"""Digits to which a ratio of split factors is taken: it must not depend on later splits that cancel in it."""


@dataclass(frozen=True)
class SymbolBars:
    """What is known of one symbol; arrays of one length, oldest first, a row a session that has a bar.

    Attributes:
        sessions: days, ascending.
        bars: prices and volumes.
        factor: price factor of each bar for the splits after it (1 after the last one), where the bars are as traded;
            None where they are adjusted already. Every session is read in its own prices: bars of session s count with
            factor / factor of s, volumes with the inverse.
        market: closes of the market's index on the same days, NaN where it has none; None without an index.
        sentiment: percentile of the sentiment proxy on the same days, 0 to 1, NaN where unknown; None without one. A
            session looks at its last `CLIMAX_BARS` sound bars alone; events rest on bars and not on it.
        sentiment_is_price_only: where that rests on prices and volume, not on options; nowhere by default.
    """

    sessions: tuple[date, ...]
    bars: Bars
    factor: Floats | None = None
    market: Floats | None = None
    sentiment: Floats | None = None
    sentiment_is_price_only: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class NewEvent:
    """An event that a session confirms.

    Attributes:
        told: the event.
        terms: terms of its confidence by name, each in [0, 1].
        replaces: type and date of the event it takes the place of; None for most.
    """

    told: Told
    terms: Mapping[str, float]
    replaces: tuple[Event, date] | None


@dataclass(frozen=True)
class Reading:
    """One session of one symbol.

    Attributes:
        session: the day.
        bars_read: sound bars in the window.
        regime, phase: what the symbol does, and how far its range has come.
        letter: the single letter of both; None while the regime is unknown.
        sub_stage: word for the phase; None outside of a structure.
        phase_score: furthest event's place over the length of the sequence; None outside of a structure.
        phase_confidence: mean confidence of the active events; None without any.
        support, resistance: borders of the range, USD; None without one.
        range_start: session of the climax; None outside of a structure.
        touches_support, touches_resistance: how often the price came to each border.
        new_events: events that this session confirms.
        told: all events of the current structure.
        bc: buying climax points of the session.
        bc_score_28: scaled; None where fewer than `least_signals` are known.
        bc_score_3d: the largest of the last three sessions.
        spring: spring points of the last break of the support while it is fresh; None without one.
        spring_score_12: scaled; 0 in a range whose support has not been broken lately; None without a range.
        spring_is_final: whether the ladder can still change: the third bar after the break has passed.
        composite_score: all evidence in [0, 1]; None if nothing is known.
        checklist: nine buying and nine selling tests.
        signal: trade meaning.
        null_reasons: why a value is None, by name.
    """

    session: date
    bars_read: int
    regime: Regime
    phase: Phase
    letter: str | None
    sub_stage: str | None
    phase_score: float | None
    phase_confidence: float | None
    support: float | None
    resistance: float | None
    range_start: date | None
    touches_support: int
    touches_resistance: int
    new_events: tuple[NewEvent, ...]
    told: tuple[Told, ...]
    bc: Score
    bc_score_28: int | None
    bc_score_3d: int | None
    spring: Score | None
    spring_score_12: int | None
    spring_is_final: bool
    composite_score: float | None
    checklist: Mapping[str, tuple[nine.Test, ...]]
    signal: Signal
    null_reasons: Mapping[str, Reason]

    @property
    def primary_event(self) -> Told | None:
        """The event that matters most."""
        return signals.primary_event(self.told)

    @property
    def events_json(self) -> dict[str, Any]:
        """The document of `daily_snapshots.events_json`."""
        return signals.events_json(self.told, self.signal)

    @property
    def checklist_json(self) -> dict[str, list[dict[str, Any]]]:
        """The document of `daily_snapshots.checklist_json`."""
        return {
            side: [
                {
                    "test": test.number,
                    "name": test.name,
                    "outcome": test.outcome.value,
                    "value": None if test.value is None else round(test.value, 4),
                    "reason": None if test.reason is None else test.reason.name,
                }
                for test in tests
            ]
            for side, tests in self.checklist.items()
        }


def is_sound(bars: Bars) -> npt.NDArray[np.bool_]:
    """Which bars can be read: all five numbers known, prices positive, volume not negative, high and low around both.

    Any other bar counts as no bar, as a halted day does; a session without a sound bar is not read.
    """
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    with np.errstate(invalid="ignore"):
        is_priced = np.isfinite(prices).all(axis=0) & (prices > 0).all(axis=0)
        is_ordered = (bars.high >= prices.max(axis=0)) & (bars.low <= prices.min(axis=0))
        has_volume = np.isfinite(bars.volume) & (bars.volume >= 0)
    return np.asarray(is_priced & is_ordered & has_volume)


def read_sessions(symbol: SymbolBars, parameters: Parameters, *, last: int | None = None) -> Iterator[Reading]:
    """Read the last sessions of one symbol, each from its own window.

    Args:
        symbol: bars up to the last session wanted, and at least `replay_bars` before the first one where they exist.
        parameters: thresholds and the window's length.
        last: how many sessions; all by default.

    Yields:
        A reading for each session that has a sound bar, oldest first.
    """
    places = np.flatnonzero(is_sound(symbol.bars))
    first = 0 if last is None else max(len(symbol.sessions) - last, 0)
    for count in range(int(np.searchsorted(places, first)), len(places)):
        yield _read(symbol, places[max(count + 1 - parameters.replay_bars, 0) : count + 1], parameters)


def read_session(symbol: SymbolBars, parameters: Parameters) -> Reading | None:
    """Read the last session of one symbol; None if it has no sound bar."""
    return next(read_sessions(symbol, parameters, last=1), None)


def _window(symbol: SymbolBars, places: npt.NDArray[np.int64]) -> Bars:
    """The bars of a window in the prices of its last session."""
    opened, high, low, close, volume = (np.asarray(values, dtype=np.float64)[places] for values in symbol.bars)
    if symbol.factor is None:
        return Bars(opened, high, low, close, volume)
    ratio = symbol.factor[places] / symbol.factor[places[-1]]
    scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(ratio)))
    ratio = np.round(ratio * scale) / scale
    return Bars(opened * ratio, high * ratio, low * ratio, close * ratio, volume / ratio)


def _read(symbol: SymbolBars, places: npt.NDArray[np.int64], parameters: Parameters) -> Reading:
    bars = _window(symbol, places)
    market = None if symbol.market is None else symbol.market[places]
    pass_ = replay(bars, parameters.detection)
    row, now = Row(*pass_.rows[-1].tolist()), len(places) - 1
    events = [Found(*values) for values in pass_.events.tolist()]
    days = [symbol.sessions[place] for place in places[[int(row.start), now]]]
    regime, phase = Regime(row.regime), Phase(row.phase)
    told = _told(symbol, places, events, row, float(bars.close[-1]))
    bc, bc_28, bc_3d = _climax(pass_, bars, symbol, places, parameters)
    spring, spring_12 = _spring(row)
    is_range = not np.isnan(row.support)
    tests = nine.checklist(
        nine.Situation(
            bars=bars,
            features=pass_.features,
            market=market,
            row=row,
            pivot_wing=parameters.detection.pivot_wing,
            seen={one.event for one in told},
            spring_low=_last_price(told, {Event.SPRING}),
            upthrust_high=_last_price(told, {Event.UT, Event.UTAD}),
        ),
        parameters.checklist,
    )
    signal = signals.interpret(told, int(row.lean), bc_28, None if spring is None else spring_12, parameters.signals)
    active = [one.confidence for one in told if one.is_active]
    in_structure = row.structure > 0
    reading_values = {
        "letter": (signals.letter(regime), Reason.SHORT_HISTORY),
        "phase_score": (signal.completion if in_structure else None, Reason.NO_RANGE),
        "phase_confidence": (sum(active) / len(active) if active else None, Reason.NO_RANGE),
        "support": (float(row.support) if is_range else None, Reason.NO_RANGE),
        "resistance": (float(row.resistance) if is_range else None, Reason.NO_RANGE),
        "bc_score_28": (bc_28, Reason.FEW_SIGNALS),
        "bc_score_3d": (bc_3d, Reason.FEW_SIGNALS),
        "spring_score_12": (spring_12, Reason.NO_RANGE),
    }
    return Reading(
        session=days[1],
        bars_read=len(places),
        regime=regime,
        phase=phase,
        sub_stage=signals.sub_stage(regime, phase, int(row.lean)),
        range_start=days[0] if in_structure else None,
        touches_support=int(row.touches_support),
        touches_resistance=int(row.touches_resistance),
        new_events=_new_events(symbol, places, events),
        told=told,
        bc=bc,
        spring=spring,
        spring_is_final=bool(spring is not None and now - row.break_index >= parameters.detection.reclaim_bars),
        composite_score=composite(
            {
                "events": signals.evidence(told),
                "spring": None if spring is None or spring_12 is None else spring_12 / 12,
                "climax": None if bc_3d is None else -bc_3d / 28,
                "checklist": _balance(tests),
            },
            parameters.composite,
        ),
        checklist=tests,
        signal=signal,
        null_reasons={name: reason for name, (value, reason) in reading_values.items() if value is None},
        **{name: value for name, (value, _) in reading_values.items()},  # type: ignore[arg-type]
    )


def _climax(
    pass_: Replay, bars: Bars, symbol: SymbolBars, places: npt.NDArray[np.int64], parameters: Parameters
) -> tuple[Score, int | None, int | None]:
    """Buying climax points of the last bar, its scaled score, and the largest of three bars."""
    sentiment = None if symbol.sentiment is None else symbol.sentiment[places]
    is_price_only = None if symbol.sentiment_is_price_only is None else symbol.sentiment_is_price_only[places]
    graded = bc_score(climax_signals(bars, pass_.features, sentiment, is_price_only, last=CLIMAX_BARS))
    enough = np.where(graded.known >= parameters.signals.least_signals, graded.scaled, np.nan)
    highest = float(np.max(enough[~np.isnan(enough)], initial=-1.0))
    points = {name: values[-1:] for name, values in graded.points.items()}
    last = Score(points, graded.raw[-1:], graded.most[-1:], graded.scaled[-1:], graded.known[-1:])
    return last, None if np.isnan(enough[-1]) else int(enough[-1]), None if highest < 0 else int(highest)


def _spring(row: Row) -> tuple[Score | None, int | None]:
    """Spring points of the last break of the support, and the scaled score."""
    if math.isnan(row.support):
        return None, None
    if row.break_index < 0:
        return None, 0
    names = ("break_depth_atr", "break_depth_share", "break_bars", "break_rvol", "break_clv")
    score = spring_score(*[np.array([getattr(row, name)], dtype=np.float64) for name in names])
    return score, int(score.scaled[0])


def _told(
    symbol: SymbolBars, places: npt.NDArray[np.int64], events: list[Found], row: Row, close: float
) -> tuple[Told, ...]:
    """The events of the current structure as they stand after the last bar."""
    replaced = {event.replaces for event in events}
    return tuple(
        _tell(symbol, places, event, stands=place not in replaced and _stands(event, row, close))
        for place, event in enumerate(events)
        if event.structure == row.structure > 0
    )


def _tell(symbol: SymbolBars, places: npt.NDArray[np.int64], event: Found, *, stands: bool) -> Told:
    kind = Event(event.event)
    return Told(
        event=kind,
        sub_type=SubType(event.sub_type),
        event_date=symbol.sessions[places[event.event_index]],
        confirmed_date=symbol.sessions[places[event.confirmed_index]],
        sessions_ago=len(places) - 1 - int(event.confirmed_index),
        confidence=float(event.confidence),
        price_level=float(event.price_level),
        volume_ratio=None if np.isnan(event.volume_ratio) else float(event.volume_ratio),
        is_active=stands,
    )


_SUPPORTS = frozenset({Event.PS, Event.SC, Event.ST, Event.SPRING, Event.TEST, Event.LPS, Event.BU})
_CAPS = frozenset({Event.PSY, Event.BC, Event.ST_TOP, Event.UT, Event.UTAD, Event.LPSY})


def _stands(event: Found, row: Row, close: float) -> bool:
    """Whether the price has not undone an event: closed beyond its extreme, or come back into the range it left."""
    kind, level = Event(event.event), event.price_level
    if kind in _SUPPORTS:
        return close >= level
    if kind in _CAPS:
        return close <= level
    if kind in {Event.SOS, Event.SOW}:
        return row.phase >= Phase.D
    return True


def _new_events(symbol: SymbolBars, places: npt.NDArray[np.int64], events: list[Found]) -> tuple[NewEvent, ...]:
    """The events that the last bar confirms."""
    found = []
    for event in events:
        if event.confirmed_index < len(places) - 1:
            continue
        replaces = None
        if event.replaces >= 0:
            other = events[event.replaces]
            replaces = Event(other.event), symbol.sessions[places[other.event_index]]
        terms = {name: float(event.terms[k]) for k, name in enumerate(TERMS[Event(event.event)])}
        # An event is true on the day that confirms it, whatever else that day brings.
        found.append(NewEvent(_tell(symbol, places, event, stands=True), terms, replaces))
    return tuple(found)


def _last_price(told: tuple[Told, ...], wanted: set[Event]) -> float | None:
    """Price of the last active event of some kinds."""
    return next((one.price_level for one in reversed(told) if one.event in wanted and one.is_active), None)


def _balance(tests: Mapping[str, tuple[nine.Test, ...]]) -> float | None:
    """Buying tests passed less selling tests passed, over nine; None if no test is known."""
    if all(test.outcome is nine.Outcome.UNKNOWN for side in tests.values() for test in side):
        return None
    passed = {side: sum(test.outcome is nine.Outcome.PASS for test in tests[side]) for side in tests}
    return (passed["buying"] - passed["selling"]) / len(nine.NAMES)

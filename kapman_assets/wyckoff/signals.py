"""What detected events mean for a trade: letter, badge, entry and exit, strength, sequence, expectation, message.

Nothing is detected here, and no bar is looked at. The badge is that of architecture v2.0 §5.6, its strength and message
those of §5.5 and §15.4; which of them recorded prices bear out is published in `docs/wyckoff-forward.md`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from kapman_assets.wyckoff.parameters import SignalRules
from kapman_assets.wyckoff.vocabulary import (
    ACCUMULATION,
    DESCRIPTIONS,
    DISTRIBUTION,
    FOLLOWERS,
    Event,
    Phase,
    Regime,
    SubType,
)


class SignalType(StrEnum):
    """The badge of a symbol, as the view `v_wyckoff_events` names it."""

    EXIT_CRITICAL = "EXIT_CRITICAL"
    EXIT_WARNING = "EXIT_WARNING"
    ENTRY_SIGNAL = "ENTRY_SIGNAL"
    ENTRY_SETUP = "ENTRY_SETUP"
    NEUTRAL = "NEUTRAL"


class Strength(StrEnum):
    """How much a signal weighs."""

    STRONG = "STRONG"
    MODERATE = "MODERATE"
    WEAK = "WEAK"
    NONE = "NONE"


LETTERS = {
    Regime.ACCUM: "A",
    Regime.MARKUP: "B",
    Regime.RANGE: "C",
    Regime.DIST: "D",
    Regime.MARKDOWN: "E",
}
"""The single letter of architecture v2.0 §15.1."""


@dataclass(frozen=True)
class Told:
    """One event of a structure as it is known at a session.

    Attributes:
        event: its type.
        sub_type: its kind.
        event_date: session of the bar it fell on.
        confirmed_date: session that confirmed it.
        sessions_ago: bars since it was confirmed.
        confidence: in [0, 1].
        price_level: its extreme or close, USD.
        volume_ratio: RVOL of its bar; None if unknown.
        is_active: whether it still stands: not replaced by another and not undone by the price.
    """

    event: Event
    sub_type: SubType
    event_date: date
    confirmed_date: date
    sessions_ago: int
    confidence: float
    price_level: float
    volume_ratio: float | None
    is_active: bool


@dataclass(frozen=True)
class Signal:
    """The trade meaning of a session.

    Attributes:
        signal_type: the badge.
        entry_signal: whether opening a position is considered.
        exit_signal: whether the position is to be closed.
        strength: weight of the signal.
        sequence_position: place of the furthest event in its sequence, from 1; 0 without any.
        expected_next: what follows by the method.
        completion: that place over the length of the sequence, in [0, 1].
        message: one sentence.
    """

    signal_type: SignalType
    entry_signal: bool
    exit_signal: bool
    strength: Strength
    sequence_position: int
    expected_next: tuple[Event, ...]
    completion: float
    message: str


def letter(regime: Regime) -> str | None:
    """The letter A to E of a regime; None while it is unknown."""
    return LETTERS.get(regime)


def sequence_of(lean: int) -> tuple[Event, ...]:
    """The sequence that a structure follows: of an accumulation, or with a lean below 0 of a distribution."""
    return ACCUMULATION if lean >= 0 else DISTRIBUTION


def interpret(
    told: Sequence[Told], lean: int, bc_score: float | None, spring_score: float | None, rules: SignalRules
) -> Signal:
    """Read the events and scores of one session.

    Args:
        told: events of the current structure, oldest first.
        lean: the side that its later events speak for, 1 or -1; 0 outside of a structure.
        bc_score: buying climax score on 0 to 28; None where too little is known.
        spring_score: spring score on 0 to 12; None without a fresh break of a support.
        rules: limits of the scores and how long an event is fresh.
    """
    active = [one for one in told if one.is_active]
    fresh = {one.event for one in active if one.sessions_ago <= rules.fresh_sessions}
    position, expected, completion = _progress(active, lean)
    kind, strength, message = _badge(fresh, {one.event for one in active}, bc_score, spring_score, rules)
    if expected and kind is not SignalType.EXIT_CRITICAL:
        message += f"; next expected: {' or '.join(event.name for event in expected)}"
    return Signal(
        signal_type=kind,
        entry_signal=kind in {SignalType.ENTRY_SIGNAL, SignalType.ENTRY_SETUP},
        exit_signal=kind is SignalType.EXIT_CRITICAL,
        strength=strength,
        sequence_position=position,
        expected_next=expected,
        completion=completion,
        message=message,
    )


def _badge(
    fresh: set[Event], active: set[Event], bc_score: float | None, spring_score: float | None, rules: SignalRules
) -> tuple[SignalType, Strength, str]:
    """The badge of `v_wyckoff_events`: the first rule of architecture v2.0 §5.6 that holds; none with an unknown score.

    Strength and message are those of §5.5 and §15.4, which also ask how fresh an event is and what the climax says.
    """
    bc = math.nan if bc_score is None else bc_score
    spring = math.nan if spring_score is None else spring_score
    if bc >= rules.bc_critical:
        return SignalType.EXIT_CRITICAL, Strength.STRONG, f"BC score {bc:.0f} - exit immediately"
    if bc >= rules.bc_caution:
        message = f"BC score {bc:.0f} - prepare exit, no new positions"
        return SignalType.EXIT_WARNING, Strength.MODERATE, message
    is_setup = spring >= rules.spring_setup and bc < rules.bc_no_entry
    if is_setup or active & {Event.SPRING, Event.SOS}:
        is_signal = is_setup or Event.SPRING not in active
        kind = SignalType.ENTRY_SIGNAL if is_signal else SignalType.ENTRY_SETUP
        return kind, *_entry(fresh, active, bc, spring if is_setup else None, rules)
    if Event.SOW in active:
        strength = Strength.MODERATE if Event.SOW in fresh else Strength.WEAK
        return SignalType.EXIT_WARNING, strength, "SOW - distribution warning, reduce and tighten stops"
    builds = bool(active & {Event.SC, Event.AR, Event.ST})
    message = "Accumulation builds - watch for an entry" if builds else "No actionable signal"
    return SignalType.NEUTRAL, Strength.NONE, message


def _entry(
    fresh: set[Event], active: set[Event], bc: float, setup: float | None, rules: SignalRules
) -> tuple[Strength, str]:
    """How much an entry weighs; weak where it is old, or where a climax or a sign of weakness speaks against it."""
    with_test, is_fresh = Event.TEST in fresh, True
    if Event.SPRING in active and Event.SOS in fresh:
        strength, message = Strength.STRONG, "SPRING and SOS confirmed - primary accumulation complete"
    elif setup is not None:
        strength = Strength.STRONG if with_test else Strength.MODERATE
        # The score can be high without the event: then nothing is confirmed.
        seen = "Spring setup" if Event.SPRING not in active else f"SPRING {'and TEST ' if with_test else ''}confirmed"
        message = f"{seen}, score {setup:.0f} - favorable entry setup"
    elif Event.SPRING in active:
        strength, message = Strength.WEAK, "SPRING confirmed - entry setup"
        is_fresh = with_test or Event.SPRING in fresh
    else:
        strength, message = Strength.MODERATE, "SOS without SPRING - breakout entry, tighter stops"
        is_fresh = Event.SOS in fresh
    doubts = []
    if not is_fresh:
        doubts.append(f"older than {rules.fresh_sessions} sessions")
    # Without a score of the climax nobody can say that there is none.
    if math.isnan(bc):
        doubts.append("BC score unknown")
    elif bc >= rules.bc_no_entry:
        doubts.append(f"BC score {bc:.0f} speaks against it")
    if Event.SOW in active:
        doubts.append("SOW speaks against it")
    return (Strength.WEAK, f"{message}, but {', '.join(doubts)}") if doubts else (strength, message)


def _progress(active: Sequence[Told], lean: int) -> tuple[int, tuple[Event, ...], float]:
    """Place of the furthest active event in the structure's sequence, what follows it, and how much that completes."""
    sequence = sequence_of(lean)
    places = [sequence.index(one.event) + 1 for one in active if one.event in sequence]
    if not places:
        return 0, (), 0.0
    furthest = max(places)
    return furthest, FOLLOWERS[sequence[furthest - 1]], furthest / len(sequence)


def primary_event(told: Sequence[Told]) -> Told | None:
    """The event that matters most: the last confirmed active one; the surer of two of one session."""
    active = [one for one in told if one.is_active]
    return min(active, key=lambda one: (one.sessions_ago, -one.confidence)) if active else None


def events_json(told: Sequence[Told], signal: Signal) -> dict[str, Any]:
    """The document of architecture v2.0 §5.5; `detected_at` is the session that confirmed the event."""
    return {
        "events": [
            {
                "type": one.event.name,
                "sub_type": None if one.sub_type is SubType.NONE else one.sub_type.name,
                "event_date": one.event_date.isoformat(),
                "detected_at": one.confirmed_date.isoformat(),
                "confidence": round(one.confidence, 3),
                "price_level": round(one.price_level, 4),
                "volume_ratio": None if one.volume_ratio is None else round(one.volume_ratio, 2),
                "description": DESCRIPTIONS[one.event],
                "is_active": one.is_active,
            }
            for one in told
        ],
        "sequence_position": signal.sequence_position,
        "expected_next": [event.name for event in signal.expected_next],
        "pattern_completion_pct": round(signal.completion, 3),
        "entry_signal": signal.entry_signal,
        "exit_signal": signal.exit_signal,
        "signal_strength": signal.strength.value,
        "signal_type": signal.signal_type.value,
        "signal_message": signal.message,
    }


def sub_stage(regime: Regime, phase: Phase, lean: int) -> str | None:
    """One word for how far a structure has come; None outside of one."""
    if phase is Phase.NONE or regime is Regime.UNKNOWN:
        return None
    rising = {Phase.A: "stopping", Phase.B: "building", Phase.C: "spring", Phase.D: "strength", Phase.E: "markup"}
    falling = rising | {Phase.C: "upthrust", Phase.D: "weakness", Phase.E: "markdown"}
    return (rising if lean >= 0 else falling)[phase]


def evidence(told: Sequence[Told]) -> float | None:
    """How far the active events speak for rising (1) or falling (-1) prices, by their confidence; None without any."""
    rising = {Event.SPRING, Event.TEST, Event.SOS, Event.LPS, Event.BU}
    falling = {Event.BC, Event.UT, Event.UTAD, Event.SOW, Event.LPSY}
    signed = [
        one.confidence if one.event in rising else -one.confidence
        for one in told
        if one.is_active and one.event in rising | falling
    ]
    if not signed:
        return None
    return sum(signed) / max(1.0, sum(abs(value) for value in signed))

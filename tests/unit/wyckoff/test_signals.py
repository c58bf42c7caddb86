"""The trade meaning: every rule of the documents, their order, and the sequence."""

from datetime import date

import pytest

from kapman_assets.wyckoff.parameters import SignalRules
from kapman_assets.wyckoff.signals import (
    SignalType,
    Strength,
    Told,
    events_json,
    evidence,
    interpret,
    letter,
    primary_event,
    sequence_of,
    sub_stage,
)
from kapman_assets.wyckoff.vocabulary import (
    ACCUMULATION,
    DESCRIPTIONS,
    DISTRIBUTION,
    FOLLOWERS,
    MAIN_EVENTS,
    TERMS,
    Event,
    Phase,
    Regime,
    SubType,
)

RULES = SignalRules()


def told(
    name: str, *, ago: int = 0, confidence: float = 0.8, active: bool = True, sub_type: SubType = SubType.NONE
) -> Told:
    return Told(
        event=Event[name],
        sub_type=sub_type,
        event_date=date(2025, 12, 1),
        confirmed_date=date(2025, 12, 2),
        sessions_ago=ago,
        confidence=confidence,
        price_level=142.30001,
        volume_ratio=0.6049,
        is_active=active,
    )


def meaning(names: str, bc: float | None = 0.0, spring: float | None = None) -> tuple[SignalType, Strength, bool, bool]:
    got = interpret([told(name) for name in names.split()], 1, bc, spring, RULES)
    return got.signal_type, got.strength, got.entry_signal, got.exit_signal


@pytest.mark.parametrize(
    ("names", "bc", "spring", "expected"),
    [
        ("", 0, None, (SignalType.NEUTRAL, Strength.NONE, False, False)),
        ("SC AR ST", 0, None, (SignalType.NEUTRAL, Strength.NONE, False, False)),
        ("SC TEST", 0, None, (SignalType.NEUTRAL, Strength.NONE, False, False)),
        ("SC SPRING", 0, 6, (SignalType.ENTRY_SETUP, Strength.WEAK, True, False)),
        ("SC SPRING", 11, 9, (SignalType.ENTRY_SIGNAL, Strength.MODERATE, True, False)),
        ("SC SPRING", 12, 9, (SignalType.ENTRY_SETUP, Strength.WEAK, True, False)),
        ("SC", 0, 9, (SignalType.ENTRY_SIGNAL, Strength.MODERATE, True, False)),
        ("SC", None, 12, (SignalType.NEUTRAL, Strength.NONE, False, False)),
        ("SC SPRING TEST", 11, 9, (SignalType.ENTRY_SIGNAL, Strength.STRONG, True, False)),
        ("SC SPRING TEST", 11, 8, (SignalType.ENTRY_SETUP, Strength.WEAK, True, False)),
        ("SC SPRING SOS", 11, 3, (SignalType.ENTRY_SETUP, Strength.STRONG, True, False)),
        ("SC SPRING SOS", 11, 9, (SignalType.ENTRY_SIGNAL, Strength.STRONG, True, False)),
        ("SC SPRING SOS", 12, 3, (SignalType.ENTRY_SETUP, Strength.WEAK, True, False)),
        ("SC SPRING SOS", None, 12, (SignalType.ENTRY_SETUP, Strength.WEAK, True, False)),
        ("SC SOS", 0, None, (SignalType.ENTRY_SIGNAL, Strength.MODERATE, True, False)),
        ("SC SOS", 19, None, (SignalType.ENTRY_SIGNAL, Strength.WEAK, True, False)),
        ("SC SOS SOW", 0, None, (SignalType.ENTRY_SIGNAL, Strength.WEAK, True, False)),
        ("BC SOW", 0, None, (SignalType.EXIT_WARNING, Strength.MODERATE, False, False)),
        ("BC AR_TOP", 0, None, (SignalType.NEUTRAL, Strength.NONE, False, False)),
        ("SC SPRING SOS", 20, 12, (SignalType.EXIT_WARNING, Strength.MODERATE, False, False)),
        ("SC SPRING SOS", 23, 12, (SignalType.EXIT_WARNING, Strength.MODERATE, False, False)),
        ("SC SPRING SOS", 24, 12, (SignalType.EXIT_CRITICAL, Strength.STRONG, False, True)),
    ],
)
def test_the_rules_in_their_order(
    names: str, bc: float | None, spring: float | None, expected: tuple[SignalType, Strength, bool, bool]
) -> None:
    assert meaning(names, bc, spring) == expected


@pytest.mark.parametrize(
    ("names", "bc", "spring", "expected"),
    [
        ("", 0, None, "No actionable signal"),
        ("SC", 0, None, "Accumulation builds - watch for an entry"),
        ("SPRING", 0, None, "SPRING confirmed - entry setup"),
        ("SPRING", 0, 9, "SPRING confirmed, score 9 - favorable entry setup"),
        ("", 0, 9, "Spring setup, score 9 - favorable entry setup"),
        ("SPRING TEST", 0, 10, "SPRING and TEST confirmed, score 10 - favorable entry setup"),
        ("SPRING SOS", 0, 9, "SPRING and SOS confirmed - primary accumulation complete"),
        ("SPRING", None, None, "SPRING confirmed - entry setup, but BC score unknown"),
        ("SOS", 12, None, "SOS without SPRING - breakout entry, tighter stops, but BC score 12 speaks against it"),
        (
            "SPRING SOW",
            19,
            None,
            "SPRING confirmed - entry setup, but BC score 19 speaks against it, SOW speaks against it",
        ),
        ("SOW", 0, None, "SOW - distribution warning, reduce and tighten stops"),
        ("SPRING", 20, None, "BC score 20 - prepare exit, no new positions"),
        ("SPRING", 24, None, "BC score 24 - exit immediately"),
    ],
)
def test_the_message_says_why(names: str, bc: float | None, spring: float | None, expected: str) -> None:
    got = interpret([told(name) for name in names.split()], 1, bc, spring, RULES).message
    assert got.split("; next expected")[0] == expected


def test_what_is_old_is_weak_and_what_is_undone_is_none() -> None:
    def read(*events: Told, spring: float | None = None) -> tuple[SignalType, Strength]:
        got = interpret(events, 1, 0, spring, RULES)
        return got.signal_type, got.strength

    last, over = RULES.fresh_sessions, RULES.fresh_sessions + 1
    assert read(told("SPRING", ago=40), told("SOS", ago=last)) == (SignalType.ENTRY_SETUP, Strength.STRONG)
    assert read(told("SPRING", ago=40), told("SOS", ago=over)) == (SignalType.ENTRY_SETUP, Strength.WEAK)
    assert read(told("SOS", ago=last)) == (SignalType.ENTRY_SIGNAL, Strength.MODERATE)
    assert read(told("SOS", ago=over)) == (SignalType.ENTRY_SIGNAL, Strength.WEAK)
    assert read(told("SOW", ago=last)) == (SignalType.EXIT_WARNING, Strength.MODERATE)
    assert read(told("SOW", ago=over)) == (SignalType.EXIT_WARNING, Strength.WEAK)
    old_spring = told("SPRING", ago=over)
    assert "older than 10 sessions" in interpret([old_spring], 1, 0, None, RULES).message
    assert "older" not in interpret([old_spring, told("TEST", ago=last)], 1, 0, None, RULES).message
    # A score is only given while the break is fresh.
    assert read(old_spring, told("SOS", ago=over), spring=9) == (SignalType.ENTRY_SIGNAL, Strength.MODERATE)
    assert read(told("SPRING", active=False), told("SOS", active=False)) == (SignalType.NEUTRAL, Strength.NONE)


def test_the_document_of_the_architecture() -> None:
    """The example of v2.0 §5.5: spring and test found, strength expected."""
    events = [told("SPRING", confidence=0.85, sub_type=SubType.LOWVOL), told("TEST", confidence=0.72)]
    got = events_json(events, interpret(events, 1, 8, 10, RULES))

    assert got["events"][0] == {
        "type": "SPRING",
        "sub_type": "LOWVOL",
        "event_date": "2025-12-01",
        "detected_at": "2025-12-02",
        "confidence": 0.85,
        "price_level": 142.3,
        "volume_ratio": 0.6,
        "description": "False breakdown with quick recovery",
        "is_active": True,
    }
    assert got["events"][1]["description"] == "Low volume retest of spring area"
    assert got["events"][1]["sub_type"] is None
    assert (got["sequence_position"], got["expected_next"]) == (5, ["SOS"])
    assert got["pattern_completion_pct"] == 5 / 8
    assert (got["entry_signal"], got["exit_signal"], got["signal_strength"]) == (True, False, "STRONG")
    assert "favorable entry setup" in got["signal_message"]
    assert "next expected: SOS" in got["signal_message"]


def test_the_sequence_is_that_of_the_side() -> None:
    events = [told(name) for name in ("BC", "AR_TOP", "UT")]
    down = interpret(events, -1, 0, None, RULES)
    assert (down.sequence_position, down.expected_next) == (4, (Event.UTAD, Event.SOW))
    assert down.completion == pytest.approx(4 / 7)
    # The same events are no part of an accumulation.
    assert interpret(events, 1, 0, None, RULES).sequence_position == 0
    assert "next expected" not in interpret(events, -1, 25, None, RULES).message


def test_what_matters_most() -> None:
    events = [told("SC", ago=20), told("ST", ago=3, confidence=0.5), told("SPRING", ago=3, confidence=0.7)]
    first = primary_event([*events, told("TEST", ago=1, active=False)])
    assert first is not None
    assert first.event is Event.SPRING
    assert primary_event([]) is None


def test_evidence() -> None:
    assert evidence([]) is None
    assert evidence([told("SC"), told("AR")]) is None
    assert evidence([told("SPRING", confidence=0.6)]) == pytest.approx(0.6)
    assert evidence([told("SPRING"), told("SOS")]) == pytest.approx(1.0)
    assert evidence([told("SOS", confidence=0.5), told("SOW", confidence=1.0)]) == pytest.approx(-0.5 / 1.5)
    assert evidence([told("SPRING", active=False), told("UTAD", confidence=0.4)]) == pytest.approx(-0.4)


@pytest.mark.parametrize(
    ("regime", "expected"),
    [
        (Regime.ACCUM, "A"),
        (Regime.MARKUP, "B"),
        (Regime.RANGE, "C"),
        (Regime.DIST, "D"),
        (Regime.MARKDOWN, "E"),
        (Regime.UNKNOWN, None),
    ],
)
def test_the_letter(regime: Regime, expected: str | None) -> None:
    assert letter(regime) == expected


def test_the_stage_has_a_word() -> None:
    assert sub_stage(Regime.ACCUM, Phase.C, 1) == "spring"
    assert sub_stage(Regime.DIST, Phase.C, -1) == "upthrust"
    assert sub_stage(Regime.MARKDOWN, Phase.E, -1) == "markdown"
    assert sub_stage(Regime.RANGE, Phase.NONE, 0) is None
    assert sub_stage(Regime.UNKNOWN, Phase.A, 1) is None


def test_the_words_are_complete() -> None:
    assert len(Event) == 17
    assert {event.name for event in MAIN_EVENTS} == {"SC", "AR", "ST", "SPRING", "TEST", "SOS", "BC", "SOW"}
    assert set(DESCRIPTIONS) == set(FOLLOWERS) == set(TERMS) == set(Event)
    assert sequence_of(1) == sequence_of(0) == ACCUMULATION
    assert sequence_of(-1) == DISTRIBUTION
    for before, after in FOLLOWERS.items():
        for sequence in (ACCUMULATION, DISTRIBUTION):
            if before in sequence:
                assert all(sequence.index(event) > sequence.index(before) for event in after)

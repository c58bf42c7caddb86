"""A signal is said when it is new, and not again."""

from datetime import date

import pytest

from kapman_assets.decisions.candidates import Reading, events_behind, new_signals
from kapman_resources.sessions import session_offset

DAY = date(2026, 7, 8)
BEFORE = session_offset(DAY, -1)


def reading(signal: str, day: date = DAY, *active: str, name: int = 1, bc: int | None = 3) -> Reading:
    return Reading(day, name, signal, bc, active)


def new(*readings: Reading, confirmed: dict[tuple[date, int], list[str]] | None = None) -> list[tuple[date, str]]:
    return [(one.date, one.signal_type) for one in new_signals(readings, confirmed or {}, DAY)]


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        ("NEUTRAL", "ENTRY_SIGNAL", True),
        ("ENTRY_SETUP", "ENTRY_SIGNAL", True),
        ("EXIT_WARNING", "EXIT_CRITICAL", True),
        ("ENTRY_SIGNAL", "ENTRY_SIGNAL", False),
        ("EXIT_WARNING", "NEUTRAL", False),
        ("ENTRY_SIGNAL", "ACCUMULATION", False),
    ],
)
def test_a_changed_signal_is_new(before: str, now: str, is_new: bool) -> None:
    assert bool(new(reading(before, BEFORE), reading(now))) is is_new


def test_a_first_reading_is_new_and_a_halt_is_no_news() -> None:
    assert new(reading("ENTRY_SETUP")) == [(DAY, "ENTRY_SETUP")]
    assert new(reading("ENTRY_SETUP", session_offset(DAY, -5)), reading("ENTRY_SETUP")) == []
    assert len(new(reading("ENTRY_SETUP", session_offset(DAY, -6)), reading("ENTRY_SETUP"))) == 1


@pytest.mark.parametrize(
    ("signal", "bc", "event", "is_new"),
    [
        ("ENTRY_SIGNAL", 3, "SOS", True),
        ("ENTRY_SETUP", 3, "SPRING", True),
        ("ENTRY_SIGNAL", 3, "TEST", False),
        ("ENTRY_SIGNAL", 3, "SOW", False),
        ("EXIT_WARNING", 3, "SOW", True),
        ("EXIT_WARNING", 21, "SOW", False),
        ("EXIT_WARNING", 21, "BC", True),
        ("EXIT_CRITICAL", 25, "BC", True),
        ("EXIT_WARNING", None, "SOW", True),
    ],
)
def test_an_unchanged_signal_is_new_with_an_event_that_it_rests_on(
    signal: str, bc: int | None, event: str, is_new: bool
) -> None:
    before, now = reading(signal, BEFORE, event, bc=bc), reading(signal, DAY, event, bc=bc)
    assert bool(new(before, now, confirmed={(DAY, 1): [event]})) is is_new
    # Confirmed earlier, for another name, or no longer active: not new.
    assert new(before, now, confirmed={(BEFORE, 1): [event], (DAY, 2): [event]}) == []
    assert new(before, reading(signal, bc=bc), confirmed={(DAY, 1): [event]}) == []


def test_names_do_not_touch_each_other_and_the_look_back_is_not_answered() -> None:
    readings = [reading("ENTRY_SIGNAL", BEFORE, name=1), reading("ENTRY_SIGNAL", name=2), reading("ENTRY_SIGNAL")]
    assert [(one.date, one.ticker_id) for one in new_signals(readings, {}, DAY)] == [(DAY, 2)]
    assert list(new_signals(reversed(readings), {}, DAY)) == [readings[1]]


def test_a_score_rests_on_the_climax() -> None:
    assert events_behind("EXIT_WARNING", 20) == {"BC"}
    assert events_behind("EXIT_WARNING", 19) == {"SOW"}

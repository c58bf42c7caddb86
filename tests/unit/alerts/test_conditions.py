"""Which built-in conditions fire: the tables of v2.0 §5.5 and §5.6, what is new, what is silent, what is not."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_assets.alerts.alert import Alert, Priority
from kapman_assets.alerts.conditions import ConfirmedEvent, Snapshot, fired
from kapman_resources.sessions import session_offset, sessions_between

DAY = date(2026, 7, 8)
QUIET = Snapshot(1, "AAPL", bc_score=3, spring_score=2, events_detected=("SC", "AR"), vsi=0.1, wyckoff_phase="A")


def codes(alerts: list[Alert]) -> dict[str, str]:
    return {alert.code: str(alert.priority) for alert in alerts}


def event(name: str, ticker_id: int = 1) -> ConfirmedEvent:
    return ConfirmedEvent(ticker_id, name, session_offset(DAY, -2), 0.8, 142.3)


@pytest.mark.parametrize(
    ("changes", "events", "expected"),
    [
        ({}, [], {}),
        ({"bc_score": 24}, [], {"BC_CRITICAL": "CRITICAL"}),
        ({"bc_score": 23}, [], {"BC_WARNING": "MEDIUM"}),
        ({"bc_score": 20}, [], {"BC_WARNING": "MEDIUM"}),
        ({"bc_score": 19}, [], {}),
        ({"spring_score": 9}, [], {"SPRING_CONFIRMED": "HIGH"}),
        ({"spring_score": 9, "bc_score": 12}, [], {}),
        ({"spring_score": 9, "bc_score": None}, [], {}),
        ({"events_detected": ["SPRING", "SOS"]}, [], {"SPRING_SOS": "HIGH"}),
        ({"events_detected": ["SPRING", "SOS"], "bc_score": 12}, [], {}),
        ({"events_detected": ["SPRING", "SOS"], "spring_score": 11}, [], {"SPRING_SOS": "HIGH"}),
        ({"primary_event": "SOW"}, [], {"SOW_DETECTED": "MEDIUM"}),
        ({"primary_event": "AR"}, ["SOW"], {"SOW_DETECTED": "MEDIUM"}),
        ({"vsi": 2.0}, [], {}),
        ({"vsi": 2.1}, [], {"VOLUME_SURGE": "INFO"}),
        ({"wyckoff_phase": "B"}, [], {"PHASE_CHANGED": "INFO"}),
        ({"wyckoff_phase": None}, [], {}),
        ({}, ["ST", "TEST"], {"EVENT_ST": "LOW", "EVENT_TEST": "LOW"}),
        # An event that a condition speaks of is not said a second time.
        ({"events_detected": ["SPRING"], "spring_score": 9}, ["SPRING"], {"SPRING_CONFIRMED": "HIGH"}),
        ({"events_detected": ["SPRING"], "spring_score": 5}, ["SPRING"], {"EVENT_SPRING": "LOW"}),
        ({"bc_score": 25}, ["BC"], {"BC_CRITICAL": "CRITICAL"}),
        ({"bc_score": None, "spring_score": None, "events_detected": None, "vsi": None}, [], {}),
    ],
)
def test_what_fires_and_how_urgent(changes: dict[str, object], events: list[str], expected: dict[str, str]) -> None:
    now = replace(QUIET, **changes)  # type: ignore[arg-type]
    assert codes(fired(DAY, [now], [QUIET], [event(name) for name in events], {})) == expected


@pytest.mark.parametrize(
    ("before", "now", "events", "expected"),
    [
        # What has not changed is not said, but the exit that nobody took.
        ({"bc_score": 21}, {"bc_score": 22}, [], set()),
        ({"bc_score": 25}, {"bc_score": 26}, [], {"BC_CRITICAL"}),
        ({"bc_score": 21}, {"bc_score": 24}, [], {"BC_CRITICAL"}),
        # Less of the same is no news.
        ({"bc_score": 25}, {"bc_score": 22}, [], set()),
        ({"spring_score": 10}, {"spring_score": 11}, [], set()),
        ({"spring_score": 10}, {"spring_score": 11}, ["SPRING"], {"SPRING_CONFIRMED"}),
        ({"spring_score": 10}, {"spring_score": 10, "events_detected": ["SPRING", "SOS"]}, [], {"SPRING_SOS"}),
        ({"primary_event": "SOW"}, {"primary_event": "SOW"}, [], set()),
        ({"primary_event": "SOW"}, {"primary_event": "SOW"}, ["SOW"], {"SOW_DETECTED"}),
        ({"vsi": 3.0}, {"vsi": 2.5}, [], set()),
    ],
)
def test_only_what_is_new_is_said(
    before: dict[str, object], now: dict[str, object], events: list[str], expected: set[str]
) -> None:
    rows = [replace(QUIET, **changes) for changes in (now, before)]  # type: ignore[arg-type]
    found = fired(DAY, rows[:1], rows[1:], [event(name) for name in events], {})
    assert set(codes(found)) == expected


def test_without_a_session_before_what_holds_is_new() -> None:
    assert codes(fired(DAY, [replace(QUIET, bc_score=21)], [], [], {})) == {"BC_WARNING": "MEDIUM"}


@pytest.mark.parametrize("sessions_ago", [1, 2, 3, 4])
def test_it_is_silent_for_three_sessions(sessions_ago: int) -> None:
    last = {(1, "BC_WARNING"): session_offset(DAY, -sessions_ago)}
    found = fired(DAY, [replace(QUIET, bc_score=21)], [QUIET], [], last)
    assert bool(found) is (sessions_ago == 4)


@pytest.mark.parametrize(
    ("said", "score", "expected"),
    [
        ("BC_WARNING", 24, {"BC_CRITICAL"}),
        ("BC_CRITICAL", 24, set()),
        ("BC_CRITICAL", 20, set()),
        ("VOLUME_SURGE", 24, {"BC_CRITICAL"}),
    ],
)
def test_only_what_is_more_urgent_breaks_the_silence(said: str, score: int, expected: set[str]) -> None:
    last = {(1, said): session_offset(DAY, -1), (2, "BC_CRITICAL"): session_offset(DAY, -1)}
    assert set(codes(fired(DAY, [replace(QUIET, bc_score=score)], [QUIET], [], last))) == expected


def test_an_alert_says_what_it_is_about() -> None:
    (alert,) = fired(DAY, [replace(QUIET, bc_score=26)], [QUIET], [], {})
    assert alert.key == "2026-07-08:AAPL:BC_CRITICAL"
    assert (alert.ticker_id, alert.symbol, alert.value) == (1, "AAPL", 26.0)
    assert alert.title == "AAPL: exit immediately, BC score 26 of 28"
    assert alert.facts["bc_score"] == 26


scores = st.one_of(st.none(), st.integers(0, 28))


@given(st.lists(scores, min_size=2, max_size=40))
def test_over_any_past_an_exit_is_never_missed_nor_said_without_end(history: list[int | None]) -> None:
    """Played forward with what was told: from the score alone, in the words of v2.0."""
    days = sessions_between(session_offset(DAY, 1 - len(history)), DAY)
    rows = [replace(QUIET, bc_score=score) for score in history]
    told: dict[tuple[int, str], date] = {}
    critical, all_of_family = [], []
    for place, (day, row) in enumerate(zip(days, rows, strict=True)):
        found = fired(day, [row], rows[place - 1 : place] if place else [], [], told)
        assert len(found) <= 1
        for alert in found:
            told[1, alert.code] = day
            all_of_family.append((place, alert.priority))
            if alert.code == "BC_CRITICAL":
                critical.append(place)
        # While the score is critical, no more than three sessions pass without its alert.
        if row.bc_score is not None and row.bc_score >= 24:
            assert critical
            assert place - critical[-1] <= 3
    assert all(later - earlier > 3 for earlier, later in pairwise(critical))
    for (earlier, first), (later, second) in pairwise(all_of_family):
        assert later - earlier > 3 or (first, second) == (Priority.MEDIUM, Priority.CRITICAL)

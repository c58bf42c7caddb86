"""Which session keys exist at which instant: weekends, holidays, half days, daylight saving."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import exchange_calendars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_assets.partitions import SESSIONS
from kapman_resources.sessions import (
    FIRST_SESSION,
    HOLIDAYS_KNOWN_UNTIL,
    latest_open_session,
    opens_at,
    sessions_between,
)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIRST, LAST = date(2021, 1, 1), date(2026, 12, 31)
XNYS = exchange_calendars.get_calendar("XNYS", start="2020-12-01", end="2027-01-31")
CLOSES = {day.date().isoformat(): close.to_pydatetime() for day, close in zip(XNYS.sessions, XNYS.closes, strict=True)}
INSTANT = timedelta(microseconds=1)
NEW_YORK = ZoneInfo("America/New_York")


def last_key_at(now: datetime) -> str | None:
    with dg.partition_loading_context(effective_dt=now):
        return SESSIONS.get_last_partition_key()


def keys_at(now: datetime) -> list[str]:
    with dg.partition_loading_context(effective_dt=now):
        return list(SESSIONS.get_partition_keys())


def utc(day: str, clock: time) -> datetime:
    return datetime.combine(date.fromisoformat(day), clock, UTC)


def opening_of(day: str) -> datetime:
    return utc(day, time(21, 20))


def test_keys_of_six_years_are_the_exchanges_sessions() -> None:
    keys = [key for key in keys_at(opening_of("2026-12-31")) if key >= FIRST.isoformat()]

    assert keys == [key for key in CLOSES if FIRST.isoformat() <= key <= LAST.isoformat()]
    assert "2025-01-09" not in keys
    assert len(keys) == 252 + 251 + 250 + 252 + 250 + 251


def test_keys_are_the_calendar_modules_sessions_from_the_first_file_on() -> None:
    keys = keys_at(datetime.combine(HOLIDAYS_KNOWN_UNTIL, time(23), UTC))

    assert keys == [day.isoformat() for day in sessions_between(FIRST_SESSION, HOLIDAYS_KNOWN_UNTIL)]
    assert keys[0] == "2003-09-10"


@pytest.mark.parametrize(
    ("session", "before", "new_york"),
    [
        pytest.param("2025-01-08", "2025-01-07", time(16, 20), id="winter"),
        pytest.param("2025-01-10", "2025-01-08", time(16, 20), id="after an ad-hoc closed day"),
        pytest.param("2025-01-17", "2025-01-16", time(16, 20), id="Friday before a Monday holiday"),
        pytest.param("2025-01-21", "2025-01-17", time(16, 20), id="Tuesday after a Monday holiday"),
        pytest.param("2025-03-07", "2025-03-06", time(16, 20), id="2025, last of EST"),
        pytest.param("2025-03-10", "2025-03-07", time(17, 20), id="2025, first of EDT"),
        pytest.param("2025-04-21", "2025-04-17", time(17, 20), id="Monday after Good Friday"),
        pytest.param("2025-07-03", "2025-07-02", time(17, 20), id="half day before 4 July"),
        pytest.param("2025-07-07", "2025-07-03", time(17, 20), id="Monday after 4 July"),
        pytest.param("2025-10-31", "2025-10-30", time(17, 20), id="2025, last of EDT"),
        pytest.param("2025-11-03", "2025-10-31", time(16, 20), id="2025, first of EST"),
        pytest.param("2025-11-28", "2025-11-26", time(16, 20), id="half day after Thanksgiving"),
        pytest.param("2025-12-24", "2025-12-23", time(16, 20), id="half day before Christmas"),
        pytest.param("2025-12-26", "2025-12-24", time(16, 20), id="after Christmas"),
        pytest.param("2026-01-02", "2025-12-31", time(16, 20), id="first of the year"),
        pytest.param("2026-03-06", "2026-03-05", time(16, 20), id="2026, last of EST"),
        pytest.param("2026-03-09", "2026-03-06", time(17, 20), id="2026, first of EDT"),
        pytest.param("2026-10-30", "2026-10-29", time(17, 20), id="2026, last of EDT"),
        pytest.param("2026-11-02", "2026-10-30", time(16, 20), id="2026, first of EST"),
    ],
)
def test_a_key_opens_at_2120_utc_of_its_own_day(session: str, before: str, new_york: time) -> None:
    opening = opening_of(session)

    assert opening.astimezone(NEW_YORK).time() == new_york
    assert last_key_at(opening - INSTANT) == before
    assert last_key_at(opening) == session
    # Nothing more opens before the next day's own instant.
    assert last_key_at(opening + timedelta(days=1) - INSTANT) == session


@pytest.mark.parametrize(
    ("day", "newest"),
    [
        pytest.param("2025-01-09", "2025-01-08", id="ad-hoc closed Thursday"),
        pytest.param("2025-01-18", "2025-01-17", id="Saturday before a Monday holiday"),
        pytest.param("2025-01-19", "2025-01-17", id="Sunday before a Monday holiday"),
        pytest.param("2025-01-20", "2025-01-17", id="Martin Luther King Day"),
        pytest.param("2025-03-08", "2025-03-07", id="Saturday"),
        pytest.param("2025-03-09", "2025-03-07", id="Sunday of the change to EDT 2025"),
        pytest.param("2025-11-02", "2025-10-31", id="Sunday of the change to EST 2025"),
        pytest.param("2026-03-08", "2026-03-06", id="Sunday of the change to EDT 2026"),
        pytest.param("2026-11-01", "2026-10-30", id="Sunday of the change to EST 2026"),
        pytest.param("2025-04-18", "2025-04-17", id="Good Friday"),
        pytest.param("2025-07-04", "2025-07-03", id="4 July, a Friday"),
        pytest.param("2026-07-03", "2026-07-02", id="4 July observed on a Friday"),
        pytest.param("2025-11-27", "2025-11-26", id="Thanksgiving"),
        pytest.param("2025-12-25", "2025-12-24", id="Christmas"),
    ],
)
def test_no_key_opens_on_a_closed_day(day: str, newest: str) -> None:
    midnight = utc(day, time())

    for minutes in range(0, 24 * 60 + 1, 20):
        now = midnight + timedelta(minutes=minutes)
        if now < opening_of(day) + timedelta(days=1):
            assert last_key_at(now) == newest, now
    with dg.partition_loading_context(effective_dt=midnight + timedelta(days=30)):
        assert not SESSIONS.has_partition_key(day)


@pytest.mark.parametrize("day", ["2025-07-03", "2025-11-28", "2025-12-24"])
def test_a_half_day_still_opens_in_the_afternoon(day: str) -> None:
    assert CLOSES[day].astimezone(NEW_YORK).time() == time(13, 0)
    assert last_key_at(CLOSES[day]) < day
    assert last_key_at(opening_of(day)) == day


def test_on_no_day_of_six_years_a_key_is_there_before_its_session_closed() -> None:
    newest = keys_at(opening_of("2020-12-31"))[-1]
    for number in range((LAST - FIRST).days + 1):
        day = (FIRST + timedelta(days=number)).isoformat()
        opening = opening_of(day)
        assert last_key_at(opening - INSTANT) == newest
        if day in CLOSES:
            newest = day
        assert last_key_at(opening) == newest
        assert CLOSES[newest] <= opening


@given(st.datetimes(datetime(2021, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
@UNTIMED
def test_at_any_instant_the_newest_key_has_closed_and_is_the_calendars(now: datetime) -> None:
    newest = last_key_at(now)

    assert newest is not None
    assert CLOSES[newest] + timedelta(minutes=15) <= now
    assert newest == latest_open_session(now).isoformat()
    following = min(key for key in CLOSES if key > newest)
    assert now < opening_of(following)
    with dg.partition_loading_context(effective_dt=now):
        assert SESSIONS.has_partition_key(newest)
        assert not SESSIONS.has_partition_key(following)


def test_every_window_is_one_day_long_and_ends_when_its_key_opens() -> None:
    with dg.partition_loading_context(effective_dt=datetime.combine(HOLIDAYS_KNOWN_UNTIL, time(23), UTC)):
        keys = SESSIONS.get_partition_keys()
        windows = {key: SESSIONS.time_window_for_partition_key(key) for key in keys}

    assert len(windows) > 6_300
    for key, window in windows.items():
        start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
        assert end == opening_of(key) == opens_at(date.fromisoformat(key))
        # In UTC, where a difference is a duration.
        assert end - start == timedelta(days=1)

"""The checked-in calendar against exchange_calendars, and what is counted on it."""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kapman_resources.sessions import (
    FIRST_SESSION,
    HOLIDAYS,
    HOLIDAYS_KNOWN_UNTIL,
    file_due_at,
    is_session,
    latest_open_session,
    opens_at,
    ranges_of,
    session_offset,
    sessions_between,
)

# The start and the end are given: without them the calendar reaches 20 years back and one ahead of today.
XNYS = exchange_calendars.get_calendar("XNYS", start=FIRST_SESSION, end=HOLIDAYS_KNOWN_UNTIL)
TRADED = [day.date() for day in XNYS.sessions]
CLOSES = dict(zip(TRADED, [close.to_pydatetime() for close in XNYS.closes], strict=True))

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAY = timedelta(days=1)
DAYS = st.dates(date(2004, 1, 1), date(2028, 6, 30))
INSTANTS = st.datetimes(datetime(2004, 1, 1), datetime(2028, 6, 30), timezones=st.just(UTC))  # noqa: DTZ001
COUNTS = st.integers(-300, 300)


def test_closed_weekdays_are_those_of_the_exchange() -> None:
    span = (HOLIDAYS_KNOWN_UNTIL - FIRST_SESSION).days + 1
    weekdays = [day for n in range(span) if (day := FIRST_SESSION + n * DAY).weekday() < 5]

    assert list(HOLIDAYS) == sorted(set(weekdays) - set(TRADED))


def test_sessions_are_those_of_the_exchange() -> None:
    assert sessions_between(FIRST_SESSION, HOLIDAYS_KNOWN_UNTIL) == TRADED
    assert len(TRADED) > 6_300


def test_the_first_session_is_the_vendors_first_file() -> None:
    assert date(2003, 9, 10) == FIRST_SESSION == TRADED[0]


@pytest.mark.parametrize(
    ("day", "traded"),
    [
        pytest.param(date(2025, 1, 8), True, id="day before the funeral"),
        pytest.param(date(2025, 1, 9), False, id="ad-hoc: funeral of Jimmy Carter"),
        pytest.param(date(2018, 12, 5), False, id="ad-hoc: funeral of George H. W. Bush"),
        pytest.param(date(2012, 10, 29), False, id="ad-hoc: hurricane Sandy"),
        pytest.param(date(2007, 1, 2), False, id="ad-hoc: funeral of Gerald Ford"),
        pytest.param(date(2004, 6, 11), False, id="ad-hoc: funeral of Ronald Reagan"),
        pytest.param(date(2022, 6, 20), False, id="Juneteenth observed"),
        pytest.param(date(2021, 6, 18), True, id="no Juneteenth yet"),
        pytest.param(date(2021, 12, 31), True, id="New Year on a Saturday is not observed"),
        pytest.param(date(2025, 11, 28), True, id="half day"),
        pytest.param(date(2026, 7, 3), False, id="Independence Day observed"),
        pytest.param(date(2025, 4, 18), False, id="Good Friday"),
        pytest.param(date(2025, 3, 9), False, id="Sunday"),
        pytest.param(date(2025, 3, 8), False, id="Saturday"),
    ],
)
def test_single_days(day: date, traded: bool) -> None:
    assert is_session(day) is traded
    assert sessions_between(day, day) == ([day] if traded else [])


@given(DAYS, DAYS)
@UNTIMED
def test_sessions_between_takes_both_ends_and_nothing_of_a_reversed_range(first: date, last: date) -> None:
    assert sessions_between(first, last) == [day for day in TRADED if first <= day <= last]


@given(DAYS, COUNTS)
@UNTIMED
def test_an_offset_counts_sessions(day: date, count: int) -> None:
    if count < 0:  # From the day itself or the session after it.
        origin = bisect_left(TRADED, day)
    else:
        origin = bisect_right(TRADED, day) - 1
    if 0 <= origin + count < len(TRADED):
        assert session_offset(day, count) == TRADED[origin + count]


@given(DAYS, COUNTS)
@UNTIMED
def test_an_offset_from_a_session_can_be_undone(day: date, count: int) -> None:
    session = session_offset(day, 0)
    if TRADED[0] <= session + timedelta(days=2 * count) <= TRADED[-1]:
        assert session_offset(session_offset(session, count), -count) == session


@given(DAYS)
@UNTIMED
def test_neighbours_enclose_any_day(day: date) -> None:
    before, after = session_offset(day, -1), session_offset(day, 1)

    assert before < day < after
    assert sessions_between(before + DAY, after - DAY) == ([day] if is_session(day) else [])


@given(st.sets(st.sampled_from(TRADED[:2_000]), max_size=60), DAYS, st.integers(0, 40))
@UNTIMED
def test_ranges_cover_exactly_the_sessions_they_were_made_of(scattered: set[date], first: date, run: int) -> None:
    days = sorted(scattered | set(sessions_between(first, first + run * DAY)))

    ranges = ranges_of(days)

    assert [day for a, b in ranges for day in sessions_between(a, b)] == days
    # The fewest: between two ranges at least one session is missing.
    for (_, end), (start, _) in pairwise(ranges):
        assert session_offset(end, 1) < start


def test_ranges_reach_over_closed_days_but_not_over_a_missing_session() -> None:
    days = [date(2025, 1, d) for d in (3, 6, 7, 8, 10, 13, 15)]

    assert ranges_of(days) == [(date(2025, 1, 3), date(2025, 1, 13)), (date(2025, 1, 15), date(2025, 1, 15))]
    assert ranges_of([]) == []


def test_every_session_opens_on_its_own_day_after_its_close_and_the_vendors_delay() -> None:
    for session, close in CLOSES.items():
        opens = opens_at(session)
        assert close + timedelta(minutes=15) <= opens, session
        assert opens.astimezone(ZoneInfo("America/New_York")).date() == session


@pytest.mark.parametrize(
    ("session", "new_york"),
    [
        (date(2025, 1, 8), time(16, 20)),
        (date(2025, 3, 7), time(16, 20)),
        (date(2025, 3, 10), time(17, 20)),
        (date(2025, 10, 31), time(17, 20)),
        (date(2025, 11, 3), time(16, 20)),
    ],
)
def test_sessions_open_at_1620_in_winter_and_1720_in_summer(session: date, new_york: time) -> None:
    assert opens_at(session).astimezone(ZoneInfo("America/New_York")).time() == new_york


@given(INSTANTS, st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Honolulu"]))
@UNTIMED
def test_the_latest_open_session_is_the_last_one_that_has_opened(now: datetime, zone: str) -> None:
    due = [day for day in TRADED if datetime.combine(day, time(21, 20), UTC) <= now]

    assert latest_open_session(now.astimezone(ZoneInfo(zone))) == due[-1]


@given(st.sampled_from(TRADED[100:]))
@UNTIMED
def test_a_session_is_the_latest_from_the_instant_it_opens(session: date) -> None:
    before = TRADED[TRADED.index(session) - 1]

    assert latest_open_session(opens_at(session) - timedelta(microseconds=1)) == before
    assert latest_open_session(opens_at(session)) == session


@pytest.mark.parametrize(
    ("session", "due"),
    [
        pytest.param(date(2025, 1, 10), datetime(2025, 1, 11, 16, 30, tzinfo=UTC), id="EST, a Saturday"),
        pytest.param(date(2025, 7, 2), datetime(2025, 7, 3, 15, 30, tzinfo=UTC), id="EDT"),
        pytest.param(date(2025, 7, 3), datetime(2025, 7, 4, 15, 30, tzinfo=UTC), id="EDT, a closed day"),
        pytest.param(date(2025, 3, 7), datetime(2025, 3, 8, 16, 30, tzinfo=UTC), id="last day of EST"),
        pytest.param(date(2025, 3, 10), datetime(2025, 3, 11, 15, 30, tzinfo=UTC), id="first of EDT"),
        pytest.param(date(2025, 10, 31), datetime(2025, 11, 1, 15, 30, tzinfo=UTC), id="last of EDT"),
        pytest.param(date(2025, 11, 3), datetime(2025, 11, 4, 16, 30, tzinfo=UTC), id="first of EST"),
        pytest.param(date(2025, 12, 31), datetime(2026, 1, 1, 16, 30, tzinfo=UTC), id="over the year's end"),
    ],
)
def test_a_file_is_due_at_1130_new_york_of_the_next_calendar_day(session: date, due: datetime) -> None:
    assert file_due_at(session) == due
    assert file_due_at(session).utcoffset() is not None


@given(st.sampled_from(TRADED))
@UNTIMED
def test_a_file_is_due_after_its_session_opened(session: date) -> None:
    due = file_due_at(session).astimezone(ZoneInfo("America/New_York"))

    assert (due.date(), due.time()) == (session + DAY, time(11, 30))
    assert due > opens_at(session)

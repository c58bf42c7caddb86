"""Days of expiry: the market's own ones, listed for good, without a gap of a month."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kapman_resources.sessions import is_session, session_offset
from kapman_resources.simulation.options.expiries import is_monthly, listed_expiries, monthly_expiry

days = st.dates(date(2024, 1, 2), date(2026, 12, 31)).map(lambda day: session_offset(day, 0))


def test_monthly_expiries_are_the_exchanges() -> None:
    # Cboe's calendars of 2025 and 2026; the 18th of April 2025 was Good Friday and the 19th of June 2026 is a holiday.
    assert [monthly_expiry(2025, month).day for month in range(1, 13)] == [
        17,
        21,
        21,
        17,
        16,
        20,
        18,
        15,
        19,
        17,
        21,
        19,
    ]
    assert [monthly_expiry(2026, month).day for month in range(1, 13)] == [
        16,
        20,
        20,
        17,
        15,
        18,
        17,
        21,
        18,
        16,
        20,
        18,
    ]
    assert is_monthly(date(2026, 6, 18))
    assert not is_monthly(date(2026, 6, 12))


@given(days, st.booleans())
def test_a_listed_expiry_stays_listed(session: date, is_liquid: bool) -> None:
    following = session_offset(session, 1)
    listed = listed_expiries(session, is_liquid=is_liquid)
    assert listed == sorted(set(listed))
    assert all(is_session(day) for day in listed)
    later = listed_expiries(following, is_liquid=is_liquid)
    assert {day for day in listed if day >= following} <= set(later)


@given(days)
def test_four_months_have_no_gap_of_a_month_and_january_is_there(session: date) -> None:
    listed = listed_expiries(session, is_liquid=False)
    near = [session, *(day for day in listed if day <= session + timedelta(days=120))]
    assert max((later - earlier).days for earlier, later in pairwise(near)) <= 30
    assert near[-1] > session + timedelta(days=90)
    assert 1 <= len([day for day in listed if day > session + timedelta(days=121)]) <= 2
    assert set(listed) < set(listed_expiries(session, is_liquid=True))


@given(days)
def test_a_liquid_name_has_the_next_five_weeks(session: date) -> None:
    listed = listed_expiries(session, is_liquid=True)
    weeks = {day.isocalendar()[:2] for day in listed}
    assert {(session + timedelta(weeks=week)).isocalendar()[:2] for week in range(5)} <= weeks

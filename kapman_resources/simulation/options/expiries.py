"""Days on which options expire, and from when on each is listed.

An expiry that is listed stays so until it has passed: every rule here lists what lies within a reach of days.
A Friday that is no session is replaced by the session before it.
"""

from datetime import date, timedelta

from kapman_resources.sessions import session_offset

MONTHLY_REACH = 121
"""Calendar days before its expiry at which a monthly contract is listed: one lies beyond 90 and within 120."""

_WEEKLIES = 5
_QUARTERLY_REACH = 220
_LEAPS_REACH = 740
"""January is listed two years ahead."""

_FIRST_THIRD, _LAST_THIRD = 15, 21
_FRIDAY, _JANUARY, _DECEMBER = 4, 1, 12
_WEEK = timedelta(days=7)
_FIVE_WEEKS = timedelta(days=35)


def third_friday(year: int, month: int) -> date:
    """The third Friday of a month, session or not."""
    middle = date(year, month, _FIRST_THIRD)
    return middle + timedelta(days=(_FRIDAY - middle.weekday()) % 7)


def monthly_expiry(year: int, month: int) -> date:
    """The day on which a month's standard contracts expire."""
    return session_offset(third_friday(year, month), 0)


def is_monthly(expiry: date) -> bool:
    """Whether a day of expiry is the standard one of its month."""
    return expiry == monthly_expiry(expiry.year, expiry.month)


def listed_expiries(session: date, *, is_liquid: bool) -> list[date]:
    """Expiries listed in a session, ascending, its own day included.

    Every name has the monthly ones of four months and January of two years. Where two monthly ones are five
    weeks apart, a weekly between them keeps the gap below a month. A liquid name has the next five Fridays and
    the quarters of nine months besides.
    """
    found: set[date] = set()
    year, month = session.year, session.month
    while (friday := third_friday(year, month)) <= session + timedelta(days=_LEAPS_REACH):
        following = (year + 1, _JANUARY) if month == _DECEMBER else (year, month + 1)
        reach = MONTHLY_REACH
        if month == _JANUARY:
            reach = _LEAPS_REACH
        elif is_liquid and month % 3 == 0:
            reach = _QUARTERLY_REACH
        found |= _within(session, friday, reach)
        if third_friday(*following) - friday == _FIVE_WEEKS:
            found |= _within(session, friday + 2 * _WEEK, MONTHLY_REACH)
        year, month = following
    if is_liquid:
        friday = session + timedelta(days=(_FRIDAY - session.weekday()) % 7)
        found |= {session_offset(friday + week * _WEEK, 0) for week in range(_WEEKLIES)}
    return sorted(expiry for expiry in found if expiry >= session)


def _within(session: date, friday: date, reach: int) -> set[date]:
    return {session_offset(friday, 0)} if friday <= session + timedelta(days=reach) else set()

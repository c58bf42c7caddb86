"""The XNYS trading calendar: which days are sessions and when a session's data may be known.

Holds the closed days as a checked-in tuple, so that the set of partition keys never changes by itself;
a test holds it against `exchange_calendars`. Nothing here knows Dagster: the partitions object that is
made from these days lives in `kapman_assets.partitions`.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

NEW_YORK = ZoneInfo("America/New_York")

FIRST_SESSION = date(2003, 9, 10)
"""The vendor's first flat file."""

HOLIDAYS_KNOWN_UNTIL = date(2028, 12, 31)
"""Last day the tuple below covers; `kapman doctor` warns half a year before it."""

HOLIDAYS: tuple[date, ...] = tuple(
    date.fromisoformat(f"{year}-{day}")
    for year, days in (
        (2003, "11-27 12-25"),
        (2004, "01-01 01-19 02-16 04-09 05-31 06-11 07-05 09-06 11-25 12-24"),
        (2005, "01-17 02-21 03-25 05-30 07-04 09-05 11-24 12-26"),
        (2006, "01-02 01-16 02-20 04-14 05-29 07-04 09-04 11-23 12-25"),
        (2007, "01-01 01-02 01-15 02-19 04-06 05-28 07-04 09-03 11-22 12-25"),
        (2008, "01-01 01-21 02-18 03-21 05-26 07-04 09-01 11-27 12-25"),
        (2009, "01-01 01-19 02-16 04-10 05-25 07-03 09-07 11-26 12-25"),
        (2010, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"),
        (2011, "01-17 02-21 04-22 05-30 07-04 09-05 11-24 12-26"),
        (2012, "01-02 01-16 02-20 04-06 05-28 07-04 09-03 10-29 10-30 11-22 12-25"),
        (2013, "01-01 01-21 02-18 03-29 05-27 07-04 09-02 11-28 12-25"),
        (2014, "01-01 01-20 02-17 04-18 05-26 07-04 09-01 11-27 12-25"),
        (2015, "01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25"),
        (2016, "01-01 01-18 02-15 03-25 05-30 07-04 09-05 11-24 12-26"),
        (2017, "01-02 01-16 02-20 04-14 05-29 07-04 09-04 11-23 12-25"),
        (2018, "01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25"),
        (2019, "01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25"),
        (2020, "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25"),
        (2021, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"),
        (2022, "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26"),
        (2023, "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25"),
        (2024, "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25"),
        (2025, "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25"),
        (2026, "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25"),
        (2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24"),
        (2028, "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25"),
    )
    for day in days.split()
)
"""Weekdays on which the exchange was or will be closed all day, ad-hoc closures (2025-01-09) included."""

KEY_OPENS_UTC = time(21, 20)
"""A session's key opens at this instant of its own day: 16:20 EST, 17:20 EDT, after the 15-minute delay."""

_FILE_DUE = time(11, 30)
"""New York time of the next calendar day after which a missing flat file is late (vendor: about 11:00)."""

_CALENDAR = np.busdaycalendar(holidays=[np.datetime64(day) for day in HOLIDAYS])


def is_session(day: date) -> bool:
    """Whether the exchange trades on `day`."""
    return bool(np.is_busday(np.datetime64(day), busdaycal=_CALENDAR))


def sessions_between(first: date, last: date) -> list[date]:
    """Every session from `first` to `last`, both included, ascending; empty if there is none."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    kept: list[date] = days[np.is_busday(days, busdaycal=_CALENDAR)].tolist()
    return kept


def session_offset(day: date, count: int) -> date:
    """The session `count` sessions after (before, if negative) `day`.

    A `day` that is not a session counts from the session before it when `count` is positive or 0, and
    from the session after it when negative, so that -1 and +1 are always its neighbours.
    """
    roll: Literal["following", "preceding"] = "following" if count < 0 else "preceding"
    return date.fromisoformat(str(np.busday_offset(np.datetime64(day), count, roll=roll, busdaycal=_CALENDAR)))


def opens_at(session: date) -> datetime:
    """The instant (UTC) from which `session` may be materialised."""
    return datetime.combine(session, KEY_OPENS_UTC, UTC)


def latest_open_session(now: datetime) -> date:
    """The newest session whose key is open at `now` (an aware datetime)."""
    today = now.astimezone(UTC).date()
    newest = session_offset(today, 0)
    return newest if opens_at(newest) <= now else session_offset(newest, -1)


def file_due_at(session: date) -> datetime:
    """The instant (New York) after which the flat file of `session` counts as late."""
    return datetime.combine(session + timedelta(days=1), _FILE_DUE, NEW_YORK)


def ranges_of(days: list[date]) -> list[tuple[date, date]]:
    """Group ascending sessions into the fewest (first, last) ranges without a missing session inside."""
    if not days:
        return []
    breaks = [i for i, (a, b) in enumerate(pairwise(days), start=1) if session_offset(a, 1) != b]
    starts, ends = [0, *breaks], [*breaks, len(days)]
    return [(days[a], days[b - 1]) for a, b in zip(starts, ends, strict=True)]

"""The one partitions object that every session-partitioned asset shares.

Nothing else belongs here. Which days are sessions is decided in `kapman_resources.sessions`.
"""

from datetime import datetime

import dagster as dg

from kapman_resources.sessions import FIRST_SESSION, HOLIDAYS

_MINUTE = 20
"""Minute of the hour at which windows begin; exclusions must carry the same one or they exclude nothing."""

SESSIONS = dg.DailyPartitionsDefinition(
    start_date=FIRST_SESSION.isoformat(),
    # A window ends, and its key appears, at 00:20 of the next day in UTC+3 = 21:20 UTC of the session's own
    # day: 16:20 in New York in winter, 17:20 in summer, always after the close (16:00) and the vendor's
    # 15-minute delay. "Etc/GMT-3" is UTC+3 (POSIX sign), and has no daylight saving: every window is 24 h.
    timezone="Etc/GMT-3",
    minute_offset=_MINUTE,
    # Not end_offset=1: together with exclusions it opens a key of the future on a closed day.
    end_offset=0,
    exclusions=[
        f"{_MINUTE} 0 * * 6,0",
        *(datetime(day.year, day.month, day.day, 0, _MINUTE) for day in HOLIDAYS),  # noqa: DTZ001 naive by API
    ],
)
"""XNYS sessions as ISO dates, from the vendor's first flat file on."""

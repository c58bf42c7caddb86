"""The one partitions object that every session-partitioned asset shares, and the sessions a run is about.

Nothing else belongs here. Which days are sessions is decided in `kapman_resources.sessions`.
"""

from datetime import date, datetime

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from kapman_resources.sessions import FIRST_SESSION, HOLIDAYS, sessions_between

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


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of a run that takes every session from `first` to `last`."""
    return {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}


def sessions_of_run(run: dg.DagsterRun) -> list[date]:
    """The sessions that a run was started for, ascending; empty for a run without partitions."""
    single = run.tags.get(PARTITION_NAME_TAG)
    first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG, single)
    last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG, single)
    return sessions_between(date.fromisoformat(first), date.fromisoformat(last)) if first and last else []

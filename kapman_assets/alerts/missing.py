"""Sessions that should be there by now and are not: each is told once, for `ohlcv` and for `daily_snapshots`."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa

from kapman_assets.alerts.alert import Alert, Kind, Priority
from kapman_assets.alerts.outbox import TOLD_SESSIONS
from kapman_resources.schema import daily_snapshots, ohlcv_sessions
from kapman_resources.sessions import file_due_at, latest_open_session, opens_at, session_offset, sessions_between

GRACE = timedelta(hours=4)
"""Time for a session to be taken and calculated once it can be."""

_MENDS = {
    "ohlcv": "Look at the runs of ohlcv in Dagster, and start `kapman materialize --session {session} --select ohlcv`.",
    "daily_snapshots": "Look at the failed runs in Dagster. Chains that were not taken before the next session opens "
    "cannot be had later.",
}


def missing_alerts(connection: sa.Connection, now: datetime, *, has_evening_bars: bool) -> list[Alert]:
    """What is late at `now`.

    Args:
        connection: to the warehouse.
        now: an aware datetime.
        has_evening_bars: whether there is a source of bars before the flat file of the next morning.
    """
    newest = latest_open_session(now)
    recent = sessions_between(session_offset(newest, -TOLD_SESSIONS), newest)
    late = [day for day in recent if now >= (opens_at(day) if has_evening_bars else file_due_at(day)) + GRACE]
    found = []
    for table in (ohlcv_sessions, daily_snapshots):
        # What never began is no gap: somebody has to start it.
        began = connection.scalar(sa.select(sa.func.min(table.c.date)))
        have = set(connection.scalars(sa.select(table.c.date).where(table.c.date.in_(late)).distinct()))
        name = table.name.removesuffix("_sessions")
        found += [_alert(day, name) for day in late if began is not None and began < day and day not in have]
    return found


def _alert(session: date, table: str) -> Alert:
    return Alert(
        session=session,
        kind=Kind.SYSTEM,
        code="MISSING_SESSION",
        subject=table,
        priority=Priority.HIGH,
        title=f"Session {session} is missing in {table}",
        message=f"{table} has nothing of {session}. {_MENDS[table].format(session=session)}",
        facts={"table": table},
    )

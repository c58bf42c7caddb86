"""What can be wrong with alerts and their delivery, found by SQL. The Dagster checks around it are in `checks`."""

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from kapman_assets.verdict import Verdict
from kapman_resources.schema import alerts, notifications

MAX_WAIT = timedelta(hours=1)
"""A message that is older and neither sent nor given up is stuck."""

MAX_ALERTS = 500
"""Alerts of a session, INFO ones left out, beyond which nobody reads them: a rule is too wide or a condition broken."""


def outbox_moves(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """No message waits for longer than an hour, and none was given up."""
    del sessions
    n = notifications.c
    is_old = n.created_at < sa.func.now() - MAX_WAIT
    query = (
        sa.select(n.channel, n.status, sa.func.count(), sa.func.max(n.last_error))
        .where(sa.or_(n.status == "FAILED", sa.and_(n.status.in_(["PENDING", "SENDING"]), is_old)))
        .group_by(n.channel, n.status)
        .order_by(n.channel, n.status)
    )
    found = {
        f"{channel} {status}": f"{count} messages; {error or 'nobody tried: is the channel in NOTIFY_URLS?'}"
        for channel, status, count, error in connection.execute(query)
    }
    summary = "Every message was sent, or is young." if not found else f"{len(found)} channels have messages left over."
    return Verdict(not found, summary, found)


def alerts_are_few(connection: sa.Connection, sessions: Sequence[date]) -> Verdict:
    """No session has more alerts than anyone would read."""
    a = alerts.c
    query = (
        sa.select(a.date, sa.func.count(), sa.func.mode().within_group(a.code))
        .where(a.date.in_(sessions), a.priority != "INFO")
        .group_by(a.date)
        .having(sa.func.count() > MAX_ALERTS)
        .order_by(a.date)
    )
    found = {
        day.isoformat(): f"{count:,} alerts, most of them {code}" for day, count, code in connection.execute(query)
    }
    return Verdict(not found, f"{len(found)} sessions have more than {MAX_ALERTS} alerts.", found)

"""Alerts of sessions: stored snapshots, events and advice in, rows of `alerts` and of the outbox out. No Dagster.

What fires is decided in `conditions`, `rule_alerts` and `advice_alerts`. What was told or acknowledged is never
changed, whatever is found when the session is asked again.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.alerts.advice_alerts import advice_alerts
from kapman_assets.alerts.alert import Alert, Kind, most_urgent_first
from kapman_assets.alerts.conditions import ConfirmedEvent, Snapshot, fired
from kapman_assets.alerts.outbox import channels_of, is_news, letter_of, market_note, put
from kapman_assets.alerts.rule_alerts import rule_alerts
from kapman_assets.rules.cool_down import COOL_DOWN
from kapman_resources.schema import alerts, daily_snapshots, notifications, wyckoff_events
from kapman_resources.sessions import session_offset

RULE_MESSAGES = 10
"""Names of which a rule tells by itself in a session; each message says how many there are, and all are stored."""

_OWN_KINDS = (Kind.SIGNAL, Kind.RULE)
"""What a session's alerts are made of; system alerts are raised by whoever meets them."""


@dataclass(frozen=True)
class Written:
    """What became of a session.

    Attributes:
        alerts: that fire in it.
        by_priority: how many of each.
        removed: that fired when it was asked before, and were not told.
        messages: put in the outbox or brought up to date there.
        refused: rules that could not be asked.
    """

    alerts: int
    by_priority: Mapping[str, int]
    removed: int
    messages: int
    refused: list[Alert]


def write_alerts(connection: sa.Connection, session: date, channels: Sequence[str], now: datetime) -> Written:
    """Bring the alerts of a session and their messages up to date.

    Args:
        connection: in a transaction, which the caller commits.
        session: asked with what is stored of it.
        channels: names of the configured channels.
        now: an aware datetime: sessions that are no news to it are stored, and nobody is told.
    """
    # Two runs of one session: the second waits, and finds what the first wrote.
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"alerts {session}"))))
    ruled, refused = rule_alerts(connection, session)
    found = [*_signals(connection, session), *ruled, *advice_alerts(connection, session)]
    found.sort(key=most_urgent_first)
    kept = _said(connection, session)
    removed = _remove(connection, session, kept | {alert.key for alert in found})
    ids = _upsert(connection, [alert for alert in found if alert.key not in kept])
    messages = 0
    if is_news(session, now):
        note = market_note(connection)
        told: Counter[int | None] = Counter()
        for alert in found:
            if alert.rule_id is not None:
                told[alert.rule_id] += 1
                if told[alert.rule_id] > RULE_MESSAGES:
                    continue
            if alert.priority.is_told_at_once and alert.key in ids:
                letter = letter_of(alert, ids[alert.key], note)
                messages += put(connection, letter, channels_of(alert, channels))
    by_priority = Counter(str(alert.priority) for alert in found)
    return Written(len(found), by_priority, removed, messages, refused)


def row_of(alert: Alert) -> dict[str, Any]:
    """An alert as a row of the table."""
    return {
        "alert_key": alert.key,
        "date": alert.session,
        "kind": alert.kind,
        "code": alert.code,
        "priority": alert.priority,
        "rule_id": alert.rule_id,
        "user_id": alert.user_id,
        "ticker_id": alert.ticker_id,
        "symbol": alert.symbol,
        "value": alert.value,
        "title": " ".join(alert.title.split()),
        "message": alert.message,
        "facts": dict(alert.facts),
    }


def _signals(connection: sa.Connection, session: date) -> list[Alert]:
    return fired(
        session,
        _snapshots(connection, session),
        _snapshots(connection, session_offset(session, -1)),
        _events(connection, session),
        _last_fired(connection, session),
    )


def _snapshots(connection: sa.Connection, session: date) -> list[Snapshot]:
    c = daily_snapshots.c
    query = sa.select(*(c[name] for name in Snapshot.__dataclass_fields__)).where(c.date == session)
    return [Snapshot(*row) for row in connection.execute(query)]


def _events(connection: sa.Connection, session: date) -> list[ConfirmedEvent]:
    c = wyckoff_events.c
    query = sa.select(*(c[name] for name in ConfirmedEvent.__dataclass_fields__)).where(c.date == session)
    return [ConfirmedEvent(*row) for row in connection.execute(query)]


def _last_fired(connection: sa.Connection, session: date) -> dict[tuple[int, str], date]:
    """By ticker and code, the last session before this one, within the cool-down, in which it fired."""
    c = alerts.c
    query = (
        sa.select(c.ticker_id, c.code, sa.func.max(c.date))
        .where(c.kind == Kind.SIGNAL, c.date >= session_offset(session, -COOL_DOWN), c.date < session)
        .group_by(c.ticker_id, c.code)
    )
    return {(ticker_id, code): day for ticker_id, code, day in connection.execute(query)}


def _said(connection: sa.Connection, session: date) -> set[str]:
    """Keys of a session's alerts that must stay as they are: told, being told, or acknowledged.

    Their untouched messages are locked until the transaction ends, so that nobody begins to send one meanwhile.
    """
    a, n = alerts.c, notifications.c
    own = (a.date == session, a.kind.in_(_OWN_KINDS))
    query = sa.select(a.alert_key, n.status, n.attempts).join_from(alerts, notifications).where(*own)
    messages = connection.execute(query.with_for_update(of=notifications)).all()
    acknowledged = connection.scalars(sa.select(a.alert_key).where(*own, a.acknowledged_at.is_not(None)))
    told = {key for key, status, attempts in messages if attempts or status != "PENDING"}
    return told | set(acknowledged)


def _remove(connection: sa.Connection, session: date, keys: Collection[str]) -> int:
    """Remove a session's alerts but those with these keys, with their messages."""
    a = alerts.c
    query = sa.delete(alerts).where(a.date == session, a.kind.in_(_OWN_KINDS), a.alert_key.not_in(keys))
    return connection.execute(query).rowcount


def _upsert(connection: sa.Connection, found: Sequence[Alert]) -> dict[str, int]:
    """Store alerts; their ids by key."""
    if not found:
        return {}
    statement = insert(alerts).values([row_of(alert) for alert in found])
    changed = [name for name in row_of(found[0]) if name != "alert_key"]
    upsert = statement.on_conflict_do_update(
        index_elements=[alerts.c.alert_key], set_={name: statement.excluded[name] for name in changed}
    )
    return dict(connection.execute(upsert.returning(alerts.c.alert_key, alerts.c.alert_id)).all())

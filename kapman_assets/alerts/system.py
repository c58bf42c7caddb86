"""Alerts of operation: kept and put in the outbox at once, each said once however often its cause repeats itself."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.alerts.alert import Alert, Kind
from kapman_assets.alerts.outbox import channels_of, letter_of, market_note, put
from kapman_assets.alerts.store import row_of
from kapman_resources.schema import alerts, notifications

MESSAGES_A_DAY = 20
"""Further system alerts of a day are kept and shown, but not sent: something else is wrong, and it has been told."""


def raise_system_alert(
    connection: sa.Connection, alert: Alert, channels: Sequence[str], *, is_told: bool = True
) -> bool:
    """Keep an alert of operation and put its message in the outbox, both unless that was done before.

    Args:
        connection: in a transaction, which the caller commits.
        alert: of kind system.
        channels: names of the configured channels.
        is_told: whether it is news; one that is not is kept only.

    Returns:
        Whether it is new.
    """
    new = connection.scalar(insert(alerts).values(row_of(alert)).on_conflict_do_nothing().returning(alerts.c.alert_id))
    if is_told and alert.priority.is_told_at_once and _told(connection, alert.session) < MESSAGES_A_DAY:
        alert_id = new or connection.scalar(sa.select(alerts.c.alert_id).where(alerts.c.alert_key == alert.key))
        if alert_id is not None:
            letter = letter_of(alert, alert_id, market_note(connection))
            put(connection, letter, channels_of(alert, channels))
    return new is not None


def _told(connection: sa.Connection, session: date) -> int:
    """System alerts of a session that have a message."""
    query = (
        sa.select(sa.func.count(sa.distinct(alerts.c.alert_id)))
        .join_from(alerts, notifications)
        .where(alerts.c.date == session, alerts.c.kind == Kind.SYSTEM)
    )
    return connection.scalar(query) or 0

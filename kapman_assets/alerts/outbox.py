"""The outbox: which messages are to be sent, put there in the transaction of what they tell. Nothing is sent here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_assets.alerts.alert import Alert
from kapman_resources.market import held_market
from kapman_resources.notifier import chosen_channels
from kapman_resources.schema import notifications
from kapman_resources.sessions import latest_open_session, session_offset
from kapman_resources.settings import MarketKind

TOLD_SESSIONS = 3
"""How many sessions before the newest one are still news: a back-fill of two years sends nothing."""


@dataclass(frozen=True)
class Letter:
    """One message, for every channel that it goes to.

    Attributes:
        key: what is told; with the channel it makes the idempotency key.
        kind: `alert` or `summary`.
        alert_id: of the alert that it tells; None for a summary.
    """

    key: str
    kind: str
    subject: str
    text: str
    html: str | None = None
    alert_id: int | None = None


def is_news(session: date, now: datetime) -> bool:
    """Whether a session is recent enough at `now` (an aware datetime) for anyone to be told of it."""
    return session >= session_offset(latest_open_session(now), -TOLD_SESSIONS)


def letter_of(alert: Alert, alert_id: int, market: str) -> Letter:
    """The message that tells an alert."""
    return Letter(
        key=alert.key,
        kind="alert",
        alert_id=alert_id,
        subject=f"[{alert.priority}] {alert.title}",
        text=f"{alert.message}\n\nSession {alert.session}, priority {alert.priority}{market}.",
    )


def market_note(connection: sa.Connection) -> str:
    """What a reader must be told of the market: nothing if it is live."""
    held = held_market(connection)
    return "" if held is None or held[0] is MarketKind.LIVE else f". This is a {held[0]} market, not the real one"


def put(connection: sa.Connection, letter: Letter, channels: Sequence[str]) -> int:
    """Put a message in the outbox of each channel, once; one that nobody has tried to send yet is brought up to date.

    Returns:
        The channels in whose outbox it now is for the first time, or anew.
    """
    if not channels:
        return 0
    rows = [
        {
            "idempotency_key": f"{letter.key}@{channel}",
            "alert_id": letter.alert_id,
            "kind": letter.kind,
            "channel": channel,
            "subject": " ".join(letter.subject.split()),
            "body_text": letter.text,
            "body_html": letter.html,
        }
        for channel in channels
    ]
    statement = insert(notifications).values(rows)
    changed = statement.on_conflict_do_update(
        index_elements=[notifications.c.idempotency_key],
        set_={name: statement.excluded[name] for name in ("alert_id", "subject", "body_text", "body_html")},
        where=(notifications.c.status == "PENDING") & (notifications.c.attempts == 0),
    )
    return len(connection.execute(changed.returning(notifications.c.notification_id)).all())


def channels_of(alert: Alert, channels: Sequence[str]) -> tuple[str, ...]:
    """The channels, of those that are configured, in which an alert is told."""
    return chosen_channels(channels, alert.channels)

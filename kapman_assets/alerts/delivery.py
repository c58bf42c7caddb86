"""Sends what is in the outbox: at least once, in the order of each channel, and says where it may have been twice.

Three transactions a message: it is claimed (SENDING), sent, and marked (SENT, PENDING again, or FAILED). A process
that dies in between leaves it SENDING; after the lease another one takes it over and marks it `may_be_duplicate`.
All times are the database's. No Dagster; any number of these may run at once.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from kapman_resources.notifier import SEND_SECONDS, Outcome
from kapman_resources.schema import notifications

LEASE = timedelta(seconds=5 * SEND_SECONDS)
"""After so long a message that is being sent is taken over; no attempt takes longer than SEND_SECONDS."""

MAX_ATTEMPTS = 33
"""With the waits below an outage of five hours is waited out before its first message is given up."""

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(minutes=15)

BATCH = 100
"""Messages of one call: a run ends, and the next one goes on."""


class Sender(Protocol):
    """What delivers one message; `kapman_resources.notifier.Notifier` is one."""

    @property
    def channels(self) -> Sequence[str]:
        """The names of the channels."""

    def send(self, channel: str, subject: str, text: str, html: str | None, idempotency_key: str) -> Outcome:
        """Try once to send one message."""


@dataclass
class Delivered:
    """What one call did."""

    sent: int = 0
    to_repeat: int = 0
    failed: int = 0
    taken_over: int = 0


# The oldest message of a channel that is not done holds back those behind it: that keeps their order through an
# outage, and makes one worker at a time send to a channel. A row that another worker changed meanwhile is compared
# again by the server with what it is now, and left alone.
_DUE = """
    SELECT n.notification_id, n.channel, n.subject, n.body_text, n.body_html, n.idempotency_key, n.attempts, n.status
    FROM notifications AS n
    WHERE n.notification_id IN (
        SELECT min(notification_id) FROM notifications
        WHERE status IN ('PENDING', 'SENDING') AND channel = ANY(:channels)
        GROUP BY channel
    )
    AND (
        n.status = 'PENDING' AND n.next_attempt_at <= now()
        OR n.status = 'SENDING' AND n.sending_since < now() - :lease
    )
    ORDER BY n.notification_id
"""


def is_due(connection: sa.Connection, channels: Sequence[str], *, lease: timedelta = LEASE) -> bool:
    """Whether there is anything to send now in these channels."""
    query = sa.text(f"SELECT EXISTS ({_DUE})")
    return bool(connection.scalar(query, {"channels": list(channels), "lease": lease}))


def deliver(engine: sa.Engine, sender: Sender, *, batch: int = BATCH, lease: timedelta = LEASE) -> Delivered:
    """Send what is due, until nothing is or the batch is full.

    Args:
        engine: the warehouse.
        sender: sends; what it raises ends the call, and the message is taken over after the lease.
        batch: attempts at most.
        lease: time after which another worker's attempt counts as dead.
    """
    done = Delivered()
    for _ in range(batch):
        row = _claim(engine, sender.channels, lease, done)
        if row is None:
            break
        outcome = sender.send(row.channel, row.subject, row.body_text, row.body_html, row.idempotency_key)
        _mark(engine, row.notification_id, row.attempts + 1, outcome, done)
    return done


def requeue(connection: sa.Connection) -> int:
    """Put every message that was given up back to be sent; how many."""
    n = notifications.c
    statement = sa.update(notifications).where(n.status == "FAILED")
    return connection.execute(statement.values(status="PENDING", attempts=0, next_attempt_at=sa.func.now())).rowcount


def wait_after(attempt: int) -> timedelta:
    """Time from a failed attempt (the first is 1) to the next: twice as long each time, up to a bound, with jitter."""
    whole: timedelta = min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT)
    return whole * random.uniform(0.75, 1)  # noqa: S311


def _claim(engine: sa.Engine, channels: Sequence[str], lease: timedelta, done: Delivered) -> Any:
    """Take the next due message; None if there is none."""
    query = sa.text(f"{_DUE} LIMIT 1 FOR UPDATE OF n SKIP LOCKED")
    while True:
        with engine.begin() as connection:
            row = connection.execute(query, {"channels": list(channels), "lease": lease}).one_or_none()
            if row is None:
                return None
            if row.attempts < MAX_ATTEMPTS:
                values: dict[str, Any] = {"attempts": row.attempts + 1, "sending_since": sa.func.now()}
                if row.status == "SENDING":
                    values["may_be_duplicate"] = True
                    done.taken_over += 1
                _update(connection, row.notification_id, values | {"status": "SENDING"})
                return row
            # Only one that was being sent gets here: the others were given up when their last attempt was marked.
            died = {"status": "FAILED", "sending_since": None, "last_error": "every process died that tried to send it"}
            _update(connection, row.notification_id, died)
            done.failed += 1


def _mark(engine: sa.Engine, notification_id: int, attempt: int, outcome: Outcome, done: Delivered) -> None:
    """Note how an attempt ended, unless another worker has taken the message over meanwhile."""
    values: dict[str, Any] = {"sending_since": None}
    if outcome.ok:
        values |= {"status": "SENT", "sent_at": sa.func.now(), "last_error": None}
        done.sent += 1
    else:
        values["last_error"] = outcome.error
        if outcome.refused or attempt >= MAX_ATTEMPTS:
            values["status"] = "FAILED"
            done.failed += 1
        else:
            values |= {"status": "PENDING", "next_attempt_at": sa.func.now() + wait_after(attempt)}
            done.to_repeat += 1
        if outcome.uncertain:
            values["may_be_duplicate"] = True
    with engine.begin() as connection:
        _update(connection, notification_id, values, attempt=attempt)


def _update(
    connection: sa.Connection, notification_id: int, values: dict[str, Any], *, attempt: int | None = None
) -> None:
    n = notifications.c
    statement = sa.update(notifications).where(n.notification_id == notification_id)
    if attempt is not None:
        statement = statement.where(n.status == "SENDING", n.attempts == attempt)
    connection.execute(statement.values(values))

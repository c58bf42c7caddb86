"""From the outbox to receivers on loopback: outages, refusals, two senders at once, and processes that are killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from kapman_assets.alerts.delivery import MAX_ATTEMPTS, deliver, is_due, requeue, wait_after
from kapman_assets.alerts.quality import outbox_moves
from kapman_resources.notifier import IDEMPOTENCY_HEADER, Notifier, Outcome, channel_name
from kapman_resources.schema import notifications
from tests.conftest import PROJECT
from tests.sinks import mail_server, unused_port, webhook

NOW = timedelta(0)
"""A lease that has always run out: whoever claimed before is dead."""

FAILS = Outcome(ok=False, error="down")


@dataclass
class Recorder:
    """A sender that keeps what it was to send, and does with it what it is told."""

    channels: Sequence[str]
    outcome: Callable[[str, str], Outcome] = lambda *_: Outcome(ok=True)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, channel: str, subject: str, text: str, html: str | None, idempotency_key: str) -> Outcome:
        """Keep the key."""
        del subject, text, html
        outcome = self.outcome(channel, idempotency_key)
        if outcome.ok:
            self.sent.append((channel, idempotency_key))
        return outcome


def put(engine: sa.Engine, *messages: tuple[str, str]) -> None:
    """Messages, by channel and key, as they stand in the outbox after an alert."""
    rows = [
        {"idempotency_key": key, "channel": channel, "kind": "summary", "subject": f"s {key}", "body_text": f"t {key}"}
        for channel, key in messages
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(notifications), rows)


def stored(engine: sa.Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(notifications).order_by(notifications.c.notification_id))
        return {row.idempotency_key: row for row in rows}


def change(engine: sa.Engine, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(notifications).values(values))


def due(engine: sa.Engine, *channels: str) -> bool:
    with engine.connect() as connection:
        return is_due(connection, channels)


def test_what_is_due_is_sent_once_and_noted(engine: sa.Engine) -> None:
    put(engine, ("a", "1"), ("b", "2"), ("a", "3"), ("gone", "4"))
    sender = Recorder(["a", "b"])
    assert due(engine, "a", "b")
    assert deliver(engine, sender).sent == 3
    assert sender.sent == [("a", "1"), ("b", "2"), ("a", "3")]
    assert deliver(engine, sender).sent == 0
    assert not due(engine, "a", "b")
    rows = stored(engine)
    assert {key: row.status for key, row in rows.items()} == {"1": "SENT", "2": "SENT", "3": "SENT", "4": "PENDING"}
    assert rows["1"].sent_at is not None
    assert (rows["1"].attempts, rows["1"].may_be_duplicate, rows["1"].last_error) == (1, False, None)


def test_an_outage_keeps_the_order_of_its_channel_and_holds_up_no_other(engine: sa.Engine) -> None:
    put(engine, *((channel, f"{channel}{place}") for place in range(5) for channel in "ab"))
    is_down = True
    sender = Recorder(["a", "b"], lambda channel, _: FAILS if channel == "a" and is_down else Outcome(ok=True))
    done = deliver(engine, sender)
    assert (done.sent, done.to_repeat) == (5, 1)
    for _ in range(3):
        assert not due(engine, "a", "b")
        change(engine, next_attempt_at=sa.func.now())
        assert deliver(engine, sender).sent == 0
    row = stored(engine)["a0"]
    assert (row.status, row.attempts, row.last_error) == ("PENDING", 4, "down")
    is_down = False
    put(engine, ("a", "a5"))
    change(engine, next_attempt_at=sa.func.now())
    assert deliver(engine, sender).sent == 6
    assert [key for channel, key in sender.sent if channel == "a"] == [f"a{place}" for place in range(6)]


def test_a_batch_has_an_end(engine: sa.Engine) -> None:
    put(engine, *(("a", str(place)) for place in range(5)))
    sender = Recorder(["a"])
    assert deliver(engine, sender, batch=3).sent == 3
    assert deliver(engine, sender, batch=3).sent == 2
    assert [key for _, key in sender.sent] == list("01234")


def test_waits_double_up_to_a_bound_and_are_not_all_the_same() -> None:
    for attempt in range(1, MAX_ATTEMPTS):
        whole = min(30 * 2 ** (attempt - 1), 900)
        waits = {wait_after(attempt).total_seconds() for _ in range(20)}
        assert 0.75 * whole <= min(waits) < max(waits) <= whole
    shortest = sum(0.75 * min(30 * 2 ** (attempt - 1), 900) for attempt in range(1, MAX_ATTEMPTS))
    assert shortest >= timedelta(hours=5).total_seconds()


def test_a_message_is_given_up_after_its_last_attempt_and_can_be_put_back(engine: sa.Engine) -> None:
    put(engine, ("a", "1"), ("a", "2"))
    sender = Recorder(["a"], lambda _, key: FAILS if key == "1" else Outcome(ok=True))
    for _ in range(MAX_ATTEMPTS):
        change(engine, next_attempt_at=sa.func.now())
        deliver(engine, sender)
    assert stored(engine)["1"].status == "FAILED"
    assert sender.sent == [("a", "2")]
    with engine.begin() as connection:
        verdict = outbox_moves(connection, [])
        assert not verdict.passed
        assert "down" in verdict.offenders["a FAILED"]
        assert requeue(connection) == 1
    sender.outcome = lambda *_: Outcome(ok=True)
    assert deliver(engine, sender).sent == 1
    with engine.connect() as connection:
        assert outbox_moves(connection, []).passed


def test_a_message_that_nobody_wants_is_given_up_at_once(engine: sa.Engine) -> None:
    put(engine, ("a", "1"), ("a", "2"))
    refused = Outcome(ok=False, error="error=400", refused=True)
    sender = Recorder(["a"], lambda _, key: refused if key == "1" else Outcome(ok=True))
    done = deliver(engine, sender)
    assert (done.failed, done.sent) == (1, 1)
    assert stored(engine)["1"].status == "FAILED"


def test_what_may_have_arrived_is_marked_when_it_is_sent_again(engine: sa.Engine) -> None:
    put(engine, ("a", "1"))
    outcomes = iter([Outcome(ok=False, error="timed out", uncertain=True), Outcome(ok=True)])
    sender = Recorder(["a"], lambda *_: next(outcomes))
    deliver(engine, sender)
    change(engine, next_attempt_at=sa.func.now())
    deliver(engine, sender)
    row = stored(engine)["1"]
    assert (row.status, row.may_be_duplicate) == ("SENT", True)


def test_a_message_that_kills_every_process_is_given_up(engine: sa.Engine) -> None:
    put(engine, ("a", "1"), ("a", "2"))
    with engine.begin() as connection:
        connection.execute(
            sa.update(notifications)
            .where(notifications.c.idempotency_key == "1")
            .values(status="SENDING", attempts=MAX_ATTEMPTS, sending_since=sa.func.now() - timedelta(days=1))
        )
    sender = Recorder(["a"])
    assert deliver(engine, sender).failed == 1
    assert sender.sent == [("a", "2")]


def test_an_attempt_that_was_taken_over_changes_nothing_any_more(engine: sa.Engine) -> None:
    put(engine, ("a", "1"))
    inner = Recorder(["a"])

    def meanwhile(channel: str, key: str) -> Outcome:
        """The first attempt hangs; another sender takes the message over and sends it; then the first one fails."""
        del channel, key
        deliver(engine, inner, lease=NOW)
        return FAILS

    deliver(engine, Recorder(["a"], meanwhile))
    row = stored(engine)["1"]
    assert (row.status, row.attempts, row.may_be_duplicate) == ("SENT", 2, True)


def test_several_senders_at_once_send_nothing_twice_and_in_order(engine: sa.Engine) -> None:
    channels = ["a", "b", "c"]
    messages = [(channel, f"{channel}{place:02}") for place in range(20) for channel in channels]
    put(engine, *messages)
    chance = random.Random(7)  # noqa: S311
    lock = threading.Lock()

    def sometimes(channel: str, key: str) -> Outcome:
        del channel, key
        time.sleep(0.001)
        with lock:
            return FAILS if chance.random() < 0.2 else Outcome(ok=True)

    sender = Recorder(channels, sometimes)
    ready = threading.Barrier(4)

    def work() -> None:
        ready.wait()
        for _ in range(1000):
            deliver(engine, sender)
            # One at a time: two that change the same rows in another order would wait for each other.
            with lock, engine.begin() as connection:
                waiting = sa.update(notifications).where(notifications.c.status == "PENDING")
                if not connection.execute(waiting.values(next_attempt_at=sa.func.now())).rowcount:
                    return

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    deliver(engine, Recorder(channels))
    assert sorted(sender.sent) == sorted(messages)
    for channel in channels:
        assert [key for sent, key in sender.sent if sent == channel] == [f"{channel}{place:02}" for place in range(20)]
    assert {row.may_be_duplicate for row in stored(engine).values()} == {False}


_DIES = """
import os, signal, sys
import sqlalchemy as sa
from pydantic import SecretStr
from kapman_assets.alerts.delivery import deliver
from kapman_resources.database import make_engine
from kapman_resources.notifier import Notifier

database, url, point = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Dying(Notifier):
    def send(self, *message):
        if point == "claimed":
            die()
        outcome = super().send(*message)
        if point == "sent":
            die()
        return outcome

engine = make_engine(database, application_name="dying")
commits = []

@sa.event.listens_for(engine, "commit")
def before_commit(connection):
    commits.append(connection)
    if point == {1: "claiming", 2: "marking"}.get(len(commits)):
        die()

deliver(engine, Dying([SecretStr(url)]))
"""


@pytest.mark.parametrize(
    ("point", "arrivals", "is_marked"),
    [("claiming", 1, False), ("claimed", 1, True), ("sent", 2, True), ("marking", 2, True)],
)
def test_a_process_that_is_killed_loses_nothing_and_repeats_at_most_once(
    engine: sa.Engine, warehouse_url: str, point: str, arrivals: int, is_marked: bool
) -> None:
    with webhook() as hooks:
        channel = channel_name(SecretStr(hooks.url))
        put(engine, (channel, "first"), (channel, "second"))
        command = [sys.executable, "-c", _DIES, warehouse_url, hooks.url, point]
        died = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": str(PROJECT)})
        assert died.returncode == -signal.SIGKILL
        # Before its lease has run out nobody takes over what may still be under way.
        assert due(engine, channel) is (point == "claiming")
        deliver(engine, Notifier([SecretStr(hooks.url)]), lease=NOW)
        seen = Counter(hook.headers[IDEMPOTENCY_HEADER.lower()] for hook in hooks.hooks)
    assert seen == {"first": arrivals, "second": 1}
    rows = stored(engine)
    assert {row.status for row in rows.values()} == {"SENT"}
    assert (rows["first"].may_be_duplicate, rows["second"].may_be_duplicate) == (is_marked, False)


def test_a_mail_server_that_comes_back_gets_everything_in_order(engine: sa.Engine) -> None:
    port = unused_port()
    notifier = Notifier([SecretStr(f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com")])
    (channel,) = notifier.channels
    put(engine, *((channel, str(place)) for place in range(3)))
    assert deliver(engine, notifier).to_repeat == 1
    assert "refused" in stored(engine)["0"].last_error
    with mail_server(port) as mails:
        mails.answer = "451 not yet"
        change(engine, next_attempt_at=sa.func.now())
        assert deliver(engine, notifier).to_repeat == 1
        mails.answer = "250 taken"
        change(engine, next_attempt_at=sa.func.now())
        assert deliver(engine, notifier).sent == 3
        assert [mail["Subject"] for mail in mails.mails] == ["s 0", "s 1", "s 2"]
        assert [mail[IDEMPOTENCY_HEADER] for mail in mails.mails] == ["0", "1", "2"]

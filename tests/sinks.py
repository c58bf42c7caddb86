"""Loopback receivers of notifications: a mail server and a webhook, each of which keeps what it took.

Belongs here: how a receiver answers (takes, refuses, says nothing). What a message must say is in the tests.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


@dataclass
class MailServer:
    """A running mail server; what it answers to the content of a mail may be changed while it runs."""

    port: int
    answer: str = "250 taken"
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address for NOTIFY_URLS."""
        return f"mailto://127.0.0.1:{self.port}?from=kapman@example.com&to=trader@example.com"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        """Keep a mail, if mails are taken."""
        del server, session
        if self.answer.startswith("250"):
            parsed = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
        return self.answer


@contextmanager
def mail_server(port: int | None = None) -> Iterator[MailServer]:
    """Take mails on a loopback port, without TLS or login."""
    server = MailServer(port or unused_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(frozen=True)
class Hook:
    """One post as it came; header names in lower case."""

    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass
class Webhook:
    """A running webhook.

    Attributes:
        answer: what it answers to a post; None: it takes the post and says nothing until it closes.
    """

    port: int
    answer: Callable[[Hook], int | None] = lambda _: 200
    hooks: list[Hook] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address for NOTIFY_URLS; a second without an answer is enough."""
        return f"json://trader:hook-password@127.0.0.1:{self.port}/hook-token?rto=1"


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Take posts on a free loopback port."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook = Hook({name.lower(): value for name, value in self.headers.items()}, body)
            server.hooks.append(hook)
            status = server.answer(hook)
            if status is None:
                closing.wait()
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Tests read `Webhook.hooks` instead."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Webhook(http.server_port)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            closing.set()
            http.shutdown()
            thread.join()


def unused_port() -> int:
    """A port on this machine that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

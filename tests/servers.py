"""Loopback HTTP servers for tests: real sockets that give the answers no well-behaved server gives.

Belongs here: how an answer leaves the socket (status, short, late, reset). What the answers say is written
in the tests.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A request as it came; header names in lower case."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The last value of each parameter."""
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}


@dataclass(frozen=True)
class Answer:
    """An answer and how it leaves.

    Attributes:
        status: HTTP status.
        body: the whole body; its length is what Content-Length promises.
        headers: further headers.
        cut_at: send only that many bytes of the body, then close.
        reset: with `cut_at`: close with a TCP reset instead of an end.
        stalls: send nothing at all until the server closes.
        drips: send the body's first byte, again and again, until the server closes.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    reset: bool = False
    stalls: bool = False
    drips: bool = False


@dataclass
class Server:
    """A running server: its address, and the requests so far."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(answers: Callable[[Request], Answer] | Sequence[Answer], *, puts: Answer | None = None) -> Iterator[Server]:
    """Serve on a free loopback port.

    Args:
        answers: what to answer: decided from the request, or one after the other (the last for ever).
        puts: what to answer whoever uploads something; without it nobody can.
    """
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()})
            server.requests.append(request)
            if callable(answers):
                answer = answers(request)
            else:
                answer = answers[min(len(server.requests), len(answers)) - 1]
            if answer.stalls:
                closing.wait()
                return
            self.send_response(answer.status)
            if answer.drips:
                self.end_headers()
                # Until whoever asked has gone.
                with suppress(OSError):
                    while not closing.wait(0.01):
                        self.wfile.write(answer.body[:1])
                return
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut_at])
            if answer.reset:
                # A linger of 0 seconds turns the close into a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def do_PUT(self) -> None:
            if puts is None:
                self.send_error(405)
                return
            if "Expect" in self.headers:
                self.send_response_only(100)
                self.end_headers()
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(puts.status)
            self.send_header("Content-Length", str(len(puts.body)))
            self.end_headers()
            self.wfile.write(puts.body)

        def log_message(self, *_: Any) -> None:
            """Tests read `Server.requests` instead."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            closing.set()
            http.shutdown()
            thread.join()


def unused_address() -> str:
    """An address on this machine that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"

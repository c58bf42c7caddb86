"""A model behind the Messages API, on loopback: real sockets, and answers that a test decides from the question.

    def answers(request: dict[str, Any]) -> Reply:
        name = facts_of(request)["symbol"]
        return structured({"action": "CAUTION", ...}) if name == "ACME" else overloaded()

    with serving_messages(answers) as server:
        Claude(SecretStr("sk-..."), base_url=server.url)   # or ANTHROPIC_BASE_URL=server.url
        server.requests[0].body, .headers, .path, .at
        server.most_at_once

`answers` gets the request's JSON body and is called from many threads at once; `in_turn(a, b)` answers a, then b for
ever. Replies are values: `structured`, `truncated`, `refused`, `malformed`, `rate_limited`, `overloaded`, `broken`,
`error`, `dropped`; `late(reply, seconds)` sends any of them later. The same server is an OpenAI-compatible one under
`url + "/v1"`: `response` is the envelope of its answers, and errors look alike.

Belongs here: what leaves the socket, and the envelopes of the two APIs. What a model says is written in the tests.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case, `at` on the monotonic clock."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float


@dataclass(frozen=True)
class Reply:
    """An answer and how it leaves.

    Attributes:
        status: HTTP status.
        body: the whole body.
        headers: further headers.
        latency: seconds before anything of it is sent.
        drops: send nothing: reset the connection.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    drops: bool = False


Answers = Callable[[dict[str, Any]], Reply]


@dataclass
class MessagesServer:
    """A running server: its address, the requests so far, and how many of them were under way at once at most."""

    url: str
    requests: list[Asked] = field(default_factory=list)
    most_at_once: int = 0


@contextmanager
def serving_messages(answers: Answers) -> Iterator[MessagesServer]:
    """Serve on a free loopback port; any other path than the two APIs' is not found."""
    closing = threading.Event()
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        # Connections stay open from one request to the next, as the providers keep them.
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal under_way
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.requests.append(Asked(self.path, headers, body, time.monotonic()))
                under_way += 1
                server.most_at_once = max(server.most_at_once, under_way)
            try:
                reply = answers(body) if self.path in {MESSAGES, RESPONSES} else error(404, "not_found_error", "path")
                closing.wait(reply.latency)
            finally:
                with lock:
                    under_way -= 1
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            if reply.drops:
                # A linger of 0 seconds turns the close into a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(reply.status)
            given = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Tests read `MessagesServer.requests` instead."""

    class Listener(ThreadingHTTPServer):
        # As many connections as a test opens at once may wait to be accepted.
        request_queue_size = 128

        def handle_error(self, *_: Any) -> None:
            """Whoever asked may have gone before a late answer."""

    with Listener(("127.0.0.1", 0), Handler) as http:
        server = MessagesServer(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            closing.set()
            http.shutdown()
            thread.join()


def in_turn(*replies: Reply) -> Answers:
    """One after the other, the last for ever."""
    waiting = list(replies)
    lock = threading.Lock()

    def next_one(_: dict[str, Any]) -> Reply:
        with lock:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return next_one


def late(reply: Reply, seconds: float) -> Reply:
    """The reply, so many seconds after the request."""
    return replace(reply, latency=seconds)


def facts_of(request: dict[str, Any]) -> Any:
    """The JSON between the delimiters of a Messages request's first turn."""
    [block] = request["messages"][0]["content"]
    return json.loads(block["text"].removeprefix("<facts>").removesuffix("</facts>"))


def structured(answer: object, **usage: int) -> Reply:
    """The model ended its turn with the answer: an object as JSON, a string as it is.

    Args:
        answer: what the text block holds.
        usage: token counts by the names of the API; 1000 in and 100 out unless told.
    """
    return _message(answer if isinstance(answer, str) else json.dumps(answer), "end_turn", usage)


def truncated(text: str, **usage: int) -> Reply:
    """The model ran into `max_tokens`."""
    return _message(text, "max_tokens", usage)


def refused(text: str = "", **usage: int) -> Reply:
    """The model's safeguards stopped the answer."""
    return _message(text, "refusal", usage)


def malformed(body: bytes = b'{"id": "msg_1", "content": [') -> Reply:
    """Status 200 and a body that is no message."""
    return Reply(body=body)


def error(status: int, kind: str, message: str, **headers: str) -> Reply:
    """An error in the envelope of the API; `_` in a header's name stands for `-`."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return Reply(status, json.dumps(body).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def rate_limited(retry_after: float) -> Reply:
    """429, with the seconds to wait."""
    return error(429, "rate_limit_error", "too many requests", retry_after=str(retry_after))


def overloaded(retry_after: float = 0.01) -> Reply:
    """529, which only this API has; it says how long to wait so that tests do not."""
    return error(529, "overloaded_error", "Overloaded", retry_after=str(retry_after))


def broken(retry_after: float = 0.01) -> Reply:
    """500."""
    return error(500, "api_error", "Internal server error", retry_after=str(retry_after))


def dropped() -> Reply:
    """No answer: the connection is reset after the request was read."""
    return Reply(drops=True)


def response(
    text: str = "", *, status: str = "completed", reason: str | None = None, refusal: str = "", **usage: int
) -> Reply:
    """An answer of the Responses API, after some reasoning.

    Args:
        text: what the model wrote.
        status: `incomplete` goes with a reason.
        reason: `max_output_tokens` or `content_filter`.
        refusal: the model's own words instead of a text.
        usage: `input_tokens`, `output_tokens`, `cached_tokens`, `cache_write_tokens`; the first includes the last two.
    """
    counts = {"input_tokens": 1000, "output_tokens": 100, "cached_tokens": 0, "cache_write_tokens": 0, **usage}
    part = {"type": "refusal", "refusal": refusal} if refusal else {"type": "output_text", "text": text}
    body = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-test",
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "error": {"code": "server_error", "message": "it broke"} if status == "failed" else None,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": [part]},
        ],
        "usage": {
            "input_tokens": counts["input_tokens"],
            "input_tokens_details": {name: counts[name] for name in ("cached_tokens", "cache_write_tokens")},
            "output_tokens": counts["output_tokens"],
        },
    }
    return Reply(body=json.dumps(body).encode())


def _message(text: str, stop_reason: str, usage: Mapping[str, int]) -> Reply:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        # A model that thinks says so first, without showing it.
        "content": [
            {"type": "thinking", "thinking": "", "signature": "s"},
            *([{"type": "text", "text": text}] * bool(text)),
        ],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 100, **usage},
    }
    return Reply(body=json.dumps(body).encode())

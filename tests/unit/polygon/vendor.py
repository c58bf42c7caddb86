"""A vendor on loopback for the client under test, with a clock that no test waits for."""

import asyncio
import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from kapman_resources.polygon import Page, Polygon, collected
from kapman_resources.polygon.answers import Row
from kapman_resources.polygon.pages import RestPages
from tests.servers import Answer, Request, Server, serving

KEY = "a-key/of+the~vendor"
SESSION = date(2026, 1, 2)

FAST = 1024.0
"""Requests a second that no test's few requests reach; a power of two, so that times add up exactly."""


class Time:
    """Seconds that pass only where somebody waits for them.

    Attributes:
        now: the clock.
        waits: every wait, in the order in which it began.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        """The present."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let that time pass, and whoever else can run run."""
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def page(*rows: dict[str, Any], **more: Any) -> Answer:
    """A good page of a list."""
    return Answer(body=json.dumps({"status": "OK", "results": list(rows), **more}).encode())


@contextmanager
def polygon_on(
    answers: Callable[[Request], Answer] | Sequence[Answer],
    *,
    max_pages: int = 50,
    read_timeout: float = 5.0,
    attempt_s: float = 5.0,
    requests_per_second: float = FAST,
    concurrency: int = 4,
) -> Iterator[tuple[Polygon, Server, Time]]:
    """A client, the server that it asks, and the time that it does not really wait."""
    time = Time()
    with serving(answers) as server:
        source = RestPages(
            server.url,
            SecretStr(KEY),
            requests_per_second=requests_per_second,
            concurrency=concurrency,
            timeout=httpx.Timeout(read_timeout),
            attempt_s=attempt_s,
            max_pages=max_pages,
            clock=time.clock,
            sleep=time.sleep,
        )
        yield Polygon(source), server, time


def opened(location: object, key: SecretStr | None = None) -> Polygon:
    """What a configuration opens."""
    return Polygon.open(str(location), api_key=key, requests_per_second=FAST, concurrency=4)


def tickers(polygon: Polygon, *, active: bool) -> list[Row]:
    """The whole list."""
    return polygon.ask(lambda client: collected(client.tickers(active=active)))


def splits(polygon: Polygon, *, since: date | None = None) -> list[Row]:
    """The whole list."""
    return polygon.ask(lambda client: collected(client.splits(since=since)))


def chain(polygon: Polygon, symbol: str = "AAPL", **bounds: Any) -> list[Page]:
    """Every page of a chain."""
    return polygon.ask(lambda client: collected(client.chain(symbol, **bounds)))


def assert_no_key(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """The key is in no text that a reader may see, as it is or as an address would hold it."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert KEY not in shown
    assert KEY.replace("/", "%2F").replace("+", "%2B") not in shown

"""How fast the vendor is asked: so many requests a second, so many at once, none while it asked for a pause.

Knows no HTTP: `pages` takes a turn for each attempt and passes on what the vendor says about waiting.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_BURST_S = 1 / 8
"""Seconds of quiet that may be made up for at once: 10 requests at 80 a second, so at most 90 in any one second.

The vendor asks paid plans to stay under 100.
"""


class Pace:
    """A token bucket and a bound on what is under way, for the requests of one event loop.

    Turns are given in the order in which they were asked for.
    """

    def __init__(
        self,
        *,
        requests_per_second: float,
        concurrency: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Begin with a full bucket.

        Args:
            requests_per_second: rate that holds over any longer time; above 0.
            concurrency: turns that may be under way together; at least 1.
            clock: seconds that only grow.
            sleep: waits that many seconds of `clock`.
        """
        self._interval = 1 / requests_per_second
        self._credit = max(0.0, _BURST_S - self._interval)
        self._clock = clock
        self._sleep = sleep
        self._slots = asyncio.Semaphore(concurrency)
        self._gate = asyncio.Lock()
        self._next = -math.inf

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a request may leave, and count it as under way for as long as the block lasts."""
        async with self._slots:
            async with self._gate:
                # Again after each wait: a pause may have begun meanwhile.
                while (wait := self._next - self._clock()) > 0:
                    await self._sleep(wait)
                self._next = max(self._next, self._clock() - self._credit) + self._interval
            yield

    def pause(self, seconds: float) -> None:
        """Let no request leave for that long; what is under way goes on."""
        self._next = max(self._next, self._clock() + seconds)

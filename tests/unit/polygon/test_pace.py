"""Turns: how many at once, how many a second, and none while a pause lasts."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapman_resources.polygon.pace import Pace
from tests.unit.polygon.vendor import Time


def pace_on(time: Time, *, requests_per_second: float, concurrency: int = 1000) -> Pace:
    return Pace(requests_per_second=requests_per_second, concurrency=concurrency, clock=time.clock, sleep=time.sleep)


def departures(count: int, requests_per_second: float) -> list[float]:
    """When each of `count` requests leaves that are all asked for at 0."""
    time = Time()
    left: list[float] = []

    async def leave(pace: Pace) -> None:
        async with pace.turn():
            left.append(time.now)

    async def everyone() -> None:
        pace = pace_on(time, requests_per_second=requests_per_second)
        await asyncio.gather(*(leave(pace) for _ in range(count)))

    asyncio.run(everyone())
    return left


def test_a_burst_and_then_the_rate() -> None:
    # An eighth of a second's worth at once: 8 of 64.
    assert departures(12, 64.0) == [0.0] * 8 + [1 / 64, 2 / 64, 3 / 64, 4 / 64]


@pytest.mark.parametrize("rate", [0.125, 4.0, 8.0])
def test_a_slow_pace_has_no_burst(rate: float) -> None:
    assert departures(4, rate) == [0.0, 1 / rate, 2 / rate, 3 / rate]


def test_the_default_pace_stays_under_100_in_any_second() -> None:
    left = departures(400, 80.0)
    in_a_second = [sum(begin <= moment < begin + 1 for moment in left) for begin in left]
    assert max(in_a_second) <= 91
    # And is not slower than it may be: 10 at once, 390 at 80 a second.
    assert left[-1] == pytest.approx(390 / 80)


@given(
    rate=st.floats(0.05, 500),
    steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 10) | st.none()), min_size=1, max_size=40),
)
def test_no_history_of_requests_and_pauses_exceeds_the_rate(
    rate: float, steps: list[tuple[float, float | None]]
) -> None:
    """Each step waits, perhaps is told to pause, and asks for a turn."""
    time = Time()
    left: list[float] = []

    async def walk() -> None:
        pace = pace_on(time, requests_per_second=rate)
        for idle, told in steps:
            time.now += idle
            if told is not None:
                pace.pause(told)
            earliest = time.now + (told or 0)
            async with pace.turn():
                assert time.now >= earliest - 1e-9
                left.append(time.now)

    asyncio.run(walk())
    burst = max(1.0, rate / 8)
    for first, begin in enumerate(left):
        for last in range(first, len(left)):
            assert last - first + 1 <= burst + rate * (left[last] - begin) + 1 + 1e-6


def test_a_pause_holds_back_those_that_already_wait_and_ends_without_a_burst() -> None:
    time = Time()
    left: list[float] = []

    async def leave(pace: Pace) -> None:
        async with pace.turn():
            left.append(time.now)
            if len(left) == 8:
                pace.pause(10)

    async def everyone() -> None:
        pace = pace_on(time, requests_per_second=64.0)
        await asyncio.gather(*(leave(pace) for _ in range(11)))
        # A shorter pause does not cut a longer one.
        pace.pause(3)
        pace.pause(1)
        await leave(pace)

    asyncio.run(everyone())
    assert left == [0.0] * 8 + [10.0, 10 + 1 / 64, 10 + 2 / 64, 13 + 2 / 64]


def test_a_pause_that_begins_while_one_waits_holds_that_one_too() -> None:
    time = Time()

    async def everyone() -> None:
        pace = pace_on(time, requests_per_second=1.0)

        async def turn() -> float:
            async with pace.turn():
                return time.now

        assert await turn() == 0.0
        waiting = asyncio.create_task(turn())
        await asyncio.sleep(0)
        assert time.waits == [1.0]
        pace.pause(10)
        assert await waiting == 11.0

    asyncio.run(everyone())


def test_turns_under_way_are_bounded_and_given_back_after_an_error() -> None:
    under_way, most = 0, 0

    async def one(pace: Pace, number: int) -> None:
        nonlocal under_way, most
        async with pace.turn():
            under_way += 1
            most = max(most, under_way)
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1
            if number % 2:
                raise ValueError(number)

    async def everyone() -> None:
        pace = pace_on(Time(), requests_per_second=1024.0, concurrency=3)
        done = await asyncio.gather(*(one(pace, number) for number in range(20)), return_exceptions=True)
        assert sum(isinstance(error, ValueError) for error in done) == 10

    asyncio.run(everyone())
    assert (under_way, most) == (0, 3)


def test_one_that_gives_up_waiting_leaves_its_place_to_the_next() -> None:
    time = Time()

    async def everyone() -> None:
        pace = pace_on(time, requests_per_second=1.0, concurrency=1)

        async def turn() -> None:
            async with pace.turn():
                pass

        async with pace.turn():
            giving_up = asyncio.create_task(turn())
            await asyncio.sleep(0)
            giving_up.cancel()
        await turn()
        assert giving_up.cancelled()

    asyncio.run(everyone())
    assert time.now == 1.0

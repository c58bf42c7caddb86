"""Conditional statistics against the standard library, simulated markets, and histories that end earlier."""

import math
import statistics
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.arrays import BooleanArray

from kapman_assets.etf.statistics import (
    LEAST_FOR_INTERVAL,
    ConditionalStatistics,
    Distribution,
    StatisticsError,
    conditional_statistics,
    effective_number,
)
from tests.unit.etf.markets import LAST, sessions_up_to, walk


def condition(values: list[bool | None]) -> BooleanArray:
    return pd.array(values, dtype="boolean")


def ask(close: list[float], held: list[bool | None], forward: int, as_of: date = LAST) -> ConditionalStatistics:
    return conditional_statistics(sessions_up_to(len(close)), np.array(close), condition(held), forward, as_of)


@given(
    st.lists(st.tuples(st.floats(1, 1000), st.sampled_from([True, False, None])), min_size=1, max_size=60),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_by_the_standard_library(history: list[tuple[float, bool | None]], forward: int) -> None:
    close, held = [price for price, _ in history], [value for _, value in history]
    found = ask(close, held, forward)

    over = range(len(close) - forward)
    returns = {place: close[place + forward] / close[place] - 1 for place in over}
    events = [returns[place] for place in over if held[place]]
    described_as(found.events, events)
    described_as(found.base, [returns[place] for place in over if held[place] is not None])
    assert found.pending == sum(value is True for value in held[-forward:])
    assert found.unknown == 0
    if events:
        assert found.edge == pytest.approx(found.events.mean - found.base.mean, abs=1e-9)
        assert 0 < found.effective_n <= found.events.n + 1e-9
        assert 1 <= found.separate.n <= found.events.n
    else:
        assert (found.edge, found.effective_n, found.separate.n) == (None, None, 0)


def described_as(found: Distribution, returns: list[float]) -> None:
    if not returns:
        assert found == Distribution(0, None, None, None, None, None, None, None)
        return
    # "inclusive" interpolates as SQL's percentile_cont.
    quartiles = statistics.quantiles(returns, n=4, method="inclusive") if len(returns) > 1 else returns * 3
    assert found.n == len(returns)
    assert (found.mean, found.median, found.p25, found.p75) == pytest.approx(
        (statistics.fmean(returns), quartiles[1], quartiles[0], quartiles[2]), rel=1e-9, abs=1e-9
    )
    assert (found.min, found.max) == (min(returns), max(returns))
    assert found.hit_rate == pytest.approx(sum(value > 0 for value in returns) / len(returns))


def test_worked() -> None:
    found = ask([100, 110, 99, 121, 121, 100], [True, True, False, True, None, True], 2)

    # 100 to 99, 110 to 121; 121 to 100 is over, the last is not.
    assert found.events.n == 3
    assert found.events.mean == pytest.approx((-0.01 + 0.1 + (100 / 121 - 1)) / 3)
    assert found.events.hit_rate == pytest.approx(1 / 3)
    assert (found.pending, found.unknown, found.as_of) == (1, 0, LAST)
    # The first and the fourth do not overlap.
    assert found.separate.n == 2
    assert found.separate.mean == pytest.approx((-0.01 + 100 / 121 - 1) / 2)
    # Neighbours share half of their two days: 9 / (3 + 2 * 0.5).
    assert found.effective_n == pytest.approx(9 / 4)
    assert found.mean_interval is None


def test_a_missing_bar_makes_a_return_unknown() -> None:
    found = ask([100, math.nan, 102, 103, 0.0], [True, True, True, False, False], 1)

    assert (found.events.n, found.unknown) == (1, 2)
    assert found.events.mean == pytest.approx(103 / 102 - 1)


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.integers(1, 20))
def test_effective_number_by_pairs(held: list[bool], forward: int) -> None:
    places = [place for place, value in enumerate(held) if value]
    if places:
        shared = sum(max(0.0, 1 - abs(a - b) / forward) for a in places for b in places)
        assert effective_number(np.array(held), forward) == pytest.approx(len(places) ** 2 / shared)


def test_effective_number_is_that_of_a_simulated_market() -> None:
    # 4000 markets of independent days: how uncertain is the mean of these overlapping sums?
    rng = np.random.default_rng(1)
    forward, held = 10, np.isin(np.arange(120), [*range(10, 25), 40, 44, *range(90, 96)])
    days = rng.normal(0, 1, (4000, 120 + forward))
    total = np.concatenate((np.zeros((4000, 1)), days.cumsum(axis=1)), axis=1)
    sums = total[:, forward : forward + 120] - total[:, :120]
    simulated = forward / sums[:, held].mean(axis=1).var()

    assert effective_number(held, forward) == pytest.approx(simulated, rel=0.1)
    assert effective_number(held, 1) == held.sum() == 23


def test_intervals_of_independent_returns() -> None:
    close = list(walk(3, 501)[0])
    rng = np.random.default_rng(5)
    held = [bool(value) for value in rng.random(501) < 0.4]
    found = ask(close, held, 1)

    returns = [b / a - 1 for a, b, value in zip(close, close[1:], held, strict=False) if value]
    half = 1.96 * statistics.stdev(returns) / math.sqrt(len(returns))
    assert found.mean_interval is not None
    assert found.mean_interval.high - found.mean_interval.low == pytest.approx(2 * half, rel=0.1)
    assert found.mean_interval.low < statistics.fmean(returns) < found.mean_interval.high
    assert found.hit_rate_interval is not None
    rate = found.events.hit_rate
    assert found.hit_rate_interval.high - found.hit_rate_interval.low == pytest.approx(
        2 * 1.96 * math.sqrt(rate * (1 - rate) / len(returns)), rel=0.1
    )


def test_intervals_know_that_returns_overlap() -> None:
    close = list(walk(3, 501)[0])
    found = ask(close, [True] * 501, 20)

    returns = [b / a - 1 for a, b in zip(close, close[20:], strict=False)]
    naive = 2 * 1.96 * statistics.stdev(returns) / math.sqrt(len(returns))
    assert found.mean_interval is not None
    assert found.mean_interval.high - found.mean_interval.low > 2 * naive
    # A condition that always holds says nothing.
    assert found.edge == 0
    assert found.edge_interval is not None
    assert (found.edge_interval.low, found.edge_interval.high) == pytest.approx((0, 0), abs=1e-12)


def test_the_same_question_has_the_same_answer() -> None:
    close = list(walk(3, 300)[0])
    held: list[bool | None] = [place % 7 == 0 for place in range(300)]

    assert ask(close, held, 5) == ask(close, held, 5)


def test_few_separate_events_have_no_interval() -> None:
    close = list(walk(3, 100)[0])
    for separate in (LEAST_FOR_INTERVAL - 1, LEAST_FOR_INTERVAL):
        held: list[bool | None] = [place % 20 in {0, 1, 2} and place < 20 * separate for place in range(100)]
        found = ask(close, held, 3)
        assert found.separate.n == separate
        assert (found.mean_interval is None) == (separate < LEAST_FOR_INTERVAL)
        assert (found.edge_interval is None) == (found.hit_rate_interval is None) == (found.mean_interval is None)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 200))
def test_nothing_later_than_as_of_is_known(seed: int, forward: int, later: int) -> None:
    rng = np.random.default_rng(seed)
    close, sessions = walk(seed, 260)[0], sessions_up_to(260)
    held = BooleanArray(rng.random(260) < 0.3, rng.random(260) < 0.1)
    as_of = sessions[-1 - later]

    known = conditional_statistics(sessions[:-later], close[:-later], held[:-later], forward, as_of)
    assert conditional_statistics(sessions, close, held, forward, as_of) == known
    # On a day without a session what is known is that of the session before.
    assert known.as_of == as_of


@pytest.mark.parametrize("forward", [0, -1, 253, 10_000])
def test_forward_has_limits(forward: int) -> None:
    with pytest.raises(StatisticsError, match=f"over {forward} sessions: ask for 1 to 252"):
        ask([1.0, 2.0], [True, True], forward)


def test_a_forward_longer_than_the_history() -> None:
    found = ask([1.0, 2.0], [True, False], 252)

    assert (found.events.n, found.base.n, found.pending) == (0, 0, 1)


def test_questions_that_do_not_fit() -> None:
    with pytest.raises(StatisticsError, match="no session on or before 2020-01-01"):
        ask([1.0, 2.0], [True, True], 1, as_of=date(2020, 1, 1))
    with pytest.raises(ValueError, match="not 2 and 1 for 2"):
        ask([1.0, 2.0], [True], 1)
    with pytest.raises(ValueError, match="ascending"):
        conditional_statistics(sessions_up_to(2)[::-1], [1.0, 2.0], condition([True, True]), 1, LAST)

"""Wyckoff's nine buying tests and their mirror for selling, each passed, failed or unknown with its measured value.

Everything is read from bars up to the session and from what the state machine knows of it. What a result means for a
trade is not decided here.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from kapman_assets.wyckoff.features import Bars, Features, Floats
from kapman_assets.wyckoff.parameters import ChecklistRules
from kapman_assets.wyckoff.records import Row
from kapman_assets.wyckoff.vocabulary import Event, Reason


class Outcome(StrEnum):
    """Answer of a test."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Test:
    """One test of nine.

    Attributes:
        number: 1 to 9.
        name: what it asks.
        outcome: the answer.
        value: the measured number; None if there is none.
        reason: why it is unknown; None otherwise.
    """

    __test__ = False  # not one of pytest's

    number: int
    name: str
    outcome: Outcome
    value: float | None
    reason: Reason | None = None


@dataclass(frozen=True)
class Situation:
    """What the tests are read from: one symbol up to one session.

    Attributes:
        bars: adjusted bars, the last one of the session.
        features: of the same bars.
        market: adjusted closes of the market's index on the days of the bars, NaN where it has none; None without one.
        row: the engine's row of the last bar.
        pivot_wing: bars after which a turn is confirmed.
        seen: events of the current structure.
        spring_low: low of the last spring of the structure, USD; None without one.
        upthrust_high: high of the last upthrust, USD; None without one.
    """

    bars: Bars
    features: Features
    market: Floats | None
    row: Row
    pivot_wing: int
    seen: Collection[Event]
    spring_low: float | None
    upthrust_high: float | None

    def turns(self, sign: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Which bars confirm a high and which a low; with sign -1 the other way round."""
        turns = self.features.is_top, self.features.is_bottom
        return turns if sign > 0 else turns[::-1]


NAMES = {
    1: ("downside_objective", "upside_objective"),
    2: ("climax_and_test", "climax_and_test"),
    3: ("activity_bullish", "activity_bearish"),
    4: ("downward_stride_broken", "upward_stride_broken"),
    5: ("higher_lows", "lower_highs"),
    6: ("higher_highs", "lower_lows"),
    7: ("stronger_than_market", "weaker_than_market"),
    8: ("base_forming", "top_forming"),
    9: ("profit_three_times_risk", "profit_three_times_risk"),
}
"""Buying and selling name of each test."""


def checklist(situation: Situation, rules: ChecklistRules) -> dict[str, tuple[Test, ...]]:
    """Answer all tests.

    Args:
        situation: a symbol up to a session.
        rules: thresholds.

    Returns:
        `buying` and `selling`, nine tests each.
    """
    return {"buying": _answer(situation, rules, sign=1), "selling": _answer(situation, rules, sign=-1)}


def _answer(situation: Situation, rules: ChecklistRules, sign: int) -> tuple[Test, ...]:
    """The nine tests of one side; `sign` -1 reads the bars upside down."""
    bars = situation.bars
    if sign > 0:
        high, low = bars.high, bars.low
    else:
        high, low = -bars.low, -bars.high
    close = sign * bars.close
    tops, bottoms = (np.flatnonzero(turns) - situation.pivot_wing for turns in situation.turns(sign))
    answers = (
        _objective(situation, rules, high, close),
        _climax(situation, sign),
        _activity(situation, rules, sign),
        _stride(situation, rules, sign, high[tops], tops),
        _rising(low, bottoms),
        _rising(high, tops),
        _relative(situation, rules, sign),
        _base(situation, rules),
        _reward(situation, rules, sign),
    )
    side = 0 if sign > 0 else 1
    return tuple(_test(number, NAMES[number][side], answer) for number, answer in enumerate(answers, start=1))


Answer = tuple[bool, float] | Reason
"""Whether a test passes and its value, or why that is unknown."""


def _test(number: int, name: str, answer: Answer) -> Test:
    if isinstance(answer, Reason):
        return Test(number, name, Outcome.UNKNOWN, None, answer)
    passes, value = answer
    return Test(number, name, Outcome.PASS if passes else Outcome.FAIL, value)


def _objective(situation: Situation, rules: ChecklistRules, high: Floats, close: Floats) -> Answer:
    """1: the fall from the 250-bar high is as large as the last completed range was high, or 8 ATR; value in ATR."""
    atr = float(situation.features.atr[-1]) if len(close) else math.nan
    if len(close) < rules.objective_least_bars:
        return Reason.SHORT_HISTORY
    if not atr > 0:
        return Reason.NO_VOLATILITY
    way = float(high[-rules.objective_bars :].max() - close[-1])
    height = float(situation.row.last_height)
    return way >= rules.objective_atr * atr or way >= height, way / atr


def _climax(situation: Situation, sign: int) -> Answer:
    """2: climax and secondary test are there; value: how many of the two."""
    wanted = (Event.SC, Event.ST) if sign > 0 else (Event.BC, Event.ST_TOP)
    if situation.row.structure == 0:
        return Reason.NO_RANGE
    found = sum(event in situation.seen for event in wanted)
    return found == len(wanted), float(found)


def _activity(situation: Situation, rules: ChecklistRules, sign: int) -> Answer:
    """3: bars in favour carry more volume than bars against, since the climax; value: the ratio of their means."""
    if situation.row.structure == 0:
        return Reason.NO_RANGE
    start = int(situation.row.start)
    change = sign * np.diff(situation.bars.close[start:])
    volume = situation.bars.volume[start + 1 :]
    favour, against = volume[change > 0], volume[change < 0]
    if not len(favour) or not len(against) or against.mean() == 0:
        return Reason.NO_VOLUME
    ratio = float(favour.mean() / against.mean())
    return ratio >= rules.activity_ratio, ratio


def _stride(
    situation: Situation, rules: ChecklistRules, sign: int, heights: Floats, tops: npt.NDArray[np.int64]
) -> Answer:
    """4: three closes above the line through the falling tops before the climax; value: distance of the last, ATR."""
    row, close, atr = situation.row, sign * situation.bars.close, float(situation.features.atr[-1])
    if row.structure == 0 or row.origin != sign:
        return Reason.NO_CLIMAX
    if not atr > 0:
        return Reason.NO_VOLATILITY
    before = (tops < row.start) & (tops >= row.start - rules.stride_bars)
    tops, heights = tops[before], heights[before]
    falls = np.concatenate([[True], heights[1:] < heights[:-1]])[: len(tops)]
    if falls.sum() < 2 or len(close) - 1 - row.start < rules.stride_hold:  # noqa: PLR2004 - a line has two points
        return Reason.TOO_FEW_PIVOTS
    slope, offset = np.polyfit(tops[falls], heights[falls], 1)
    last = np.arange(len(close) - rules.stride_hold, len(close))
    above = close[last] - (offset + slope * last)
    return bool((above > 0).all()), float(above[-1] / atr)


def _rising(values: Floats, turns: npt.NDArray[np.int64]) -> Answer:
    """5, 6: the last of two confirmed turns is beyond the one before; value: by what share of the price."""
    if len(turns) < 2:  # noqa: PLR2004 - two turns are compared
        return Reason.TOO_FEW_PIVOTS
    before, last = values[turns[-2]], values[turns[-1]]
    return bool(last > before), float((last - before) / abs(before))


def _relative(situation: Situation, rules: ChecklistRules, sign: int) -> Answer:
    """7: the return over 60 sessions less the market's; value: that difference, decimal."""
    close, market, bars = situation.bars.close, situation.market, rules.relative_bars
    if len(close) <= bars:
        return Reason.SHORT_HISTORY
    if market is None or np.isnan(market[[-1, -1 - bars]]).any():
        return Reason.NO_MARKET
    difference = float(close[-1] / close[-1 - bars] - market[-1] / market[-1 - bars])
    return sign * difference > 0, difference


def _base(situation: Situation, rules: ChecklistRules) -> Answer:
    """8: the range is old enough and both sides were touched; value: its age in bars."""
    row = situation.row
    if row.structure == 0 or np.isnan(row.support):
        return Reason.NO_RANGE
    age = len(situation.bars.close) - 1 - int(row.start)
    touches = min(row.touches_support, row.touches_resistance)
    return bool(age >= rules.base_bars and touches >= rules.base_touches), float(age)


def _reward(situation: Situation, rules: ChecklistRules, sign: int) -> Answer:
    """9: the range's height beyond its far border, against the way back to its near one; value: the ratio."""
    row, close = situation.row, float(situation.bars.close[-1]) if len(situation.bars.close) else math.nan
    if row.structure == 0 or np.isnan(row.support):
        return Reason.NO_RANGE
    height = row.resistance - row.support
    if sign > 0:
        target, stop = row.resistance + height, row.support
        stop = stop if situation.spring_low is None else min(stop, situation.spring_low)
    else:
        target, stop = row.support - height, row.resistance
        stop = stop if situation.upthrust_high is None else max(stop, situation.upthrust_high)
    risk = sign * (close - stop)
    if risk <= 0:
        return Reason.NO_RISK
    ratio = float(sign * (target - close) / risk)
    return ratio >= rules.reward_ratio, ratio

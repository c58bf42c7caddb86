"""The nine tests of each side: passed, failed and unknown, with the value that was measured."""

from typing import Any

import numpy as np
import pytest

from kapman_assets.wyckoff.checklist import NAMES, Outcome, Situation, Test, checklist
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars, compute
from kapman_assets.wyckoff.parameters import ChecklistRules, Detection
from kapman_assets.wyckoff.records import Row
from kapman_assets.wyckoff.vocabulary import Event, Reason
from tests.unit.wyckoff.series import Tape, bars_of
from tests.unit.wyckoff.test_engine import accumulation

RULES = ChecklistRules()
OUTSIDE = Row(0, 0, 0, -1, 5, 0, 0, 0, np.nan, np.nan, np.nan, -1, -1, np.nan, np.nan, np.nan, np.nan)


def situation(bars: Bars, row: Row = OUTSIDE, **changed: Any) -> Situation:
    values: dict[str, Any] = {
        "market": None,
        "pivot_wing": 3,
        "seen": set(),
        "spring_low": None,
        "upthrust_high": None,
    } | changed
    return Situation(bars=bars, features=compute(bars, 3), row=row, **values)


def buying(number: int, where: Situation, rules: ChecklistRules = RULES) -> Test:
    return checklist(where, rules)["buying"][number - 1]


def selling(number: int, where: Situation, rules: ChecklistRules = RULES) -> Test:
    return checklist(where, rules)["selling"][number - 1]


def said(test: Test) -> tuple[str, float | None, Reason | None]:
    return test.outcome.value, test.value, test.reason


def upside_down(bars: Bars) -> Bars:
    opened, high, low, close, volume = bars
    return bars_of([200 - opened, 200 - low, 200 - high, 200 - close, volume])


@pytest.fixture
def base() -> tuple[Bars, Row]:
    """A range after a decline, tested, and the row of its last bar."""
    tape = Tape()
    accumulation(tape)
    for _ in range(2):
        tape.walk(88.0, 5)
        tape.walk(83.0, 5)
    bars = tape.bars
    return bars, Row(*replay(bars, Detection()).rows[-1].tolist())


def test_both_sides_answer_all_nine(base: tuple[Bars, Row]) -> None:
    got = checklist(situation(*base), RULES)
    for side, place in (("buying", 0), ("selling", 1)):
        assert [(test.number, test.name) for test in got[side]] == [(n, NAMES[n][place]) for n in range(1, 10)]
        for test in got[side]:
            assert (test.reason is None) == (test.outcome is not Outcome.UNKNOWN)
            assert (test.value is None) == (test.outcome is Outcome.UNKNOWN)


def test_1_the_objective(base: tuple[Bars, Row]) -> None:
    bars, row = base
    atr = compute(bars, 3).atr[-1]
    way = (bars.high[-250:].max() - bars.close[-1]) / atr
    assert said(buying(1, situation(bars, row))) == ("pass", pytest.approx(way), None)
    assert way >= 8
    assert said(selling(1, situation(upside_down(bars), row)))[0] == "pass"
    short = (bars.close[-1] - bars.low[-250:].min()) / atr
    assert said(selling(1, situation(bars, row))) == ("fail", pytest.approx(short), None)
    # A completed range that was as high as the rise is an objective of its own.
    lower = row._replace(last_height=short * atr * 0.99)
    assert selling(1, situation(bars, lower)).outcome is Outcome.PASS
    assert buying(1, situation(Tape(59).bars)).reason is Reason.SHORT_HISTORY
    still = bars_of([[5.0] * 80] * 4 + [[100.0] * 80])
    assert buying(1, situation(still)).reason is Reason.NO_VOLATILITY


def test_2_climax_and_test(base: tuple[Bars, Row]) -> None:
    bars, row = base
    assert said(buying(2, situation(bars, row, seen={Event.SC, Event.ST, Event.AR}))) == ("pass", 2, None)
    assert said(buying(2, situation(bars, row, seen={Event.SC}))) == ("fail", 1, None)
    assert said(selling(2, situation(bars, row, seen={Event.BC, Event.ST_TOP}))) == ("pass", 2, None)
    assert buying(2, situation(bars)).reason is Reason.NO_RANGE


def test_3_activity(base: tuple[Bars, Row]) -> None:
    bars, row = base
    change, volume = np.diff(bars.close)[row.start :], bars.volume[row.start + 1 :]
    ratio = volume[change > 0].mean() / volume[change < 0].mean()
    got = buying(3, situation(bars, row))
    assert said(got) == ("pass" if ratio >= 1.1 else "fail", pytest.approx(ratio), None)
    assert selling(3, situation(bars, row)).value == pytest.approx(1 / ratio)
    assert buying(3, situation(bars._replace(volume=bars.volume * 0), row)).reason is Reason.NO_VOLUME
    assert buying(3, situation(bars, row._replace(start=len(bars.close) - 2))).reason is Reason.NO_VOLUME
    assert buying(3, situation(bars)).reason is Reason.NO_RANGE


def test_4_the_stride() -> None:
    tape = Tape()
    # Falling tops at 98, 95 and 92, eight bars apart: the line falls by 3/8 a bar.
    tops = []
    for top in (98.0, 95.0, 92.0):
        tops.append(tape.walk(top, 3))
        tape.walk(top - 6, 5)
    climax = tape.add(80.0)
    tape.walk(93.0, 9)
    bars = tape.bars
    row = OUTSIDE._replace(structure=1, origin=1, start=climax)
    # Only the three tops, none of the quiet market before them.
    rules = ChecklistRules(stride_bars=climax - tops[0])
    line = 93.0 - 3 / 8 * (len(bars.close) - 1 - tops[-1])
    distance = (bars.close[-1] - line) / compute(bars, 3).atr[-1]
    got = buying(4, situation(bars, row), rules)

    assert said(got) == ("pass", pytest.approx(distance), None)
    assert said(selling(4, situation(upside_down(bars), row._replace(origin=-1)), rules))[0] == "pass"
    below = bars._replace(close=np.append(bars.close[:-3], [80.0, 95.0, 95.0]))
    assert buying(4, situation(below, row), rules).outcome is Outcome.FAIL
    assert selling(4, situation(bars, row), rules).reason is Reason.NO_CLIMAX
    assert buying(4, situation(bars), rules).reason is Reason.NO_CLIMAX
    last = bars.close[-22]
    halted = bars_of([*(np.append(values[:-21], [last] * 21) for values in bars[:4]), bars.volume])
    assert buying(4, situation(halted, row), rules).reason is Reason.NO_VOLATILITY
    assert buying(4, situation(bars, row._replace(start=tops[0] + 1)), rules).reason is Reason.TOO_FEW_PIVOTS
    assert buying(4, situation(bars, row._replace(start=len(bars.close) - 2)), rules).reason is Reason.TOO_FEW_PIVOTS


def test_5_and_6_turns() -> None:
    tape = Tape()
    for level in (95.0, 97.0):
        tape.walk(level, 5)
        tape.walk(level + 6, 5)
    tape.walk(98.0, 5)
    bars = tape.bars
    lows, highs = (95.0 - 1, 97.0 - 1), (101.0 + 1, 103.0 + 1)

    assert said(buying(5, situation(bars))) == ("pass", pytest.approx(lows[1] / lows[0] - 1), None)
    assert said(buying(6, situation(bars))) == ("pass", pytest.approx(highs[1] / highs[0] - 1), None)
    assert selling(5, situation(bars)).outcome is Outcome.FAIL
    assert selling(6, situation(bars)).outcome is Outcome.FAIL
    assert selling(5, situation(upside_down(bars))).outcome is Outcome.PASS
    assert buying(5, situation(Tape(5).bars)).reason is Reason.TOO_FEW_PIVOTS


def test_7_against_the_market() -> None:
    tape = Tape(80)
    tape.walk(110.0, 10)
    bars = tape.bars
    market = np.full(90, 50.0)
    market[-1] = 52.0
    own = bars.close[-1] / bars.close[-61] - 1
    assert said(buying(7, situation(bars, market=market))) == ("pass", pytest.approx(own - 0.04), None)
    assert said(selling(7, situation(bars, market=market))) == ("fail", pytest.approx(own - 0.04), None)
    gap = market.copy()
    gap[-61] = np.nan
    for unknown in (None, gap):
        assert buying(7, situation(bars, market=unknown)).reason is Reason.NO_MARKET
    assert buying(7, situation(Tape(60).bars)).reason is Reason.SHORT_HISTORY


def test_8_the_base(base: tuple[Bars, Row]) -> None:
    bars, row = base
    age = len(bars.close) - 1 - row.start
    touched = row._replace(touches_support=2, touches_resistance=2)
    assert said(buying(8, situation(bars, touched))) == ("pass", age, None)
    assert buying(8, situation(bars, row._replace(touches_support=1, touches_resistance=5))).outcome is Outcome.FAIL
    assert buying(8, situation(bars, touched._replace(start=len(bars.close) - 20))).outcome is Outcome.FAIL
    assert buying(8, situation(bars, touched._replace(support=np.nan))).reason is Reason.NO_RANGE


def test_9_potential_and_risk(base: tuple[Bars, Row]) -> None:
    bars, row = base
    row = row._replace(support=79.0, resistance=90.0)
    close = bars.close[-1]
    assert close == 83.0
    assert said(buying(9, situation(bars, row))) == ("pass", pytest.approx((101 - 83) / (83 - 79)), None)
    assert buying(9, situation(bars, row, spring_low=77.0)).value == pytest.approx((101 - 83) / (83 - 77))
    assert said(selling(9, situation(bars, row))) == ("fail", pytest.approx((83 - 68) / (90 - 83)), None)
    assert selling(9, situation(bars, row, upthrust_high=91.0)).value == pytest.approx((83 - 68) / (91 - 83))
    assert buying(9, situation(bars, row._replace(support=84.0))).reason is Reason.NO_RISK
    assert buying(9, situation(bars)).reason is Reason.NO_RANGE

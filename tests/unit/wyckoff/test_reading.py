"""A session read whole: what a reading says, and every bad input the engine may meet."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.wyckoff.checklist import Outcome
from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import Reading, SymbolBars, is_sound, read_session, read_sessions
from kapman_assets.wyckoff.signals import SignalType, Strength
from kapman_assets.wyckoff.vocabulary import TERMS, Event, Phase, Reason, Regime
from tests.unit.wyckoff.series import Tape, bars_of, cut, days, planted, symbol
from tests.unit.wyckoff.test_engine import accumulation, decline, selling_climax, sign_of_strength, spring

PARAMETERS = Parameters()


def last(tape: Tape) -> Reading:
    reading = read_session(symbol(tape.bars), PARAMETERS)
    assert reading is not None
    return reading


def test_a_session_in_an_accumulation() -> None:
    tape = Tape()
    bars = accumulation(tape)
    at = spring(tape)
    sessions = days(len(tape.rows))
    readings = {reading.session: reading for reading in read_sessions(symbol(tape.bars), PARAMETERS, last=5)}
    reading = readings[sessions[at]]

    assert list(readings) == list(sessions[-5:])
    assert (reading.regime, reading.phase, reading.letter, reading.sub_stage) == (Regime.ACCUM, Phase.C, "A", "spring")
    assert (reading.support, reading.resistance) == (79.0, tape.bars.high[bars["AR"]])
    assert reading.range_start == sessions[bars["SC"]]
    assert [new.told.event for new in reading.new_events] == [Event.SPRING]
    assert reading.new_events[0].replaces is None
    assert set(reading.new_events[0].terms) == set(TERMS[Event.SPRING])
    assert [(one.event, one.event_date) for one in reading.told] == [
        (Event[name], sessions[bar]) for name, bar in {**bars, "SPRING": at}.items()
    ]
    # Depth 1.1 of an ATR of about 1.6, back on the same bar, on little volume, closed at the middle of the bar.
    assert reading.spring is not None
    points = [float(values[0]) for values in reading.spring.points.values()]
    assert points == [3, 3, 2, 1]
    assert reading.spring_score_12 == sum(points)
    assert reading.new_events[0].told.confidence == sum(points) / 12
    assert not reading.spring_is_final
    assert readings[sessions[at + 3]].spring_is_final
    assert reading.signal.signal_type is SignalType.ENTRY_SIGNAL
    assert reading.signal.expected_next == (Event.TEST, Event.SOS)
    assert reading.phase_score == 4 / 8
    active = [one.confidence for one in reading.told if one.is_active]
    assert reading.phase_confidence == pytest.approx(sum(active) / len(active))
    assert reading.composite_score is not None
    assert reading.composite_score > 0.5
    assert reading.primary_event is not None
    assert reading.primary_event.event is Event.SPRING
    assert reading.events_json["sequence_position"] == 4
    assert [test["test"] for test in reading.checklist_json["buying"]] == list(range(1, 10))
    assert reading.checklist_json["buying"][6] == {
        "test": 7,
        "name": "stronger_than_market",
        "outcome": "unknown",
        "value": None,
        "reason": "NO_MARKET",
    }
    assert reading.null_reasons == {}
    # Read on the following sessions it tells the same events, and none of them as new.
    assert [one.event for one in readings[sessions[-1]].told] == [one.event for one in reading.told]
    assert readings[sessions[-1]].new_events == ()


def test_the_price_can_undo_an_event() -> None:
    tape = Tape()
    accumulation(tape)
    spring(tape)
    tape.walk(77.0, 4)
    standing = {one.event for one in last(tape).told if one.is_active}
    assert standing == {Event.AR}

    tape = Tape()
    accumulation(tape)
    sign_of_strength(tape)
    assert Event.SOS in {one.event for one in last(tape).told if one.is_active}
    tape.walk(82.0, 6)
    assert Event.SOS not in {one.event for one in last(tape).told if one.is_active}


def test_what_a_replaced_event_was_is_told() -> None:
    tape = Tape()
    decline(tape)
    first = selling_climax(tape)
    tape.walk(80.5, 3)
    second = tape.add(77.0, low=74.5, volume=7000)
    tape.add(78.5)
    reading = last(tape)
    new = reading.new_events[-1]

    assert new.told.event is Event.SC
    assert new.told.event_date == days(second + 1)[second]
    assert new.replaces == (Event.SC, days(first + 1)[first])


def test_outside_of_a_structure_the_trend_is_told() -> None:
    tape = Tape()
    tape.walk(130.0, 80)
    reading = last(tape)

    assert (reading.regime, reading.letter, reading.phase, reading.sub_stage) == (Regime.MARKUP, "B", Phase.NONE, None)
    assert (reading.told, reading.support, reading.spring, reading.spring_score_12) == ((), None, None, None)
    assert {
        name: reading.null_reasons[name] for name in ("support", "phase_score", "spring_score_12")
    } == dict.fromkeys(("support", "phase_score", "spring_score_12"), Reason.NO_RANGE)
    assert reading.signal.strength is Strength.NONE
    tape.walk(90.0, 80)
    assert last(tape).regime is Regime.MARKDOWN


def test_in_a_range_without_a_fresh_break_the_spring_score_is_nothing() -> None:
    tape = Tape()
    accumulation(tape)
    reading = last(tape)
    assert (reading.spring_score_12, reading.spring) == (0, None)


def test_the_climax_score_of_three_sessions() -> None:
    tape = Tape()
    tape.walk(125.0, 40)
    tape.add(133.0, high=136.0, volume=5000)
    at_top = last(tape)
    tape.walk(131.0, 2)
    later = last(tape)

    assert at_top.bc_score_28 is not None
    assert later.bc_score_28 is not None
    assert later.bc_score_28 < at_top.bc_score_28 == at_top.bc_score_3d == later.bc_score_3d
    # Sentiment is unknown: six of seven signals.
    assert (at_top.bc.known[0], at_top.bc.most[0]) == (6, 24)
    count = len(tape.rows)
    mood = replace(symbol(tape.bars), sentiment=np.full(count, 0.97))
    hot = read_session(mood, PARAMETERS)
    assert hot is not None
    assert (hot.bc.known[0], hot.bc.points["sentiment"][0]) == (7, 4)
    # Of prices alone it gives two points; and events do not look at it.
    tepid = read_session(replace(mood, sentiment_is_price_only=np.full(count, True)), PARAMETERS)
    assert tepid is not None
    assert tepid.bc.points["sentiment"][0] == 2
    assert hot.told == later.told


@pytest.mark.parametrize("count", [1, 2, 3, 5, 21, 40, 41, 42, 60, 61])
def test_few_bars(count: int) -> None:
    reading = read_session(symbol(cut(planted(1), 0, count)), PARAMETERS)

    assert reading is not None
    assert reading.bars_read == count
    assert (reading.regime is Regime.UNKNOWN) == (count < 60)
    if count < 60:
        assert reading.null_reasons["letter"] is Reason.SHORT_HISTORY
        assert reading.told == ()
    if count < 21:
        assert reading.bc_score_28 is None
        assert reading.null_reasons["bc_score_28"] is Reason.FEW_SIGNALS


def test_no_bar_at_all() -> None:
    nothing = bars_of([[]] * 5)
    assert read_session(SymbolBars((), nothing), PARAMETERS) is None
    assert len(replay(nothing, PARAMETERS.detection).events) == 0


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_a_bar_with_an_unknown_number_is_no_bar(column: int, value: float) -> None:
    bars = planted(0)
    at = len(bars.close) - 30
    columns = [values.copy() for values in bars]
    columns[column][at] = value
    broken = symbol(bars_of(columns))
    without = symbol(bars)
    kept = np.arange(len(bars.close)) != at
    sessions = tuple(day for day, keep in zip(without.sessions, kept, strict=True) if keep)
    halted = SymbolBars(sessions, bars_of([values[kept] for values in bars]))

    assert is_sound(broken.bars).sum() == len(bars.close) - 1
    left = list(read_sessions(broken, PARAMETERS, last=40))
    right = list(read_sessions(halted, PARAMETERS, last=39))
    assert len(left) == len(right) == 39
    assert broken.sessions[at] not in {reading.session for reading in left}
    assert [(r.session, r.regime, r.told, r.support) for r in left] == [
        (r.session, r.regime, r.told, r.support) for r in right
    ]


def test_a_last_bar_that_is_not_sound_is_not_read() -> None:
    bars = planted(0)
    bars.volume[-1] = math.nan
    assert read_session(symbol(bars), PARAMETERS) is None


def test_high_and_low_must_be_around_the_others() -> None:
    good = bars_of([[5.0], [6.0], [4.0], [5.5], [0.0]])
    assert is_sound(good).tolist() == [True]
    for wrong in (good._replace(high=np.array([5.2])), good._replace(low=np.array([5.2]))):
        assert is_sound(wrong).tolist() == [False]


def degenerate(kind: str) -> Bars:
    count = 300
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, count)))
    volume = np.random.default_rng(6).uniform(500, 1500, count)
    if kind == "no volume at all":
        volume = np.zeros(count)
    elif kind == "no volume for a while":
        volume[150:220] = 0
    elif kind == "constant price":
        close = np.full(count, 7.0)
    elif kind == "one tick":
        close = 0.02 + 0.01 * (np.random.default_rng(7).random(count) > 0.5)
    elif kind == "a 400 % day":
        close[200:] *= 5
    elif kind == "a fall to a hundredth":
        close[200:] /= 100
    elif kind == "an unadjusted split":
        close[200:] /= 2
        volume[200:] *= 2
    opened = np.concatenate([close[:1], close[:-1]])
    return bars_of([opened, np.maximum(opened, close), np.minimum(opened, close), close, volume])


KINDS = (
    "no volume at all",
    "no volume for a while",
    "constant price",
    "one tick",
    "a 400 % day",
    "a fall to a hundredth",
    "an unadjusted split",
)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_inputs_are_read(kind: str) -> None:
    bars = degenerate(kind)
    reading = read_session(symbol(bars), PARAMETERS)
    result = replay(bars, PARAMETERS.detection)

    assert reading is not None
    assert np.isfinite(result.events.confidence).all()
    assert reading.composite_score is None or 0 <= reading.composite_score <= 1
    if kind in {"no volume at all", "constant price"}:
        assert len(result.events) == 0
        assert set(result.rows.structure) == {0}
    if kind == "constant price":
        assert reading.regime is Regime.RANGE
        outcomes = {test.outcome for side in reading.checklist.values() for test in side}
        assert outcomes == {Outcome.UNKNOWN}
        assert reading.composite_score is not None
    if kind == "a 400 % day":
        # A jump without a trend into it is no climax.
        assert not {Event.BC, Event.SC} & {Event(one.event) for one in result.events if one.event_index == 200}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 1000), st.floats(1, 4), st.floats(1, 4), st.floats(0, 1e9)), min_size=1, max_size=120
    )
)
def test_no_bars_make_it_fail(rows: list[tuple[float, float, float, float]]) -> None:
    close = np.array([row[0] for row in rows])
    opened = np.roll(close, 1)
    high = np.maximum(opened, close) * [row[1] for row in rows]
    low = np.minimum(opened, close) / [row[2] for row in rows]
    bars = bars_of([opened, high, low, close, [row[3] for row in rows]])
    reading = read_session(symbol(bars), PARAMETERS)

    assert reading is not None
    assert 0 <= (reading.composite_score or 0) <= 1
    assert all(0 <= one.confidence <= 1 for one in reading.told)
    assert reading.spring_score_12 is None or 0 <= reading.spring_score_12 <= 12
    assert reading.bc_score_28 is None or 0 <= reading.bc_score_28 <= 28

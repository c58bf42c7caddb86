"""The state machine on bars drawn by hand: each event where the textbook has it, confirmed when it could be known."""

import numpy as np
import pytest

from kapman_assets.wyckoff.engine import Replay, replay
from kapman_assets.wyckoff.parameters import Detection
from kapman_assets.wyckoff.vocabulary import Event, Phase, Regime, SubType
from tests.unit.wyckoff.series import Tape, bars_of

RULES = Detection()


def read(tape: Tape) -> Replay:
    return replay(tape.bars, RULES)


def found(result: Replay) -> list[tuple[str, int, int]]:
    return [(Event(one.event).name, int(one.event_index), int(one.confirmed_index)) for one in result.events]


def only(result: Replay, event: Event) -> list[tuple[int, int]]:
    return [(at, known) for name, at, known in found(result) if name == event.name]


def decline(tape: Tape) -> int:
    """A fall of a fifth with preliminary support on the way; the number of its bar."""
    tape.walk(91.0, 12)
    support = tape.add(90.0, low=88.5, volume=1700)
    tape.walk(92.0, 3)
    tape.walk(84.0, 8)
    return support


def selling_climax(tape: Tape) -> int:
    at = tape.add(81.5, low=79.0, volume=6000)
    tape.add(83.0)
    return at


def to_the_range(tape: Tape) -> tuple[int, int]:
    """A climax at 79 and its rally to about 90; both bars."""
    climax = selling_climax(tape)
    rally = tape.walk(89.5, 8, volume=900)
    tape.walk(85.0, 3)
    return climax, rally


def secondary_test(tape: Tape) -> int:
    tape.walk(81.0, 3, volume=700)
    at = tape.add(80.6, low=79.7, volume=500)
    tape.walk(87.0, 5)
    return at


def accumulation(tape: Tape) -> dict[str, int]:
    """Preliminary support to secondary test; the bar of each."""
    support = decline(tape)
    climax, rally = to_the_range(tape)
    return {"PS": support, "SC": climax, "AR": rally, "ST": secondary_test(tape)}


def spring(tape: Tape, volume: float = 700) -> int:
    tape.walk(81.0, 4)
    at = tape.add(79.6, low=77.9, volume=volume)
    tape.walk(84.5, 3)
    return at


def sign_of_strength(tape: Tape) -> int:
    tape.walk(88.5, 4)
    at = tape.add(91.5, volume=2200)
    tape.walk(92.3, 2)
    return at


def upside_down(tape: Tape) -> Replay:
    """The same bars mirrored: what was a low is a high."""
    opened, high, low, close, volume = tape.bars
    return replay(bars_of([180 - opened, 180 - low, 180 - high, 180 - close, volume]), RULES)


def test_a_textbook_accumulation() -> None:
    tape = Tape()
    bars = accumulation(tape)
    bars["SPRING"] = spring(tape)
    tape.walk(82.0, 3, volume=600)
    bars["TEST"] = tape.add(80.8, low=80.2, volume=500)
    tape.add(81.4)
    bars["SOS"] = sign_of_strength(tape)
    tape.walk(88.0, 4, volume=700)
    bars["LPS"] = tape.add(86.8, low=85.6, volume=600)
    tape.walk(93.0, 5)
    tape.walk(91.0, 2, volume=700)
    bars["BU"] = tape.add(90.2, low=89.0, volume=600)
    tape.walk(97.0, 6)
    result = read(tape)
    got = found(result)

    assert {name: at for name, at, _ in got} == bars
    assert len(got) == len(bars)
    # In the order in which they could be known; the forerunner and the climax with the bar after the climax.
    known = {name: known for name, _, known in got}
    assert known["PS"] == known["SC"] == bars["SC"] + 1
    assert known["SPRING"] == bars["SPRING"]
    assert known["TEST"] == bars["TEST"] + 1
    assert known["SOS"] == bars["SOS"] + RULES.sos_hold_bars
    assert known["LPS"] == bars["LPS"] + RULES.pivot_wing
    assert [known for _, _, known in got] == sorted(known for _, _, known in got)
    assert all(at <= known for _, at, known in got)


def test_the_same_upside_down_is_a_distribution() -> None:
    tape = Tape()
    bars = accumulation(tape)
    names = [(name, at) for name, at, _ in found(upside_down(tape))]

    assert names == [("PSY", bars["PS"]), ("BC", bars["SC"]), ("AR_TOP", bars["AR"]), ("ST_TOP", bars["ST"])]


def test_regime_and_phase_follow_the_structure() -> None:
    tape = Tape()
    bars = accumulation(tape)
    tested = len(tape.rows) - 1
    at = spring(tape)
    before_breakout = len(tape.rows)
    breakout = sign_of_strength(tape)
    tape.walk(99.0, 5)
    rows = read(tape).rows

    def state(bar: int) -> tuple[Regime, Phase]:
        return Regime(rows[bar].regime), Phase(rows[bar].phase)

    assert state(30)[0] is Regime.UNKNOWN
    assert state(bars["SC"])[1] is Phase.NONE
    assert state(bars["SC"] + 1) == (Regime.ACCUM, Phase.A)
    assert state(tested) == (Regime.ACCUM, Phase.B)
    assert state(at) == (Regime.ACCUM, Phase.C)
    assert state(before_breakout) == (Regime.ACCUM, Phase.C)
    assert state(breakout + 2) == (Regime.ACCUM, Phase.D)
    assert state(len(rows) - 1) == (Regime.MARKUP, Phase.E)
    # The range is known from the reaction on; its borders are those two extremes.
    assert np.isnan(rows[bars["AR"]].support)
    assert (rows[tested].support, rows[tested].start) == (79.0, bars["SC"])
    assert rows[tested].resistance == tape.bars.high[bars["AR"]]
    assert rows[tested].origin == 1
    assert rows[tested].touches_support >= 1


def test_after_the_break_the_structure_ends_and_is_remembered() -> None:
    tape = Tape()
    bars = accumulation(tape)
    sign_of_strength(tape)
    tape.walk(120.0, RULES.broken_bars + 2)
    row = read(tape).rows[-1]

    assert (row.structure, Phase(row.phase), Regime(row.regime)) == (0, Phase.NONE, Regime.MARKUP)
    assert row.last_height == tape.bars.high[bars["AR"]] - 79.0


@pytest.mark.parametrize(
    ("volume", "sub_type"), [(700.0, SubType.LOWVOL), (1150.0, SubType.NONE), (4000.0, SubType.SHAKEOUT)]
)
def test_a_spring_says_on_what_volume(volume: float, sub_type: SubType) -> None:
    tape = Tape()
    accumulation(tape)
    # Uneven volumes before it, so that a little more than usual is no shake-out.
    tape.walk(86.0, 2, volume=2500)
    at = spring(tape, volume)
    result = read(tape)
    event = result.events[result.events.event == Event.SPRING][0]

    assert (event.event_index, event.confirmed_index) == (at, at)
    assert SubType(event.sub_type) is sub_type
    assert event.price_level == 77.9
    assert event.volume_ratio == pytest.approx(volume / tape.bars.volume[at - 20 : at].mean())


def test_a_spring_is_known_when_the_close_is_back() -> None:
    tape = Tape()
    accumulation(tape)
    tape.walk(81.0, 4)
    tape.add(78.6, low=78.0, volume=800)
    at = tape.add(78.4, low=77.0, volume=800)
    back = tape.add(80.5)
    tape.walk(84.0, 3)

    assert only(read(tape), Event.SPRING) == [(at, back)]
    row = read(tape).rows[back]
    assert (row.break_index, row.break_bars) == (at - 1, 2)
    assert row.break_depth_share == pytest.approx((79.0 - 77.0) / 79.0)


@pytest.mark.parametrize("case", ["too deep", "too late", "too shallow for its time"])
def test_what_is_no_spring(case: str) -> None:
    tape = Tape()
    accumulation(tape)
    tape.walk(81.0, 4)
    if case == "too deep":
        tape.add(80.0, low=70.0)
    elif case == "too late":
        tape.walk(77.5, 5, volume=700)
    else:
        for _ in range(3):
            tape.add(78.8, low=78.5, volume=700)
    tape.walk(84.0, 3)
    assert only(read(tape), Event.SPRING) == []


def test_a_young_range_has_no_spring() -> None:
    tape = Tape()
    decline(tape)
    selling_climax(tape)
    tape.walk(87.0, 3)
    tape.walk(81.0, 4)
    tape.add(79.6, low=77.9, volume=700)
    tape.walk(84.0, 3)
    assert only(read(tape), Event.SPRING) == []


def test_a_lower_climax_is_a_new_event_that_names_the_first() -> None:
    tape = Tape()
    decline(tape)
    first = selling_climax(tape)
    tape.walk(80.5, 3)
    second = tape.add(77.0, low=74.5, volume=7000)
    tape.add(78.5)
    tape.walk(84.0, 4)
    result = read(tape)

    assert [at for at, _ in only(result, Event.SC)] == [first, second]
    climaxes = [k for k, one in enumerate(result.events) if one.event == Event.SC]
    assert result.events.replaces[climaxes].tolist() == [-1, climaxes[0]]
    # The forerunner belongs to the first and is not told twice.
    assert len(only(result, Event.PS)) == 1


def test_a_higher_rally_before_the_first_test_replaces_the_reaction() -> None:
    tape = Tape()
    decline(tape)
    climax = selling_climax(tape)
    first = tape.walk(87.0, 5)
    tape.walk(84.5, 2)
    second = tape.walk(90.0, 4)
    tape.walk(86.0, 3)
    result = read(tape)

    assert [at for at, _ in only(result, Event.AR)] == [first, second]
    reactions = [k for k, one in enumerate(result.events) if one.event == Event.AR]
    assert result.events.replaces[reactions].tolist() == [-1, reactions[0]]
    assert result.rows[-1].resistance == tape.bars.high[second]
    assert result.rows[-1].start == climax


def test_what_is_no_climax() -> None:
    for close, low, volume, lead in ((81.5, 79.0, 1100, True), (79.2, 79.0, 6000, True), (98.0, 95.5, 6000, False)):
        tape = Tape()
        if lead:
            decline(tape)
        tape.add(close, low=low, volume=volume)
        tape.walk(close + 2, 3)
        assert only(read(tape), Event.SC) == [], (close, low, volume)


def test_a_climax_that_is_undercut_at_once_is_none() -> None:
    tape = Tape()
    decline(tape)
    tape.add(81.5, low=79.0, volume=6000)
    tape.walk(70.0, 4)
    assert only(read(tape), Event.SC) == []


def turn(tape: Tape) -> int:
    """A low after the same decline that is wide and heavy, but not enough to be called a climax by itself."""
    at = tape.add(82.5, low=81.0, volume=1300)
    tape.add(83.5)
    return at


def test_a_turn_becomes_a_climax_by_what_follows() -> None:
    tape = Tape()
    decline(tape)
    at = turn(tape)
    row = read(tape).rows[-1]
    assert found(read(tape)) == []
    assert (Regime(row.regime), row.start) == (Regime.RANGE, at)

    for strength, called in ((0.0, True), (99.0, False)):
        rules = RULES._replace(late_strength=strength)
        later = Tape()
        decline(later)
        turn(later)
        rally = later.walk(93.0, 10)
        later.walk(89.0, 3)
        names = [(name, bar) for name, bar, _ in found(replay(later.bars, rules))]
        assert (("SC", at) in names) is called
        assert (("AR", rally) in names) is called


def test_a_sign_of_weakness_and_the_rallies_after_it() -> None:
    tape = Tape()
    accumulation(tape)
    tape.walk(81.0, 5)
    at = tape.add(77.0, volume=2500)
    known = tape.add(76.6)
    tape.walk(75.0, 3)
    tape.walk(79.0, 4, volume=700)
    rally = tape.add(79.6, high=80.4, volume=600)
    tape.walk(73.0, 6)
    result = read(tape)

    assert only(result, Event.SOW) == [(at, known)]
    assert only(result, Event.LPSY) == [(rally, rally + RULES.pivot_wing)]
    assert Regime(result.rows[known].regime) is Regime.DIST
    assert Regime(result.rows[-1].regime) is Regime.MARKDOWN


def test_a_break_that_fails_leads_back_into_the_range() -> None:
    tape = Tape()
    accumulation(tape)
    breakout = sign_of_strength(tape)
    tape.walk(81.0, 6)
    rows = read(tape).rows

    assert Phase(rows[breakout + 2].phase) is Phase.D
    assert Phase(rows[-1].phase) is Phase.B
    assert rows[-1].structure == rows[breakout].structure


def test_a_break_on_no_volume_is_no_sign_and_ends_the_range() -> None:
    tape = Tape()
    accumulation(tape)
    tape.walk(97.0, 20, volume=900)
    result = read(tape)

    assert only(result, Event.SOS) == []
    assert result.rows[-1].structure == 0


def test_upthrusts_early_and_after_weakness() -> None:
    tape = Tape()
    accumulation(tape)
    tape.walk(81.0, 4)
    early = tape.add(79.6, low=77.9, volume=700)
    tape.walk(84.5, 3)
    tape.walk(89.6, 6)
    tape.walk(81.0, 8)
    late = tape.add(79.6, low=77.7, volume=700)
    tape.walk(84.5, 3)
    got = upside_down(tape)

    assert only(got, Event.UT) == [(early, early)]
    assert only(got, Event.UTAD) == [(late, late)]
    assert Regime(got.rows[late].regime) is Regime.DIST
    assert Phase(got.rows[late].phase) is Phase.C


def test_a_range_lasts_no_longer_than_its_limit() -> None:
    tape = Tape()
    bars = accumulation(tape)
    for _ in range(30):
        tape.walk(83.0, 5)
        tape.walk(86.0, 5)
    rows = read(tape).rows

    assert rows[bars["SC"] + RULES.range_bars].start == bars["SC"]
    assert rows[bars["SC"] + RULES.range_bars + 1].structure == 0

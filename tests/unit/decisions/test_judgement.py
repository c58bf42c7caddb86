"""Ends of ideas, each worked out by hand, and what must hold for any walk."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kapman_assets.decisions.idea import Direction
from kapman_assets.decisions.judgement import PATIENCE, Bars, Ending, ExitReason, Held, judge
from tests.unit.decisions.ideas import LAST, Bar, bars, day, flat, terms

LATE = day(60)


def ended(found: Ending | Held) -> Ending:
    assert isinstance(found, Ending)
    return found


# Entry at 101. Stop 95, target 110.
@pytest.mark.parametrize(
    ("last_bar", "reason", "price"),
    [
        ((101.0, 102.0, 95.0, 96.0), "STOP", 95.0),  # to the cent
        ((101.0, 110.0, 100.0, 109.0), "TARGET", 110.0),
        ((101.0, 112.0, 94.0, 111.0), "STOP", 95.0),  # both: nothing tells which came first
        ((93.0, 96.0, 92.0, 95.5), "STOP", 93.0),  # a gap through the stop costs more than the stop says
        ((113.0, 114.0, 94.0, 94.5), "TARGET", 113.0),  # at the open the target came first, whatever followed
    ],
)
def test_a_long_idea_ends_at_a_level(last_bar: Bar, reason: str, price: float) -> None:
    found = ended(judge(terms(), bars(*flat(3), last_bar, *flat(30)), LATE))
    assert (found.session, found.reason, found.exit_price) == (day(4), reason, price)
    assert (found.entry_session, found.entry_price, found.sessions_held) == (day(1), 101.0, 4)


@pytest.mark.parametrize(
    ("last_bar", "reason", "price"),
    [
        ((99.0, 105.0, 98.0, 104.0), "STOP", 105.0),
        ((99.0, 100.0, 90.0, 91.0), "TARGET", 90.0),
        ((99.0, 106.0, 89.0, 91.0), "STOP", 105.0),
        ((107.0, 108.0, 106.0, 107.0), "STOP", 107.0),
        ((88.0, 108.0, 87.0, 107.0), "TARGET", 88.0),
    ],
)
def test_a_short_idea_is_its_mirror(last_bar: Bar, reason: str, price: float) -> None:
    found = ended(judge(terms("SHORT", 105.0, 90.0), bars(*flat(2, 99.0), last_bar), LATE))
    assert (found.session, found.reason, found.exit_price) == (day(3), reason, price)


@pytest.mark.parametrize("price", [95.0, 94.0, 110.0, 111.0])
def test_an_entry_beyond_a_level_is_void(price: float) -> None:
    found = judge(terms(), bars((price, 112.0, 90.0, 100.0), *flat(30)), LATE)
    assert found == Ending(day(1), ExitReason.VOID, day(1), price)


def test_the_entry_bar_can_end_it() -> None:
    found = ended(judge(terms(), bars((101.0, 103.0, 94.0, 96.0)), day(1)))
    assert (found.session, found.reason, found.exit_price, found.sessions_held) == (day(1), "STOP", 95.0, 1)


@pytest.mark.parametrize(("expires", "reason"), [(False, "HORIZON"), (True, "EXPIRY")])
def test_time_ends_it_at_the_last_close(expires: bool, reason: str) -> None:
    walk = bars(*flat(19), (101.0, 104.0, 100.0, 103.0), (60.0, 60.0, 60.0, 60.0))
    found = ended(judge(terms(expires=expires), walk, LATE))
    assert (found.session, found.reason, found.exit_price, found.sessions_held) == (LAST, reason, 103.0, 20)


def test_a_halt_before_the_entry_waits_for_the_first_bar() -> None:
    found = ended(judge(terms(), bars(*flat(1, 102.0), (96.0, 97.0, 90.0, 91.0), days=[3, 4]), LATE))
    assert (found.entry_session, found.entry_price, found.exit_price, found.sessions_held) == (day(3), 102.0, 95.0, 2)


def test_a_halt_at_the_end_is_judged_at_the_next_open() -> None:
    walk = bars(*flat(10), (104.0, 130.0, 60.0, 70.0), days=[*range(1, 11), 23])
    assert judge(terms(), walk, day(22)) == Held(day(1), 101.0)
    found = ended(judge(terms(), walk, day(23)))
    assert (found.session, found.reason, found.exit_price, found.sessions_held) == (day(23), "HORIZON", 104.0, 23)


def test_a_delisted_name_is_judged_at_its_last_close() -> None:
    walk = bars(*flat(6), (101.0, 101.5, 97.0, 98.0))
    deadline = day(20 + PATIENCE)
    assert judge(terms(), walk, day(24)) == Held(day(1), 101.0)
    found = ended(judge(terms(), walk, deadline))
    assert (found.session, found.reason, found.exit_price) == (deadline, "NO_BARS", 98.0)
    # A bar after the deadline comes too late.
    again = bars(*flat(6), (101.0, 101.5, 97.0, 98.0), (50.0, 50.0, 50.0, 50.0), days=[*range(1, 8), 26])
    assert judge(terms(), again, LATE) == found


def test_a_name_without_any_bar_was_never_entered() -> None:
    nothing = bars()
    assert judge(terms(), nothing, day(24)) == Held()
    assert judge(terms(), nothing, day(25)) == Ending(day(25), ExitReason.NO_BARS)


def test_open_until_something_ends_it() -> None:
    assert judge(terms(), bars(*flat(7)), day(7)) == Held(day(1), 101.0)
    assert judge(terms(), bars(), day(0)) == Held()


@pytest.mark.parametrize(
    ("direction", "stop", "target"),
    [
        ("SHORT", None, None),  # EXIT and CAUTION without levels
        ("SHORT", 95.0, 110.0),  # levels of what is held, not of the forecast
        ("NEUTRAL", 95.0, 110.0),
    ],
)
def test_without_levels_of_its_own_only_time_ends_it(direction: Direction, stop: float, target: float) -> None:
    walk = bars((101.0, 140.0, 70.0, 80.0), *flat(18), (99.0, 100.0, 90.0, 92.0))
    found = ended(judge(terms(direction, stop, target), walk, LATE))
    assert (found.reason, found.exit_price) == ("HORIZON", 92.0)


# Entry at 100, so that shares of the entry price are read off.
@pytest.mark.parametrize(
    ("walk", "moves"),
    [
        ([(100.0, 104.0, 99.0, 103.0), (103.0, 106.0, 94.0, 95.0)], (0.04, 0.05)),  # stop: its bar's high is unknown
        ([(100.0, 104.0, 99.0, 103.0), (103.0, 115.0, 96.0, 100.0)], (0.10, 0.04)),  # target: not beyond it
        ([(100.0, 104.0, 99.0, 103.0), (90.0, 115.0, 80.0, 100.0)], (0.04, 0.10)),  # gap: the open alone
        ([(100.0, 104.0, 99.0, 103.0), (112.0, 115.0, 80.0, 100.0)], (0.12, 0.01)),
    ],
)
def test_excursions(walk: list[Bar], moves: tuple[float, float]) -> None:
    found = ended(judge(terms(), bars(*walk), LATE))
    assert (found.favourable, found.adverse) == pytest.approx(moves)


def test_excursions_of_a_short_idea_are_turned_round() -> None:
    walk = bars((100.0, 104.0, 97.0, 98.0), (98.0, 99.0, 85.0, 86.0))
    found = ended(judge(terms("SHORT", 105.0, 90.0), walk, LATE))
    assert (found.favourable, found.adverse) == pytest.approx((0.10, 0.04))


def test_a_neutral_idea_has_no_excursions() -> None:
    found = ended(judge(terms("NEUTRAL"), bars(*flat(20)), LATE))
    assert (found.favourable, found.adverse) == (None, None)


@st.composite
def walks(draw: st.DrawFn) -> Bars:
    """Up to 30 sessions of bars with some missing."""
    counts = sorted(draw(st.sets(st.integers(1, 30), max_size=30)))
    values = []
    for _ in counts:
        low, high = sorted(draw(st.tuples(st.integers(85, 120), st.integers(85, 120))))
        values.append((draw(st.integers(low, high)), high, low, draw(st.integers(low, high))))
    return bars(*((float(o), float(h), float(lo), float(c)) for o, h, lo, c in values), days=counts)


def until(walk: Bars, session: date) -> Bars:
    count = sum(one <= session for one in walk.date)
    return Bars(walk.date[:count], *(values[:count] for values in walk[1:]))


@given(walks(), st.sampled_from([("LONG", 95.0, 110.0), ("SHORT", 110.0, 95.0), ("NEUTRAL", None, None)]))
@settings(deadline=None)
def test_a_session_is_judged_alike_whatever_follows(walk: Bars, idea: tuple[Direction, float, float]) -> None:
    what = terms(*idea)
    whole = ended(judge(what, walk, LATE))
    for count in range(30):
        found = judge(what, until(walk, day(count)), day(count))
        assert found == judge(what, walk, day(count))
        assert (found == whole) == (day(count) >= whole.session)
        assert isinstance(found, Held) == (day(count) < whole.session)


@given(walks())
@settings(deadline=None)
def test_a_mirrored_market_mirrors_the_end(walk: Bars) -> None:
    # Prices p become 200 - p, highs become lows, and levels likewise: the same ends at mirrored prices.
    mirrored = Bars(walk.date, 200 - walk.open, 200 - walk.low, 200 - walk.high, 200 - walk.close)
    long, short = judge(terms(), walk, LATE), judge(terms("SHORT", 105.0, 90.0), mirrored, LATE)
    assert replace(ended(long), favourable=None, adverse=None) == replace(
        ended(short),
        entry_price=None if ended(short).entry_price is None else 200 - ended(short).entry_price,  # type: ignore[operator]
        exit_price=None if ended(short).exit_price is None else 200 - ended(short).exit_price,  # type: ignore[operator]
        favourable=None,
        adverse=None,
    )


@given(walks(), st.sampled_from([("LONG", 95.0, 110.0), ("SHORT", 110.0, 95.0)]))
@settings(deadline=None)
def test_what_an_ending_must_be(walk: Bars, idea: tuple[Direction, float, float]) -> None:
    found = ended(judge(terms(*idea), walk, LATE))
    assert day(0) < found.session <= day(20 + PATIENCE)
    if found.exit_price is None or found.entry_price is None:
        assert found.reason in {"VOID", "NO_BARS"}
        return
    moved = (found.exit_price / found.entry_price - 1) * (1 if idea[0] == "LONG" else -1)
    assert found.favourable is not None
    assert found.adverse is not None
    assert found.favourable >= 0 <= found.adverse
    assert -found.adverse - 1e-12 <= moved <= found.favourable + 1e-12
    if found.reason == "STOP":
        assert found.adverse == pytest.approx(-moved)
    if found.reason == "TARGET":
        assert found.favourable == pytest.approx(moved)
    assert np.isfinite(moved)

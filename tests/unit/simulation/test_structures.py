"""Planted structures: their labels and the shape that the prices take around them."""

from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kapman_resources.sessions import sessions_between
from kapman_resources.simulation import SessionBars, simulate
from kapman_resources.simulation.structures import EVENT_SHAPES, TEMPLATES, PlannedEvent, draw_block
from kapman_resources.simulation.universe import build_universe
from tests.unit.simulation.markets import label, plan_of, walked

FIRST, LAST = date(2024, 1, 2), date(2025, 12, 31)
EVENTS = {
    *("PS", "SC", "AR", "ST", "SPRING", "TEST", "SOS", "LPS", "BU"),
    *("PSY", "BC", "AR_TOP", "ST_TOP", "UT", "UTAD", "SOW", "LPSY"),
}


@pytest.fixture(scope="module")
def quiet() -> list[SessionBars]:
    """A market whose structures carry no noise and whose prices never split."""
    plan = plan_of(
        first_session=FIRST,
        names=150,
        structure_share=1.0,
        structure_noise=0.0,
        forward_splits_per_year=0.0,
        reverse_splits_per_year=0.0,
    )
    return walked(plan, LAST)[1]


def by_structure(bars: list[SessionBars]) -> dict[str, list[PlannedEvent]]:
    structures = defaultdict(list)
    for session in bars:
        for event in session.events:
            structures[event.structure].append(event)
    return structures


def test_the_seventeen_events_all_occur(quiet: list[SessionBars]) -> None:
    assert set(EVENT_SHAPES) == EVENTS
    assert {event.event for session in quiet for event in session.events} == EVENTS


def test_labels_are_ordered_and_inside_the_listed_life(tmp_path: Path) -> None:
    plan = plan_of(first_session=FIRST, names=120, structure_share=1.0, delistings_per_year=1.0)
    simulate(tmp_path, plan, through=date(2024, 12, 31))
    lives = {row["symbol"]: row for row in label(tmp_path, "listings.csv")}
    halted = {(row["symbol"], row["session"]) for row in label(tmp_path, "halts.csv")}
    structures = defaultdict(list)
    for row in label(tmp_path, "wyckoff.csv"):
        life = lives[row["symbol"]]
        assert life["listed"] < row["session"]
        assert not life["delisted"] or row["session"] < life["delisted"]
        assert (row["symbol"], row["session"]) not in halted
        structures[row["symbol"], row["structure"], row["template"]].append((row["session"], row["event"]))
    assert len(structures) > 20
    for (_, _, template), events in structures.items():
        planned = [point.event for point in TEMPLATES[template] if point.event]
        # The market may end inside a structure: what is still to come has no label.
        assert [event for _, event in events] == planned[: len(events)]
        days = [day for day, _ in events]
        assert days == sorted(set(days))


def test_structures_last_70_to_160_sessions() -> None:
    plan = plan_of(first_session=FIRST, names=300, structure_share=1.0)
    securities = build_universe(plan)
    steps = draw_block(plan, securities, np.full(len(securities), 0.02), 0).steps
    durations = (~np.isnan(steps)).sum(axis=0)
    lasting = durations[durations > 0]
    # The jitter of the last waypoint moves the end by a few sessions.
    assert 60 < lasting.min() < 85
    assert 145 < lasting.max() < 172


def test_prices_follow_the_template(quiet: list[SessionBars]) -> None:
    def close(event: PlannedEvent) -> float:
        return float(quiet[event.session].close[event.name])

    checked = 0
    for events in by_structure(quiet).values():
        at = {event.event: close(event) for event in events}
        if events[0].template == "accumulation_spring" and "BU" in at:
            # Retests are drawn around the border and may cross it a little; breaks never fall short.
            assert at["SPRING"] < at["SC"] < at["AR"] < at["SOS"]
            assert at["SPRING"] < min(at["ST"], at["TEST"])
            assert max(at["ST"], at["TEST"]) < at["AR"]
            checked += 1
        if events[0].template == "distribution_utad" and "LPSY" in at:
            assert at["UTAD"] > at["UT"] > at["BC"] > at["AR_TOP"] > at["SOW"]
            assert at["ST_TOP"] > at["AR_TOP"]
            assert at["SOW"] < at["LPSY"] < at["BC"]
            checked += 1
    assert checked > 10


def test_climaxes_are_loud_and_tests_are_quiet(quiet: list[SessionBars]) -> None:
    ratios = defaultdict(list)
    for session in quiet:
        for event in session.events:
            if event.session >= 20:
                usual = np.mean([quiet[event.session - back].volume[event.name] for back in range(1, 21)])
                ratios[event.event].append(session.volume[event.name] / usual)
    medians = {event: np.median(values) for event, values in ratios.items()}
    assert min(medians["SC"], medians["BC"]) > 2
    assert max(medians["TEST"], medians["LPS"], medians["LPSY"]) < 1
    assert min(medians["SOS"], medians["SOW"]) > 1.3


def test_events_are_not_clean() -> None:
    """With the ordinary noise a fixed volume threshold separates neither all climaxes nor only climaxes."""
    plan = plan_of(first_session=FIRST, names=250)
    bars = walked(plan, LAST)[1]
    volumes = np.array([session.volume for session in bars])
    loud = [
        volumes[event.session, event.name] / volumes[event.session - 20 : event.session, event.name].mean()
        for session in bars
        for event in session.events
        if event.event in {"SC", "BC"} and event.session >= 20
    ]
    share = np.mean(np.array(loud) > 2.5)
    assert 0.5 < share < 0.95


def test_no_structures_without_their_share() -> None:
    plan = plan_of(first_session=FIRST, structure_share=0.0)
    assert not any(session.events for session in walked(plan, LAST)[1])


def test_blocks_do_not_depend_on_each_other(quiet: list[SessionBars]) -> None:
    for events in by_structure(quiet).values():
        block = int(events[0].structure.rpartition(":")[2])
        assert all(event.session // 260 == block for event in events)
        assert all(a.session + 2 <= b.session for a, b in pairwise(events))
    assert len(sessions_between(FIRST, LAST)) > 260

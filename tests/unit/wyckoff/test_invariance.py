"""No row of a session knows a later bar, or how much older history is stored: random cuts, simulated and recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kapman_assets.wyckoff.engine import replay
from kapman_assets.wyckoff.features import Bars
from kapman_assets.wyckoff.parameters import Parameters
from kapman_assets.wyckoff.reading import Reading, SymbolBars, read_session, read_sessions
from tests.unit.wyckoff.series import bars_of, cut, planted, recorded, symbol

CUTS = 200
PARAMETERS = Parameters()


def assert_same_beginning(bars: Bars, at: int) -> int:
    """Everything known of the first `at` bars is the same with and without the later ones; how many events."""
    whole, part = replay(bars, PARAMETERS.detection), replay(cut(bars, 0, at), PARAMETERS.detection)
    known = whole.events[whole.events.confirmed_index < at]

    assert known.tobytes() == part.events.tobytes()
    assert whole.rows[:at].tobytes() == part.rows.tobytes()
    for name, values in whole.features._asdict().items():
        assert values[:at].tobytes() == getattr(part.features, name).tobytes(), name
    return len(known)


def everything(reading: Reading) -> dict[str, Any]:
    """A reading as plain values that can be compared, NaN included."""
    values = dict(vars(reading))
    for name in ("bc", "spring"):
        score = values.pop(name)
        values[name] = None if score is None else repr(score)
    return values | {"json": (reading.events_json, reading.checklist_json)}


def test_events_and_rows_of_simulated_bars_know_nothing_later() -> None:
    rng = np.random.default_rng(1)
    events = 0
    for seed in range(CUTS):
        bars = planted(seed)
        events += assert_same_beginning(bars, int(rng.integers(1, len(bars.close))))
    assert events > 300


@pytest.mark.real_data
def test_events_and_rows_of_recorded_bars_know_nothing_later(real_data: Path) -> None:
    rng = np.random.default_rng(2)
    market = list(recorded(real_data, 50).values())
    events = 0
    for k in range(CUTS):
        bars = market[k % len(market)].bars
        events += assert_same_beginning(bars, int(rng.integers(1, len(bars.close))))
    assert len(market) == 50
    assert events > 300


def test_a_session_reads_the_same_alone_in_a_range_and_without_older_history() -> None:
    rng = np.random.default_rng(3)
    parameters = replace(PARAMETERS, replay_bars=150)
    for seed in range(20):
        bars = planted(seed)
        count = len(bars.close)
        market = np.cumprod(1 + rng.normal(0, 0.01, count))
        whole = replace(symbol(bars), market=market, sentiment=rng.uniform(size=count))
        readings = {reading.session: everything(reading) for reading in read_sessions(whole, parameters, last=60)}
        for last in rng.integers(count - 60, count, 10):
            for first in (0, max(last - 150 + 1, 0)):
                part = SymbolBars(
                    whole.sessions[first : last + 1],
                    cut(bars, first, last + 1),
                    market=market[first : last + 1],
                    sentiment=None if whole.sentiment is None else whole.sentiment[first : last + 1],
                )
                alone = read_session(part, parameters)
                assert alone is not None
                assert everything(alone) == readings[alone.session]


@pytest.mark.real_data
def test_recorded_sessions_read_the_same_alone_and_in_a_range(real_data: Path) -> None:
    rng = np.random.default_rng(4)
    market = recorded(real_data, 20)
    assert len(market) == 20
    for whole in market.values():
        count = len(whole.sessions)
        readings = {reading.session: everything(reading) for reading in read_sessions(whole, PARAMETERS, last=20)}
        for last in rng.integers(count - 20, count, 10):
            part = SymbolBars(whole.sessions[: last + 1], cut(whole.bars, 0, last + 1))
            alone = read_session(part, PARAMETERS)
            assert alone is not None
            assert everything(alone) == readings[alone.session]


def test_a_later_split_changes_no_earlier_session() -> None:
    for seed in range(12):
        adjusted = planted(seed)
        count = len(adjusted.close)
        day = count - 10
        # As traded: before the split of 3 for 1 prices were three times as high.
        factor = np.where(np.arange(count) < day, 1 / 3, 1.0)
        traded = bars_of([*(values / factor for values in adjusted[:4]), adjusted.volume * factor])
        whole = SymbolBars(symbol(adjusted).sessions, traded, factor=factor)
        for reading in read_sessions(whole, PARAMETERS, last=20):
            last = whole.sessions.index(reading.session)
            known = factor[: last + 1] if last >= day else np.ones(last + 1)
            part = SymbolBars(whole.sessions[: last + 1], cut(traded, 0, last + 1), factor=known)
            alone = read_session(part, PARAMETERS)
            assert alone is not None
            assert everything(alone) == everything(reading)


def test_the_window_is_what_is_read() -> None:
    # That the test above can fail: with a shorter window an early climax is forgotten.
    bars = planted(0)
    short = read_session(symbol(bars), replace(PARAMETERS, replay_bars=80))
    whole = read_session(symbol(bars), PARAMETERS)

    assert short is not None
    assert whole is not None
    assert (short.bars_read, whole.bars_read) == (80, len(bars.close))
    assert everything(short) != everything(whole)

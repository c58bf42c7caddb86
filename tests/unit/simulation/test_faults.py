"""Every bad row is in the labels, every kind occurs, and nothing else is bad."""

import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from kapman_resources.simulation import simulate
from kapman_resources.simulation.faults import FAULT_KINDS, TEST_KIND
from kapman_resources.simulation.universe import TEST_SYMBOLS
from tests.unit.simulation.markets import LAST, bars, day_files, label, plan_of

FAULT_RATE = 0.1
COLUMNS = ["volume", "open", "close", "high", "low", "window_start", "transactions"]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("spoilt")
    simulate(directory, plan_of(fault_rate=FAULT_RATE), through=LAST)
    return directory


@pytest.fixture(scope="module")
def true_bars(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    directory = tmp_path_factory.mktemp("true")
    simulate(directory, plan_of(fault_rate=0), through=LAST)
    return bars(directory).set_index(["session", "ticker"])


def kinds_of(row: pd.Series) -> set[str]:
    """What is wrong with one row by itself, judged from its cells alone."""
    prices = [float(row[column]) for column in ("open", "close", "high", "low")]
    day = datetime.fromtimestamp(int(row["window_start"]) / 1e9, UTC).astimezone(ZoneInfo("America/New_York"))
    found = {
        "wrong_day": day.date() != row["session"],
        "high_below_low": float(row["high"]) < float(row["low"]) and min(prices) > 0 and max(prices) < math.inf,
        "non_positive_price": any(price <= 0 for price in prices),
        "nan": any(math.isnan(price) for price in prices),
        "inf": any(math.isinf(price) for price in prices),
        "zero_volume": float(row["volume"]) == 0,
        "negative_volume": float(row["volume"]) < 0,
        "long_symbol": len(row["ticker"]) == 30,
        "empty_ticker": row["ticker"] == "",
        TEST_KIND: row["ticker"] in TEST_SYMBOLS,
    }
    return {kind for kind, is_found in found.items() if is_found}


def test_the_labels_are_exactly_the_bad_rows(spoilt: Path) -> None:
    labelled = Counter((row["session"], row["kind"]) for row in label(spoilt, "faults.csv"))
    found: Counter[tuple[str, str]] = Counter()
    for session, rows in day_files(spoilt).items():
        for _, row in rows.assign(session=session).iterrows():
            found.update((str(session), kind) for kind in kinds_of(row))
        found.update([(str(session), "duplicate")] * int(rows["ticker"][rows["ticker"] != ""].duplicated().sum()))
    assert found == labelled
    assert {kind for _, kind in labelled} == {*FAULT_KINDS, TEST_KIND}


def test_the_rate_is_the_plans(spoilt: Path, true_bars: pd.DataFrame) -> None:
    bad = sum(row["kind"] != TEST_KIND for row in label(spoilt, "faults.csv"))
    deviation = math.sqrt(len(true_bars) * FAULT_RATE * (1 - FAULT_RATE))
    assert abs(bad - FAULT_RATE * len(true_bars)) < 4 * deviation


def test_rows_without_a_label_are_true(spoilt: Path, true_bars: pd.DataFrame) -> None:
    rows = bars(spoilt).set_index(["session", "ticker"])
    labels = label(spoilt, "faults.csv")
    touched = {(row["session"], row["symbol"]) for row in labels}
    untouched = true_bars[[(str(s), t) not in touched for s, t in true_bars.index]]
    pd.testing.assert_frame_equal(rows.loc[untouched.index, COLUMNS], untouched[COLUMNS])
    assert len(rows) == len(true_bars) + sum(row["kind"] in {"duplicate", TEST_KIND} for row in labels)


def test_a_duplicate_has_fewer_transactions_and_stands_on_either_side(spoilt: Path, true_bars: pd.DataFrame) -> None:
    rows = bars(spoilt)
    is_first = []
    for fault in label(spoilt, "faults.csv"):
        if fault["kind"] != "duplicate":
            continue
        session = datetime.fromisoformat(fault["session"]).date()
        pair = rows[(rows["session"] == session) & (rows["ticker"] == fault["symbol"])]
        truth = true_bars.xs((session, fault["symbol"]))
        is_true = pair["transactions"] == truth["transactions"]
        assert list(is_true) in ([True, False], [False, True])
        other = pair[~is_true].iloc[0]
        assert 1 <= other["transactions"] < truth["transactions"]
        assert other["close"] != truth["close"]
        assert (pair[is_true].iloc[0][COLUMNS] == truth[COLUMNS]).all()
        is_first.append(bool(is_true.iloc[1]))
    assert set(is_first) == {True, False}


def test_each_session_has_two_or_three_test_symbols(spoilt: Path) -> None:
    counts = Counter(row["session"] for row in label(spoilt, "faults.csv") if row["kind"] == TEST_KIND)
    assert set(counts) == {str(session) for session in day_files(spoilt)}
    assert set(counts.values()) == {2, 3}


def test_without_faults_no_row_is_bad(clean_market: Path) -> None:
    assert label(clean_market, "faults.csv") == []
    assert not bars(clean_market)["ticker"].isin(TEST_SYMBOLS).any()

"""Day files in the vendor's layout, and rows for exactly the names that trade."""

import gzip
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from kapman_resources.sessions import sessions_between
from tests.unit.simulation.markets import FIRST, LAST, bars, day_files, label

DECIMAL_VOLUMES_SINCE = date(2026, 2, 23)


def test_layout_and_header(market: Path) -> None:
    root = market / "flatfiles/us_stocks_sip/day_aggs_v1"
    expected = [root / f"{day:%Y/%m}" / f"{day}.csv.gz" for day in sessions_between(FIRST, LAST)]
    assert sorted(root.rglob("*.gz")) == expected
    for path in expected:
        data = path.read_bytes()
        assert data[4:8] == bytes(4)  # the time in the gzip header
        header = gzip.decompress(data).split(b"\n")[0]
        assert header == b"ticker,volume,open,close,high,low,window_start,transactions"


def test_rows_ascend_by_symbol(market: Path, clean_market: Path) -> None:
    for directory in (market, clean_market):
        for rows in day_files(directory).values():
            assert list(rows["ticker"]) == sorted(rows["ticker"])


def test_window_start_is_midnight_in_new_york(clean_market: Path) -> None:
    hours = set()
    for session, rows in day_files(clean_market).items():
        (start,) = set(rows["window_start"])
        instant = datetime.fromtimestamp(int(start) / 1e9, UTC)
        local = instant.astimezone(ZoneInfo("America/New_York"))
        assert (local.date(), local.hour, local.minute) == (session, 0, 0)
        hours.add(instant.hour)
    assert hours == {4, 5}


def test_volumes_have_decimals_from_their_day_on_only(clean_market: Path) -> None:
    for session, rows in day_files(clean_market).items():
        decimals = [len(cell.partition(".")[2]) for cell in rows["volume"]]
        assert max(decimals) == (6 if session >= DECIMAL_VOLUMES_SINCE else 0)


def test_prices_have_four_decimals_and_fit_together(clean_market: Path) -> None:
    for rows in day_files(clean_market).values():
        for column in ("open", "close", "high", "low"):
            assert max(len(cell.partition(".")[2]) for cell in rows[column]) <= 4
    rows = bars(clean_market)
    assert (rows["low"] >= 0.01).all()
    assert (rows["low"] <= rows[["open", "close"]].min(axis=1)).all()
    assert (rows["high"] >= rows[["open", "close"]].max(axis=1)).all()
    assert (rows["volume"] > 0).all()
    assert rows["transactions"].between(2, rows["volume"]).all()
    assert not rows.duplicated(["ticker", "session"]).any()


def test_rows_are_those_of_listed_names_that_are_not_halted(clean_market: Path) -> None:
    halted = {(row["symbol"], row["session"]) for row in label(clean_market, "halts.csv")}
    listings = label(clean_market, "listings.csv")
    expected = {
        (row["symbol"], str(session))
        for row in listings
        for session in sessions_between(FIRST, LAST)
        if row["listed"] <= str(session) and not (row["delisted"] and row["delisted"] <= str(session))
    }
    assert halted
    assert halted < expected
    assert any(row["delisted"] for row in listings)
    assert any(row["listed"] > str(FIRST) for row in listings)
    rows = bars(clean_market)
    assert set(zip(rows["ticker"], rows["session"].astype(str), strict=True)) == expected - halted


def test_halts_last_one_to_five_sessions(clean_market: Path) -> None:
    sessions = [str(session) for session in sessions_between(FIRST, LAST)]
    rows = bars(clean_market)
    for symbol in {row["symbol"] for row in label(clean_market, "halts.csv")}:
        printed = sorted(rows.loc[rows["ticker"] == symbol, "session"].astype(str).map(sessions.index))
        gaps = [after - before - 1 for before, after in pairwise(printed)]
        assert max(gaps, default=0) <= 5


def test_symbols_that_differ_in_case_only_trade_side_by_side(market: Path) -> None:
    for rows in day_files(market).values():
        assert {"TEPA", "TEpA"} <= set(rows["ticker"])

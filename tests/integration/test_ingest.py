"""Sessions from files into the warehouse: whole, replaced, missing, broken, at once, and cut short."""

import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from kapman_assets.market import ohlcv_store
from kapman_assets.market.ingest import IngestReport, ingest_sessions
from kapman_resources import database, embedded
from kapman_resources.flatfiles import FlatFiles
from kapman_resources.polygon import Polygon, RecordedPages
from tests.conftest import open_directory
from tests.market_files import Bar, day_file, line, write_day

MON, TUE, WED = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
A: Bar = (10.0, 11.0, 9.5, 10.5, 1000.0)
B: Bar = (0.25, 0.26, 0.24, 0.25, 17798.430378)
WHOLE = day_file([line(f"N{n}", MON, A) for n in range(500)])
LATER = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def ingest(engine: sa.Engine, files: Path) -> Callable[..., IngestReport]:
    """Ingest sessions from `files` as of some instant."""

    def run(*sessions: date, now: datetime = LATER, polygon: Polygon | None = None, run_id: str = "r") -> IngestReport:
        client = FlatFiles.in_directory(files, clock=lambda: now)
        return ingest_sessions(engine, client, polygon, sessions, run_id=run_id)

    return run


def rows(engine: sa.Engine, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query), values)]


def bars(engine: sa.Engine, session: date) -> dict[str, tuple[Any, ...]]:
    query = "SELECT symbol, open, high, low, close, volume FROM v_ohlcv WHERE date = :d"
    return {symbol: tuple(values) for symbol, *values in rows(engine, query, d=session)}


def last_dates(engine: sa.Engine) -> dict[str, date | None]:
    return dict(rows(engine, "SELECT symbol, last_ohlcv_date FROM tickers"))  # type: ignore[arg-type]


def test_every_value_is_the_files(engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]) -> None:
    write_day(files, MON, {"AAPL": A, "BACpL": B, "BACPL": A})
    report = ingest(MON)
    assert bars(engine, MON) == {"AAPL": A, "BACpL": B, "BACPL": A}
    assert report.done[0].report.new_symbols == ("AAPL", "BACPL", "BACpL")
    assert rows(engine, "SELECT DISTINCT universe_tier, is_active FROM tickers") == [("polygon_full", True)]
    assert set(last_dates(engine).values()) == {MON}


def test_refused_rows_are_kept_with_the_reason(
    engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]
) -> None:
    bad = line("LOWX", MON, (1.0, 2.0, 3.0, 2.0, 10.0))
    write_day(files, MON, day_file([line("AAPL", MON, A), bad, line("ZVZZT", MON, A)]))
    ingest(MON)
    kept = rows(engine, 'SELECT line, symbol, reason, "row" FROM ohlcv_quarantine ORDER BY line')
    assert [(number, symbol, reason) for number, symbol, reason, _ in kept] == [
        (3, "LOWX", "high is below low"),
        (4, "ZVZZT", "exchange test ticker"),
    ]
    assert kept[0][3]["low"] == "3.0"
    assert rows(engine, "SELECT rows_read, rows_stored, rows_refused FROM ohlcv_sessions") == [(3, 1, 2)]


def test_a_session_is_replaced_whole(engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]) -> None:
    write_day(files, MON, {"AAPL": A, "OLD": A})
    write_day(files, TUE, {"AAPL": A, "OLD": A, "GONE": A})
    ingest(MON, TUE)
    write_day(files, TUE, {"AAPL": B})
    report = ingest(TUE, run_id="second")
    assert report.done[0].report.replaced
    assert bars(engine, TUE) == {"AAPL": B}
    assert bars(engine, MON) == {"AAPL": A, "OLD": A}
    # OLD's newest bar is Monday's again, GONE has none left.
    assert last_dates(engine) == {"AAPL": TUE, "OLD": MON, "GONE": None}


def test_the_same_file_gives_the_same_rows(engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]) -> None:
    write_day(files, MON, {"AAPL": A, "B": B})
    ingest(MON)
    first = rows(engine, "SELECT * FROM ohlcv ORDER BY ticker_id")
    ingest(MON, run_id="again")
    assert rows(engine, "SELECT * FROM ohlcv ORDER BY ticker_id") == first


def test_one_session_or_a_range_in_any_order_is_the_same(
    engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]
) -> None:
    for day, price in ((MON, 1.0), (TUE, 2.0), (WED, 3.0)):
        write_day(files, day, {"AAPL": (price, price, price, price, price)})
    ingest(WED, MON, TUE)
    together = rows(engine, "SELECT symbol, date, close FROM v_ohlcv ORDER BY date")
    for day in (MON, WED, TUE):
        ingest(day, run_id=str(day))
    assert rows(engine, "SELECT symbol, date, close FROM v_ohlcv ORDER BY date") == together
    assert last_dates(engine) == {"AAPL": WED}


def recorded_rest(root: Path, session: date, results: list[dict[str, Any]]) -> Polygon:
    folder = root / f"v2/aggs/grouped/locale/us/market/stocks/{session.isoformat()}"
    folder.mkdir(parents=True)
    page = {"adjusted": False, "resultsCount": len(results), "results": results, "status": "OK"}
    (folder / "0001.json.gz").write_bytes(gzip.compress(json.dumps(page).encode()))
    return Polygon(RecordedPages(root))


def test_rest_fills_in_until_the_file_is_there(
    engine: sa.Engine, files: Path, tmp_path: Path, ingest: Callable[..., IngestReport]
) -> None:
    close_ms = int(datetime(2026, 3, 2, 21, tzinfo=UTC).timestamp() * 1000)
    bar = {"T": "AAPL", "v": 5, "vw": 10.25, "o": 10, "c": 10.5, "h": 11, "l": 9.5, "t": close_ms, "n": 3}
    polygon = recorded_rest(tmp_path / "rest", MON, [bar])
    evening = datetime(2026, 3, 2, 22, tzinfo=UTC)
    report = ingest(MON, now=evening, polygon=polygon)
    assert not report.done[0].late
    assert rows(engine, "SELECT source, vwap FROM ohlcv") == [("rest", 10.25)]
    assert rows(engine, "SELECT source, etag FROM ohlcv_sessions") == [("rest", None)]
    write_day(files, MON, {"AAPL": A})
    ingest(MON, now=LATER, polygon=polygon, run_id="with the file")
    assert rows(engine, "SELECT source, vwap FROM ohlcv") == [("flatfile", None)]


def test_a_late_file_is_said_to_be_late(tmp_path: Path, ingest: Callable[..., IngestReport]) -> None:
    close_ms = int(datetime(2026, 3, 2, 21, tzinfo=UTC).timestamp() * 1000)
    bar = {"T": "AAPL", "v": 5, "o": 10, "c": 10.5, "h": 11, "l": 9.5, "t": close_ms}
    report = ingest(MON, polygon=recorded_rest(tmp_path / "rest", MON, [bar]))
    assert report.done[0].late


def test_without_a_file_or_rest_a_session_is_pending_and_then_late(
    engine: sa.Engine, ingest: Callable[..., IngestReport]
) -> None:
    due = datetime(2026, 3, 3, 16, 30, tzinfo=UTC)  # 11:30 in New York
    assert ingest(MON, now=due.replace(minute=29)).pending == [MON]
    late = ingest(MON, now=due)
    assert "due by" in late.failed[MON]
    assert rows(engine, "SELECT count(*) FROM ohlcv_sessions") == [(0,)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        day_file([]),
        gzip.compress(b""),
        gzip.compress(b"ticker,open\nAAPL,1\n"),
        WHOLE[: len(WHOLE) * 6 // 10],
        b"<html>not a file</html>",
    ],
    ids=["empty", "header only", "empty gzip", "columns missing", "cut off", "not gzip"],
)
def test_a_broken_file_changes_nothing_and_the_others_are_stored(
    engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport], content: bytes
) -> None:
    write_day(files, MON, {"AAPL": A})
    ingest(MON)
    write_day(files, MON, content)
    write_day(files, TUE, {"AAPL": B})
    report = ingest(MON, TUE, run_id="again")
    assert list(report.failed) == [MON]
    assert MON.isoformat() in report.failed[MON]
    assert bars(engine, MON) == {"AAPL": A}
    assert bars(engine, TUE) == {"AAPL": B}


def test_a_file_without_one_usable_row_replaces_nothing(
    engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]
) -> None:
    write_day(files, MON, {"AAPL": A, "MSFT": A})
    ingest(MON)
    # Tuesday's file under Monday's key.
    write_day(files, MON, day_file([line("AAPL", TUE, A), line("MSFT", TUE, A), line("ZVZZT", TUE, A)]))
    report = ingest(MON, run_id="again")
    assert report.done == []
    assert "not one of 3 rows can be used (2 x window_start is not in the session" in report.failed[MON]
    assert bars(engine, MON) == {"AAPL": A, "MSFT": A}
    assert last_dates(engine) == {"AAPL": MON, "MSFT": MON}
    # Where there was nothing, nothing is lost by keeping what was refused, and why.
    write_day(files, TUE, day_file([line("AAPL", MON, A)]))
    assert ingest(TUE).done[0].report.refused == 1
    assert rows(engine, "SELECT reason FROM ohlcv_quarantine WHERE date = '2026-03-03'") == [
        ("window_start is not in the session",)
    ]


def test_a_retried_run_takes_only_what_is_missing(files: Path, ingest: Callable[..., IngestReport]) -> None:
    write_day(files, MON, {"AAPL": A})
    ingest(MON, run_id="one run")
    write_day(files, TUE, {"AAPL": A})
    report = ingest(MON, TUE, run_id="one run")
    assert [entry.session for entry in report.done] == [TUE]


def test_two_runs_of_the_same_sessions_at_once_leave_one_set_of_rows(
    engine: sa.Engine, files: Path, ingest: Callable[..., IngestReport]
) -> None:
    names = {f"N{n}X": A for n in range(300)}
    days = [MON, TUE, WED]
    for day in days:
        write_day(files, day, names)
    problems: list[BaseException] = []

    def run(order: list[date], run_id: str) -> None:
        try:
            for day in order:
                ingest(day, run_id=run_id)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(days if n % 2 else days[::-1], f"run {n}")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert rows(engine, "SELECT count(*), count(DISTINCT (ticker_id, date)) FROM ohlcv") == [(900, 900)]
    assert rows(engine, "SELECT count(*), count(DISTINCT symbol) FROM tickers") == [(300, 300)]
    assert rows(engine, "SELECT count(*) FROM ohlcv_sessions") == [(3,)]


KILLED = """
import os, signal, sys
from datetime import UTC, date, datetime
from pathlib import Path
from kapman_assets.market import ohlcv_store
from kapman_assets.market.ingest import ingest_sessions
from kapman_resources import database
from kapman_resources.flatfiles import FlatFiles

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

# After the new rows are in, before the transaction ends.
ohlcv_store._touch_tickers = die
engine = database.make_engine(sys.argv[1], application_name="to be killed")
ingest_sessions(engine, FlatFiles.in_directory(Path(sys.argv[2])), None, [date(2026, 3, 2)], run_id="killed")
"""


def test_a_killed_run_leaves_the_old_partition_and_the_next_repairs(
    engine: sa.Engine, warehouse_url: str, files: Path, ingest: Callable[..., IngestReport]
) -> None:
    write_day(files, MON, {"AAPL": A})
    ingest(MON)
    write_day(files, MON, {"AAPL": B, "NEW": B})
    killed = subprocess.run([sys.executable, "-c", KILLED, warehouse_url, str(files)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert bars(engine, MON) == {"AAPL": A}
    assert rows(engine, "SELECT count(*) FROM tickers WHERE symbol = 'NEW'") == [(0,)]
    ingest(MON, run_id="repair")
    assert bars(engine, MON) == {"AAPL": B, "NEW": B}


def test_a_database_that_restarts_in_the_middle_loses_nothing(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = open_directory() / "postgres"
    server = embedded.start(data_dir)
    url = server.url(embedded.WAREHOUSE)
    database.upgrade(url)
    engine = database.make_engine(url, application_name="test")
    for day in (MON, TUE):
        write_day(files, day, {"AAPL": A})
    written = ohlcv_store._record
    stopped: list[date] = []

    def stop_the_server(connection: sa.Connection, day: Any, origin: Any) -> None:
        if day.session == MON and not stopped:
            stopped.append(MON)
            os.kill(server.pid, signal.SIGINT)  # fast shutdown: open connections are cut
            time.sleep(1)
        written(connection, day, origin)

    monkeypatch.setattr(ohlcv_store, "_record", stop_the_server)
    client = FlatFiles.in_directory(files)
    with pytest.raises((sa.exc.OperationalError, psycopg.OperationalError)):
        ingest_sessions(engine, client, None, [MON, TUE], run_id="r")
    embedded.start(data_dir)
    assert bars(engine, TUE) == {"AAPL": A}
    assert bars(engine, MON) == {}
    report = ingest_sessions(engine, client, None, [MON, TUE], run_id="r")
    assert [entry.session for entry in report.done] == [MON]
    assert bars(engine, MON) == {"AAPL": A}
    engine.dispose()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A directory on a file system of 160 MB."""
    place = open_directory()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(place)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_named_and_a_second_run_repairs(small_disk: Path, files: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from datetime import date
        from pathlib import Path
        from kapman_assets.market.ingest import ingest_sessions
        from kapman_assets.market.ohlcv_store import StorageFullError
        from kapman_resources import database, embedded
        from kapman_resources.flatfiles import FlatFiles
        import sqlalchemy as sa
        server = embedded.start(Path(sys.argv[1]))
        url = server.url("warehouse")
        database.upgrade(url)
        engine = database.make_engine(url, application_name="test")
        client = FlatFiles.in_directory(Path(sys.argv[2]))
        days = [date.fromisoformat(day) for day in sys.argv[3:]]
        count = lambda: engine.connect().scalar(sa.text("SELECT count(*) FROM ohlcv WHERE date = :d"), {"d": days[0]})
        ingest_sessions(engine, client, None, days[:1], run_id="first")
        before = count()
        full = Path(sys.argv[1]).parent / "full"
        with full.open("wb") as block:
            try:
                while True:
                    block.write(bytes(1 << 16)); block.flush()
            except OSError:
                pass
        try:
            ingest_sessions(engine, client, None, days[1:], run_id="second")
            print("stored")
        except StorageFullError as error:
            print("full:", error)
        print(before, count())
        full.unlink()
        ingest_sessions(engine, client, None, days[1:], run_id="third")
        print(engine.connect().scalar(sa.text("SELECT count(*) FROM ohlcv")))
        engine.dispose()
    """)
    days = [MON, TUE]
    names = {f"N{n}X": A for n in range(20_000)}
    for day in days:
        write_day(files, day, names)
    done = subprocess.run(
        [sys.executable, "-c", program, str(small_disk / "postgres"), str(files), *map(str, days)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = done.stdout.strip().splitlines()
    assert done.returncode == 0, done.stderr
    assert said[0].startswith("full: 2026-03-03: the database's disk is full"), said
    assert "KAPMAN_HOME" in said[0]
    assert said[1:] == ["20000 20000", "40000"]

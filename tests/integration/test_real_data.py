"""The recorded market beside the checkout, through Dagster: every stored value equals the file's."""

import csv
import gzip
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import boto3
import dagster as dg
import httpx
import pytest
import sqlalchemy as sa
from moto.server import ThreadedMotoServer

from kapman_assets.definitions import build_defs
from kapman_resources.dagster_resources import FlatFilesResource, Warehouse
from kapman_resources.sessions import sessions_between
from tests.integration.conftest import NoPolygon, run_range
from tests.servers import Answer, Request, serving

pytestmark = [pytest.mark.real_data, pytest.mark.xdist_group("real_data"), pytest.mark.timeout(600)]

RECENT = ("flatfiles_2024_2026", date(2024, 7, 25), date(2026, 8, 21), 521)
UNIVERSE = ("flatfiles_2017", date(2017, 2, 1), date(2017, 3, 31), 42)

Row = dict[str, str]


def files_of(root: Path) -> list[Path]:
    return sorted(root.rglob("*.csv.gz"))


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of one day file, by the standard library's reader."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def is_sound(row: Row) -> bool:
    """The rules that rows of these two recordings break, restated."""
    return float(row["volume"]) > 0 and row["ticker"] not in {"CBO", "CBX", "IBO", "IGZ", "ZVV", "ZZK", "ZZZ"}


def graph(engine: sa.Engine, **flat_files: str) -> dg.Definitions:
    return build_defs(
        resource_overrides={
            "warehouse": Warehouse(url=engine.url.render_as_string(hide_password=False)),
            "flat_files": FlatFilesResource(**flat_files),
            "polygon": NoPolygon(),
        }
    )


def assert_stored(engine: sa.Engine, paths: Sequence[Path]) -> tuple[int, Counter[str]]:
    """Hold every stored row against its file, and every refused one; total rows and refused by reason."""
    total, refused = 0, Counter[str]()
    newest: dict[str, date] = {}
    with engine.connect() as connection:
        for path in paths:
            session = date.fromisoformat(path.name[:10])
            query = sa.text("SELECT symbol, open, high, low, close, volume, transactions FROM v_ohlcv WHERE date = :d")
            stored = {row[0]: tuple(row[1:]) for row in connection.execute(query, {"d": session})}
            expected, bad = {}, []
            for row in rows_of(path):
                if is_sound(row):
                    prices = (float(row[field]) for field in ("open", "high", "low", "close", "volume"))
                    expected[row["ticker"]] = (*prices, int(row["transactions"]) if row["transactions"] else None)
                    newest[row["ticker"]] = session
                else:
                    bad.append(row["ticker"])
            assert stored == expected, session
            query = sa.text("SELECT symbol, reason FROM ohlcv_quarantine WHERE date = :d")
            kept = connection.execute(query, {"d": session}).all()
            assert sorted(symbol for symbol, _ in kept) == sorted(bad), session
            refused.update(reason for _, reason in kept)
            total += len(stored)
        known = connection.execute(sa.text("SELECT symbol, last_ohlcv_date FROM tickers"))
        assert {symbol: day for symbol, day in known if day is not None} == newest
    return total, refused


@pytest.mark.parametrize(("folder", "first", "last", "count"), [RECENT, UNIVERSE], ids=["2024-2026", "2017"])
def test_a_recorded_market_is_stored_value_for_value_in_one_run(
    engine: sa.Engine,
    instance: dg.DagsterInstance,
    real_data: Path,
    folder: str,
    first: date,
    last: date,
    count: int,
) -> None:
    root = real_data / folder
    paths = files_of(root)
    assert len(paths) == count
    sessions = sessions_between(first, last)
    assert [path.name[:10] for path in paths] == [day.isoformat() for day in sessions]
    result = run_range(graph(engine, location=str(root)), instance, ["ohlcv"], first, last)
    assert result.success
    total, refused = assert_stored(engine, paths)
    rows = sum(1 for path in paths for _ in rows_of(path))
    assert total + refused.total() == rows
    with engine.connect() as connection:
        ledger = connection.execute(
            sa.text("SELECT count(*), sum(rows_read), sum(rows_stored), sum(rows_refused) FROM ohlcv_sessions")
        ).one()
    assert tuple(ledger) == (count, rows, total, refused.total())
    if folder == RECENT[0]:
        # NDX is an index: 469 days without volume; EA three.
        assert (total, refused) == (133_849, Counter({"volume is zero or negative": 472}))
    else:
        assert refused["volume is zero or negative"] >= 6_000
    runs = instance.get_runs()
    assert len(runs) == 1
    status = instance.get_materialized_partitions(dg.AssetKey("ohlcv"))
    assert len(status) == count


BUCKET = "flatfiles"
CREDENTIALS = {"aws_access_key_id": "test-key", "aws_secret_access_key": "test-secret"}


@pytest.fixture
def s3(real_data: Path) -> Iterator[str]:
    """Moto's S3 server over HTTP, holding the sessions of February 2017."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **CREDENTIALS)
    client.create_bucket(Bucket=BUCKET)
    root = real_data / UNIVERSE[0]
    for path in files_of(root):
        if path.name.startswith("2017-02"):
            client.put_object(Bucket=BUCKET, Key=path.relative_to(root).as_posix(), Body=path.read_bytes())
    yield url
    # All servers of a process hold the same objects: the next test would find these.
    httpx.post(f"{url}/moto-api/reset").raise_for_status()
    server.stop()


def s3_graph(engine: sa.Engine, url: str) -> dg.Definitions:
    return graph(engine, location=f"s3://{BUCKET}", endpoint_url=url, **CREDENTIALS)


def test_the_same_market_from_s3(engine: sa.Engine, instance: dg.DagsterInstance, real_data: Path, s3: str) -> None:
    result = run_range(s3_graph(engine, s3), instance, ["ohlcv"], date(2017, 2, 1), date(2017, 2, 28))
    assert result.success
    paths = [path for path in files_of(real_data / UNIVERSE[0]) if path.name.startswith("2017-02")]
    total, _ = assert_stored(engine, paths)
    assert total > 100_000
    with engine.connect() as connection:
        uris = connection.scalars(sa.text("SELECT uri FROM ohlcv_sessions ORDER BY date")).all()
    assert uris[0] == f"s3://{BUCKET}/us_stocks_sip/day_aggs_v1/2017/02/2017-02-01.csv.gz"
    # March is not in the bucket: late, and named.
    late = run_range(s3_graph(engine, s3), instance, ["ohlcv"], date(2017, 2, 28), date(2017, 3, 1))
    assert not late.success
    failure = next(event.step_failure_data for event in late.all_events if event.is_step_failure)
    assert "2017-03-01" in str(failure.user_failure_data)


def forwarded(upstream: str, request: Request) -> Answer:
    """The upstream's own answer."""
    import httpx

    answer = httpx.get(f"{upstream}{request.target}", headers={"authorization": request.headers["authorization"]})
    keep = {name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers}
    return Answer(answer.status_code, answer.content, keep)


@pytest.mark.parametrize("fault", ["broken off", "reset", "503"])
def test_a_store_that_stumbles_is_asked_again(
    engine: sa.Engine, instance: dg.DagsterInstance, real_data: Path, s3: str, fault: str
) -> None:
    stumbled: set[str] = set()

    def answer(request: Request) -> Answer:
        good = forwarded(s3, request)
        if request.path in stumbled:
            return good
        stumbled.add(request.path)
        if fault == "503":
            return Answer(503, b"<Error><Code>SlowDown</Code></Error>")
        return Answer(
            good.status, good.body, good.headers, cut_at=math.floor(0.6 * len(good.body)), reset=fault == "reset"
        )

    days = [date(2017, 2, 1), date(2017, 2, 2)]
    with serving(answer) as server:
        result = run_range(s3_graph(engine, server.url), instance, ["ohlcv"], days[0], days[1])
    assert result.success
    assert len(stumbled) == len(days)
    assert_stored(engine, [path for path in files_of(real_data / UNIVERSE[0]) if path.name[:10] in map(str, days)])

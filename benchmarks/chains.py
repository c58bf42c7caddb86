"""A watchlist's chains from a slow and faulty vendor into the warehouse, and everything that follows from them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.chain_server import PAGE_ROWS
from benchmarks.laboratory import Laboratory, Market
from benchmarks.report import Row, timed
from kapman_assets.cli.materialize import run_assets
from kapman_assets.options.session_metrics import BARS
from kapman_resources import database, partitioning
from kapman_resources.sessions import session_offset, sessions_between
from kapman_resources.settings import Settings

SESSION = date(2026, 8, 21)
LATENCY = 0.05
MAX_BYTES = 1.2e9
MAX_METRIC_SECONDS = 10.0
REPEATS = 3

_WAREHOUSE = "chains"
_METRICS = "key:options_daily_summary or key:volatility_metrics or key:price_metrics or key:dealer_metrics"


def measure(laboratory: Laboratory) -> list[Row]:
    """Take all chains several times into the same warehouse, then compute the session's metrics as often."""
    sizes = laboratory.sizes
    _create_warehouse(laboratory)
    with _vendor(sizes.chain_contracts) as vendor:
        costs = [_taken(laboratory, vendor, number) for number in range(REPEATS)]
    last = costs[-1]
    if last["statuses"] != {"COMPLETE": sizes.chains}:
        raise RuntimeError(f"not every chain came: {last['statuses']}")
    pages = sizes.chains * -(-sizes.chain_contracts // PAGE_ROWS)
    concurrency = Settings(_env_file=None).polygon_concurrency
    reach = 1.5 * pages * LATENCY / concurrency + 10
    size = f"{sizes.chains} chains, {last['contracts']:,} contracts, {pages} pages"
    return [
        timed(
            "option chains, vendor to committed",
            size,
            [cost["seconds"] for cost in costs],
            rows=last["contracts"],
            max_seconds=reach,
            note=f"{LATENCY * 1000:.0f} ms a page, 1 % 429, 0.5 % 502, {concurrency} at once, 80 requests a second; "
            "raw pages kept",
        ),
        Row(
            what="of it: peak memory",
            size=size,
            peak_bytes=max(cost["peak_bytes"] for cost in costs),
            reach="≤ 1.2 GB",
            met=max(cost["peak_bytes"] for cost in costs) <= MAX_BYTES,
            note="the process that takes the chains",
        ),
        timed(
            "summary and three metric assets",
            f"{sizes.chains} chains, {last['contracts']:,} contracts",
            _metrics(laboratory),
            rows=last["contracts"],
            max_seconds=MAX_METRIC_SECONDS,
            note="a whole Dagster run in process, checks and events included",
        ),
    ]


def _create_warehouse(laboratory: Laboratory) -> None:
    """A warehouse with a watchlist and just enough bars for every price metric."""
    url = laboratory.url(_WAREHOUSE)
    database.ensure_database(url)
    database.upgrade(url)
    days = sessions_between(session_offset(SESSION, 1 - BARS), SESSION)
    with laboratory.engine(_WAREHOUSE) as engine:
        with engine.connect() as connection:
            partitioning.make_room(connection, ["ohlcv"], days)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO tickers (symbol, options_enabled) "
                    "SELECT 'N' || lpad(CAST(n AS text), 3, '0'), true FROM generate_series(1, :names) n"
                ),
                {"names": laboratory.sizes.chains},
            )
            connection.execute(
                sa.text("""
                    INSERT INTO ohlcv (ticker_id, date, open, high, low, close, volume, source)
                    SELECT ticker_id, day, 100, 100, 100, 99 + random() * 2, 1e6 * (1 + random()), 'flatfile'
                    FROM tickers, unnest(CAST(:days AS date[])) day"""),
                {"days": days},
            )


@contextmanager
def _vendor(contracts: int) -> Iterator[str]:
    """The vendor's server in a process of its own; its address."""
    arguments = ["--session", SESSION.isoformat(), "--contracts", str(contracts), "--latency", str(LATENCY)]
    with subprocess.Popen(  # noqa: S603 (this interpreter, and a module of this suite)
        [sys.executable, "-m", "benchmarks.chain_server", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        if server.stdout is None or server.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def _taken(laboratory: Laboratory, vendor: str, number: int) -> dict[str, Any]:
    raw = laboratory.home / f"raw-{number}"
    arguments = [laboratory.url(_WAREHOUSE), vendor, str(raw), SESSION.isoformat()]
    done = subprocess.run(  # noqa: S603 (this interpreter, and a module of this suite)
        [sys.executable, "-m", "benchmarks.take_chains", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    cost: dict[str, Any] = json.loads(done.stdout)
    laboratory.checkpoint()
    return cost


def _metrics(laboratory: Laboratory) -> list[float]:
    """Seconds of a Dagster run each; the first, which also sets up Dagster's storage, is not counted."""
    # The run reads the warehouse alone; the directories only have to be there.
    nowhere = Market(laboratory.home / "nowhere", [SESSION], 0, 0)
    for part in ("flatfiles", "rest"):
        Path(nowhere.directory / part).mkdir(parents=True, exist_ok=True)
    os.environ.update(laboratory.environment(_WAREHOUSE, nowhere))
    seconds = []
    for _ in range(REPEATS + 1):
        begun = time.perf_counter()
        run_assets(_METRICS, [SESSION])
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]

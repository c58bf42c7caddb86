"""Years of sessions of the whole market in one Dagster run of `ohlcv`, and single sessions on top of them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from benchmarks.asset_calls import AssetCalls, Pairs, beside_yardstick
from benchmarks.laboratory import Laboratory, Market
from benchmarks.report import Row, timed
from benchmarks.run_assets import RunCost
from benchmarks.yardstick import Yardstick, parsed
from kapman_assets.market import ohlcv_store
from kapman_resources.flatfiles import FlatFiles

WAREHOUSE = "history"
_PART = "part_of_history"
_MAX_PEAK_BYTES = 1_500_000_000
_FLAT = 1.15
"""Peak memory of all sessions over that of a quarter of them, up to which it counts as flat."""


@dataclass(frozen=True)
class Load:
    """What filling the warehouse took.

    Attributes:
        whole: the run over all sessions.
        part: the run over the newest of them.
        yardstick: seconds of the yardstick over all sessions.
        rows: stored by the run.
        after: single sessions after the history, beside the yardstick that holds it too.
    """

    whole: RunCost
    part: RunCost
    yardstick: float
    rows: int
    after: Pairs


def measure(laboratory: Laboratory) -> list[Row]:
    """The run's asset step against the yardstick, its checks, the whole run, and its memory."""
    taken = load(laboratory)
    sizes = laboratory.sizes
    size = f"{sizes.history_sessions} sessions, {taken.rows:,} rows"
    whole, part = taken.whole, taken.part
    after, after_size = taken.after, f"1 session, {taken.after.rows:,.0f} rows"
    growth = whole.peak_bytes / part.peak_bytes
    return [
        timed("yardstick of the history", size, [taken.yardstick], rows=taken.rows, note="a half before, a half after"),
        timed(
            "history, csv.gz to committed",
            size,
            [whole.asset],
            rows=taken.rows,
            yardstick=[taken.yardstick],
            max_ratio=2.5,
            note="the asset's step of one Dagster run, materialisation events included",
        ),
        timed("its checks", size, [whole.checks], rows=taken.rows, note="the step after it in the same run"),
        timed("the whole Dagster run", size, [whole.whole], rows=taken.rows, yardstick=[taken.yardstick]),
        Row(
            what="peak memory of the ingesting process",
            size=f"{sizes.part_sessions} sessions",
            peak_bytes=part.peak_bytes,
            note="resident; checks included",
        ),
        Row(
            what="peak memory of the ingesting process",
            size=f"{sizes.history_sessions} sessions",
            peak_bytes=whole.peak_bytes,
            reach=f"<= {_MAX_PEAK_BYTES / 1e6:,.0f} MB and <= {_FLAT:g} x",
            met=whole.peak_bytes <= _MAX_PEAK_BYTES and growth <= _FLAT,
            note=f"{growth:.2f} x that of {sizes.part_sessions} sessions",
        ),
        timed("yardstick of one session after it", after_size, after.bare, rows=after.rows, note="into the same table"),
        timed(
            "one session after it, csv.gz to committed",
            after_size,
            after.ingest,
            rows=after.rows,
            yardstick=after.bare,
            max_seconds=1.0,
            max_ratio=3.0,
            note="an evening: all the asset does, into the warehouse of the history",
        ),
    ]


@cache
def load(laboratory: Laboratory) -> Load:
    """Fill the warehouse `WAREHOUSE` with the laboratory's large market, once, and measure it."""
    market = laboratory.history_market
    sessions = market.sessions[: laboratory.sizes.history_sessions]
    laboratory.create_warehouse(_PART, market)
    part = _run(laboratory, _PART, market, sessions[-laboratory.sizes.part_sessions :])
    laboratory.drop_warehouse(_PART)
    laboratory.create_warehouse(WAREHOUSE, market)
    middle = len(sessions) // 2
    with Yardstick(laboratory.url(WAREHOUSE)) as yardstick:
        # What else the machine does changes over minutes: the yardstick is taken on both sides of the run.
        bare = _fill(laboratory, yardstick, market, sessions[:middle])
        laboratory.checkpoint()
        whole = _run(laboratory, WAREHOUSE, market, sessions)
        laboratory.checkpoint()
        bare += _fill(laboratory, yardstick, market, sessions[middle:])
        rows = _stored_rows(laboratory)
        calls = AssetCalls.on(laboratory.url(WAREHOUSE), market)
        after = beside_yardstick(calls, yardstick, market.sessions[len(sessions) :])
    return Load(whole, part, bare, rows, after)


def _stored_rows(laboratory: Laboratory) -> int:
    with laboratory.engine(WAREHOUSE) as engine, engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT sum(rows_stored) FROM ohlcv_sessions").scalar_one())


def _fill(laboratory: Laboratory, yardstick: Yardstick, market: Market, sessions: Sequence[date]) -> float:
    """Write sessions into the yardstick; the seconds that this alone took."""
    with laboratory.engine(WAREHOUSE) as engine, engine.connect() as connection:
        index = ohlcv_store.load_ticker_index(connection)
    flat_files = FlatFiles.in_directory(market.directory / "flatfiles")
    return sum(yardstick.load(parsed(flat_files, session, index)) for session in sessions)


def _run(laboratory: Laboratory, warehouse: str, market: Market, sessions: Sequence[date]) -> RunCost:
    command = [sys.executable, "-m", "benchmarks.run_assets", sessions[0].isoformat(), sessions[-1].isoformat()]
    done = subprocess.run(  # noqa: S603 this suite's own module
        command, env=laboratory.environment(warehouse, market), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the run of {warehouse} failed:\n{done.stderr[-4000:]}")
    return RunCost(**json.loads(done.stdout.splitlines()[-1]))

"""An evening: everything that follows once a session's bars are there, from option chains to the mail."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from functools import cache

from benchmarks.laboratory import Laboratory, Market
from benchmarks.report import Row, timed
from kapman_assets.cli.simulate import write_market
from kapman_resources.flatfiles import FlatFiles

MAX_SECONDS, MAX_BYTES = 60.0, 4e9

WAREHOUSE = "day"
_CHAIN_SESSIONS = 2


@dataclass(frozen=True)
class Evening:
    """The market that the warehouse `WAREHOUSE` holds, and what its newest session took."""

    market: Market
    seconds: float
    peak_bytes: float


def measure(laboratory: Laboratory) -> list[Row]:
    """One session of a market of real size with its watchlist, every asset but the bars, in one Dagster run."""
    evening, sizes = load(laboratory), laboratory.sizes
    size = f"{sizes.names:,} names, {sizes.small_sessions} sessions stored"
    return [
        timed(
            "an evening: the whole graph after the bars",
            size,
            [evening.seconds],
            max_seconds=MAX_SECONDS,
            note="one Dagster run in one process: chains of the watchlist from a directory, metrics, indicators of the "
            "whole market, structure, snapshots, recommendations by the rules, alerts, mail, every check",
        ),
        Row(
            what="of it: peak memory",
            size=size,
            peak_bytes=int(evening.peak_bytes),
            reach="≤ 4 GB",
            met=evening.peak_bytes <= MAX_BYTES,
            note="the process that runs it",
        ),
    ]


@cache
def load(laboratory: Laboratory) -> Evening:
    """Fill the warehouse `WAREHOUSE`, once: bars of all sessions, everything else of the newest."""
    sizes = laboratory.sizes
    directory = laboratory.home / "markets" / WAREHOUSE
    begun = time.perf_counter()
    # Not of fixed days as the other markets: only a plan of the command line holds the watchlist.
    write_market(directory, names=sizes.names, sessions=sizes.small_sessions, chain_sessions=_CHAIN_SESSIONS)
    sessions = FlatFiles.in_directory(directory / "flatfiles").sessions()
    market = Market(directory, list(sessions), 0, time.perf_counter() - begun)
    laboratory.create_warehouse(WAREHOUSE, market)
    first, last = market.sessions[0], market.sessions[-1]
    _run(laboratory, market, "ohlcv", first, last)
    _run(laboratory, market, "key:tickers or key:splits", last, last)
    laboratory.checkpoint()
    others = "* and not key:ohlcv and not key:tickers and not key:splits"
    seconds, peak = _run(laboratory, market, others, last, last)
    return Evening(market, seconds, peak)


def _run(laboratory: Laboratory, market: Market, select: str, first: date, last: date) -> tuple[float, float]:
    """Seconds and peak bytes of a Dagster run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.run_selection", select, first.isoformat(), last.isoformat()]
    done = subprocess.run(  # noqa: S603 this suite's own module
        command, env=laboratory.environment(WAREHOUSE, market), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the run of {select} failed:\n{done.stderr[-4000:]}")
    cost = json.loads(done.stdout.splitlines()[-1])
    return cost["seconds"], cost["peak_bytes"]

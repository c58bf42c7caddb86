"""One session from csv.gz to committed rows, in a warehouse that knows the names and holds few sessions yet."""

import os
import time
from datetime import date

from benchmarks.asset_calls import AssetCalls, beside_yardstick
from benchmarks.laboratory import Laboratory, Market
from benchmarks.report import Row, timed
from benchmarks.yardstick import Yardstick
from kapman_assets.cli.materialize import run_assets

_WAREHOUSE = "single_session"
_WARM_UP = 2
"""Sessions before the measured ones, taken with both."""


def measure(laboratory: Laboratory) -> list[Row]:
    """Single sessions: the yardstick, a new one, a stored one again, and a whole Dagster run."""
    sizes = laboratory.sizes
    many = _WARM_UP + sizes.session_repeats + 1 + sizes.run_repeats
    market = laboratory.simulate(_WAREHOUSE, names=sizes.names, sessions=many, is_steady=True)
    laboratory.create_warehouse(_WAREHOUSE, market)
    calls = AssetCalls.on(laboratory.url(_WAREHOUSE), market)
    repeated = market.sessions[_WARM_UP : _WARM_UP + sizes.session_repeats]
    with Yardstick(laboratory.url(_WAREHOUSE)) as yardstick:
        beside_yardstick(calls, yardstick, market.sessions[:_WARM_UP])
        pairs = beside_yardstick(calls, yardstick, repeated)
    again = [calls.take(session).seconds for session in repeated]
    whole = _whole_runs(laboratory, market, market.sessions[_WARM_UP + sizes.session_repeats :])
    size = f"1 session, {pairs.rows:,.0f} rows"
    return [
        timed("yardstick of one session", size, pairs.bare, rows=pairs.rows, note="COPY and commit, nothing else"),
        timed(
            "one session, csv.gz to committed",
            size,
            pairs.ingest,
            rows=pairs.rows,
            yardstick=pairs.bare,
            max_seconds=1.0,
            max_ratio=3.0,
            note="all the asset does, connecting included; process warm, tickers known",
        ),
        timed(
            "of it: read, judge, write",
            size,
            pairs.work,
            rows=pairs.rows,
            yardstick=pairs.bare,
            note="without connecting, clients and the index of tickers",
        ),
        timed(
            "the same, a stored session again",
            size,
            again,
            rows=pairs.rows,
            yardstick=pairs.bare,
            note="its rows are replaced",
        ),
        timed(
            "the same, a whole Dagster run",
            size,
            whole,
            rows=pairs.rows,
            yardstick=pairs.bare,
            note="in process: asset, checks, events in Dagster's storage",
        ),
    ]


def _whole_runs(laboratory: Laboratory, market: Market, sessions: list[date]) -> list[float]:
    """Seconds of a Dagster run each; the first, which also sets up Dagster's storage, is not counted."""
    os.environ.update(laboratory.environment(_WAREHOUSE, market))
    seconds = []
    for session in sessions:
        begun = time.perf_counter()
        run_assets("ohlcv", [session])
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]

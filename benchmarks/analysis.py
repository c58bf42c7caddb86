"""The screener's columns of the whole market from two years of stored bars, and a screen over them."""

import json
import subprocess
import sys
import time

import sqlalchemy as sa

from benchmarks import history
from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.technicals.screen import And, Compare, Operator, screen
from kapman_resources.schema import universe_technicals

MAX_SECONDS, MAX_BYTES, MAX_SCREEN_SECONDS = 20.0, 3e9, 0.1
REPEATS, SCREENS = 3, 20

_OVERSOLD = And(
    (
        Compare("rsi_14", Operator.BELOW, 40),
        Compare("close", Operator.ABOVE, "sma_200"),
        Compare("dollar_volume_20", Operator.AT_LEAST, 1e6),
    )
)


def measure(laboratory: Laboratory) -> list[Row]:
    """Both on the warehouse of the history, reading and writing included."""
    history.load(laboratory)
    last = laboratory.history_market.sessions[laboratory.sizes.history_sessions - 1]
    arguments = [laboratory.url(history.WAREHOUSE), last.isoformat()]
    costs = []
    for _ in range(REPEATS):
        done = subprocess.run(  # noqa: S603 (this interpreter, and a module of this suite)
            [sys.executable, "-m", "benchmarks.write_universe", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        costs.append(json.loads(done.stdout))
    rows = costs[-1]["rows"]
    size = f"{rows:,} names, 18 to 24 months of {laboratory.sizes.history_sessions} sessions"
    peak = max(cost["peak_bytes"] for cost in costs)
    query = screen(universe_technicals, _OVERSOLD).where(universe_technicals.c.date == last)
    seconds, found = [], 0
    with laboratory.engine(history.WAREHOUSE) as engine, engine.connect() as connection:
        connection.execute(sa.text("ANALYZE universe_technicals"))
        for _ in range(SCREENS):
            begun = time.perf_counter()
            found = len(connection.execute(query).all())
            seconds.append(time.perf_counter() - begun)
    return [
        timed(
            "universe_technicals of one session",
            size,
            [cost["seconds"] for cost in costs],
            rows=rows,
            max_seconds=MAX_SECONDS,
            note="reading, calculation and COPY; process warm",
        ),
        Row(
            what="of it: peak memory",
            size=size,
            peak_bytes=peak,
            reach="≤ 3 GB",
            met=peak <= MAX_BYTES,
            note="the process that writes them",
        ),
        timed(
            "a screen on three conditions",
            f"{rows:,} names, {found:,} found",
            seconds,
            max_seconds=MAX_SCREEN_SECONDS,
            note="all columns fetched",
        ),
    ]

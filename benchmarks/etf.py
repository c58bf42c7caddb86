"""Features of many symbols on random walks: calculated, written, and asked for as the panel does.

Bars are those of the symbols alone, over all that the rows see, and the warehouse holds nothing else.
"""

import time
from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed
from kapman_assets.etf.columns import HORIZONS
from kapman_assets.etf.edge import edge
from kapman_assets.etf.features import Panel, etf_features
from kapman_assets.etf.grid import latest_grid
from kapman_assets.etf.look_back import first_day_seen
from kapman_assets.etf.store import BENCHMARK, write_features
from kapman_resources import database, partitioning
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import ohlcv, tickers
from kapman_resources.sessions import session_offset, sessions_between

_LAST = date(2026, 8, 21)
_SYMBOLS, _SECTORS, _SESSIONS, _TWO_YEARS = 500, 12, 300, 504
_ROUNDS = 5
_RULE = "z<=-1.0 and rsi14<50"
_FORWARD = 20


def measure(laboratory: Laboratory) -> list[Row]:
    """A large universe and the sectors over the same sessions, the sectors on one evening, grid and statistics."""
    sessions = min(_SESSIONS, laboratory.sizes.history_sessions)
    large = min(_SYMBOLS, laboratory.sizes.names)
    note = "calculation and the frame, without reading and writing"
    return [
        _features(_panel(large, sessions), sessions, rounds=3, max_seconds=8.0, note=note),
        _features(_panel(_SECTORS, sessions), sessions, rounds=_ROUNDS, max_seconds=0.5, note=note),
        _features(_panel(_SECTORS, 1), 1, rounds=_ROUNDS, max_seconds=0.1, note=note),
        *_stored(laboratory, large, sessions, max_seconds=20.0),
        *_stored(laboratory, _SECTORS, sessions, max_seconds=1.5),
    ]


def _stored(laboratory: Laboratory, symbols: int, sessions: int, *, max_seconds: float) -> list[Row]:
    """Written, then asked for; the reaches of the questions are those of the sectors."""
    warehouse = f"etf_{symbols}"
    panel = _panel(symbols, max(sessions, _TWO_YEARS))
    database.ensure_database(laboratory.url(warehouse))
    database.upgrade(laboratory.url(warehouse))
    with laboratory.engine(warehouse) as engine:
        _store_bars(engine, panel)
        size = f"{symbols} symbols x {len(HORIZONS)} horizons"
        asked = panel.sessions[-sessions:]
        written = timed(
            "ETF features of stored bars",
            f"{size} x {sessions} sessions",
            _seconds(lambda: write_features(engine, asked, panel.symbols), 3),
            rows=symbols * sessions * len(HORIZONS),
            max_seconds=max_seconds,
            note="reading, calculation and writing in one transaction",
        )
        write_features(engine, panel.sessions[-_TWO_YEARS:], panel.symbols)
        laboratory.checkpoint()
        with engine.connect() as connection:
            connection.execute(sa.text("ANALYZE etf_features, ohlcv"))
            is_sectors = symbols == _SECTORS
            in_sql = _statement_seconds(connection, lambda: latest_grid(connection), _ROUNDS * 4)
            whole = _seconds(lambda: latest_grid(connection), _ROUNDS * 4)
            statistics = _seconds(
                lambda: edge(connection, panel.symbols[0], _RULE, forward=_FORWARD, as_of=_LAST), _ROUNDS * 4
            )
        return [
            written,
            timed(
                "the ETF grid: its two queries",
                f"{symbols} symbols",
                in_sql,
                max_seconds=0.02 if is_sectors else None,
                note="newest features, last two closes, 90 days of composites; warm",
            ),
            timed(
                "the ETF grid: frames",
                f"{symbols} symbols",
                whole,
                max_seconds=0.1 if is_sectors else None,
                note="the same as the panel gets it, breadth and classes included",
            ),
            timed(
                "statistics of one rule and symbol",
                f"{_TWO_YEARS} sessions, beside {symbols} symbols",
                statistics,
                max_seconds=0.1,
                note=f"rule decided on stored rows, returns over {_FORWARD} sessions, intervals of 2,000 draws",
            ),
        ]


def _store_bars(engine: sa.Engine, panel: Panel) -> None:
    """Put the panel's bars into the warehouse, the benchmark's beside them."""
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv"], panel.sessions)
    symbols = [*panel.symbols, BENCHMARK]
    bars = {
        name: np.vstack(
            [getattr(panel, name), panel.benchmark if name != "volume" else np.full(len(panel.sessions), 1e8)]
        )
        for name in ("high", "low", "close", "volume")
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(tickers), [{"symbol": symbol} for symbol in symbols])
        ids = dict(connection.execute(sa.select(tickers.c.symbol, tickers.c.ticker_id)).all())
        frame = pd.DataFrame(
            {
                "ticker_id": np.repeat([ids[symbol] for symbol in symbols], len(panel.sessions)),
                "date": np.tile(np.array(panel.sessions, dtype=object), len(symbols)),
                "open": bars["close"].ravel(),
                **{name: values.ravel() for name, values in bars.items()},
                "source": "flatfile",
            }
        )
        copy_csv(driver_connection(connection), ohlcv.name, frame, frame.columns)


def _statement_seconds(connection: sa.Connection, call: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of a call in the driver: statements sent, run, and their rows received; every round after the first."""
    spent: list[float] = []
    begun = 0.0

    def before(*_: object) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def after(*_: object) -> None:
        spent[-1] += time.perf_counter() - begun

    sa.event.listen(connection, "before_cursor_execute", before)
    sa.event.listen(connection, "after_cursor_execute", after)
    for _ in range(rounds + 1):
        spent.append(0.0)
        call()
    sa.event.remove(connection, "before_cursor_execute", before)
    sa.event.remove(connection, "after_cursor_execute", after)
    return spent[1:]


def _features(panel: Panel, sessions: int, *, rounds: int, max_seconds: float, note: str) -> Row:
    rows = len(panel.symbols) * sessions * len(HORIZONS)
    return timed(
        "ETF features",
        f"{len(panel.symbols)} symbols x {len(HORIZONS)} horizons x {sessions} sessions",
        _seconds(lambda: etf_features(panel, last=sessions), rounds),
        rows=rows,
        max_seconds=max_seconds,
        note=note,
    )


def _panel(symbols: int, sessions: int) -> Panel:
    """Walks over all that the rows of the last sessions see."""
    days = sessions_between(first_day_seen(session_offset(_LAST, 1 - sessions)), _LAST)
    rng = np.random.default_rng(symbols)
    market = rng.normal(0, 0.008, len(days))
    close = 50 * np.exp((market + rng.normal(0, 0.01, (symbols, len(days)))).cumsum(axis=1))
    return Panel(
        symbols=[f"S{place}" for place in range(symbols)],
        sessions=days,
        high=close * np.exp(np.abs(rng.normal(0, 0.005, close.shape))),
        low=close * np.exp(-np.abs(rng.normal(0, 0.005, close.shape))),
        close=close,
        volume=np.exp(rng.normal(14, 0.5, close.shape)),
        benchmark=400 * np.exp(market.cumsum()),
    )


def _seconds(call: Callable[[], object], rounds: int) -> list[float]:
    """Of every round after the first, which only warms up."""
    call()
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return seconds

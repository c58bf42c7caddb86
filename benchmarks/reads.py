"""What a reader waits for: split-adjusted bars of one name over years, and of all names on one session."""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from benchmarks import history
from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed

_SYMBOLS, _SESSIONS = 20, 10
"""Different names and sessions that are asked for, spread over the market."""

_ROUNDS = 3
"""Times each is asked for after the first, which only warms the caches."""

_ONE_SYMBOL = sa.text("SELECT * FROM v_ohlcv_adjusted WHERE symbol = :key ORDER BY date")
_ONE_SESSION = sa.text("SELECT * FROM v_ohlcv_adjusted WHERE date = :key")

_COMPLETE = sa.text("""
    SELECT t.symbol FROM tickers t
    JOIN (SELECT ticker_id FROM ohlcv GROUP BY ticker_id HAVING count(*) = (SELECT count(*) FROM ohlcv_sessions)) o
        ON o.ticker_id = t.ticker_id
    ORDER BY t.ticker_id IN (SELECT ticker_id FROM splits) DESC, t.symbol LIMIT :many
""")


def measure(laboratory: Laboratory) -> list[Row]:
    """Both reads, rows fetched into Python, on the warehouse of the history."""
    history.load(laboratory)
    market = laboratory.history_market
    with laboratory.engine(history.WAREHOUSE) as engine, engine.connect() as connection:
        symbols = connection.scalars(_COMPLETE, {"many": _SYMBOLS}).all()
        by_symbol, symbol_rows = _ask(connection, _ONE_SYMBOL, symbols)
        step = max(1, len(market.sessions) // _SESSIONS)
        by_session, session_rows = _ask(connection, _ONE_SESSION, market.sessions[::step])
    note = "SQLAlchemy, all columns fetched, caches warm"
    return [
        timed(
            "adjusted bars of one name",
            f"{symbol_rows:,.0f} rows",
            by_symbol,
            rows=symbol_rows,
            max_seconds=0.010,
            note=f"{note}; names with splits",
        ),
        timed(
            "adjusted bars of one session",
            f"{session_rows:,.0f} rows",
            by_session,
            rows=session_rows,
            max_seconds=0.150,
            note=note,
        ),
    ]


def _ask(connection: sa.Connection, query: sa.TextClause, keys: Sequence[Any]) -> tuple[list[float], float]:
    """Seconds of every warm read, and rows of one on average."""
    seconds, rows = [], 0
    for key in keys:
        connection.execute(query, {"key": key}).all()
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            answer = connection.execute(query, {"key": key}).all()
            seconds.append(time.perf_counter() - begun)
            rows += len(answer)
    return seconds, rows / len(seconds)

"""A small market with stored recommendations whose ends are known or can be found again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from kapman_resources import partitioning, schema
from kapman_resources.sessions import session_offset

Bar = tuple[float, float, float, float]


def add_names(engine: sa.Engine, symbols: Iterable[str], sessions: Sequence[date]) -> dict[str, int]:
    """Names by symbol, and room for the bars and chains of some sessions."""
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv", "options_chains"], sessions)
    query = sa.insert(schema.tickers).returning(schema.tickers.c.symbol, schema.tickers.c.ticker_id)
    with engine.begin() as connection:
        return dict(connection.execute(query, [{"symbol": symbol} for symbol in symbols]).all())


def add(engine: sa.Engine, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        with engine.begin() as connection:
            connection.execute(sa.insert(table), rows)


def bar_row(ticker_id: int, day: date, bar: Bar) -> dict[str, Any]:
    opened, high, low, close = bar
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return {"ticker_id": ticker_id, "date": day, **prices, "volume": 1e6, "source": "flatfile"}


def session_row(day: date) -> dict[str, Any]:
    counts = {"rows_read": 1, "rows_stored": 1, "rows_refused": 0}
    return {"date": day, "source": "flatfile", "uri": "file:///bars", **counts}


def idea_row(ticker_id: int, symbol: str, issued: date, **given: Any) -> dict[str, Any]:
    """A long forecast at 100 with stop 95, target 110 and a band of 2 %, but for what is given."""
    return {
        "date": issued,
        "ticker_id": ticker_id,
        "symbol": symbol,
        "action": "FORECAST",
        "direction": "LONG",
        "strategy": None,
        "signal_type": "ENTRY_SIGNAL",
        "primary_event": "SPRING",
        "confidence": 0.7,
        "justification": "A spring was confirmed.",
        "entry_price": 100.0,
        "stop_loss": 95.0,
        "profit_target": 110.0,
        "horizon_sessions": 20,
        "last_session": session_offset(issued, 20),
        "neutral_band": 0.02,
        "max_loss": None,
        "break_evens": [],
        "asked_provider": "rules",
        "provider": "rules",
        "model": "rules-1",
        "inputs": {},
        "validation": [],
        "data_quality": "complete",
        "null_reasons": {},
    } | given


def contract_row(ticker_id: int, day: date, contract: str, strike: float, expiry: date, **given: Any) -> dict[str, Any]:
    """A standard call in a session's chain, without a price but for what is given."""
    return {
        "date": day,
        "ticker_id": ticker_id,
        "contract": contract,
        "expiration_date": expiry,
        "strike": strike,
        "contract_type": "call",
        "multiplier": 100.0,
        "is_standard": True,
        "open_interest": 500,
        "volume": None,
        "bid": None,
        "ask": None,
        "last": None,
        "close": None,
    } | given


def chain_row(ticker_id: int, day: date, contracts: int = 1) -> dict[str, Any]:
    counts = {"pages": 1, "contracts": contracts, "contracts_non_standard": 0}
    return {"date": day, "ticker_id": ticker_id, "status": "COMPLETE", "rate": 0.04, "refused": {}, **counts}


def leg_row(ticker_id: int, day: date, contract: str, strike: float, expiry: date, **given: Any) -> dict[str, Any]:
    return {
        "date": day,
        "ticker_id": ticker_id,
        "leg": 1,
        "contract": contract,
        "side": "BUY",
        "quantity": 1,
        "contract_type": "call",
        "strike": strike,
        "expiration_date": expiry,
        "dte": (expiry - day).days,
        "multiplier": 100.0,
        "price": 4.0,
        "price_basis": "quote_mid",
        "open_interest": 500,
    } | given


def add_ideas(engine: sa.Engine, ideas: Sequence[Mapping[str, Any]], legs: Sequence[Mapping[str, Any]] = ()) -> None:
    """Recommendations with their legs, in one transaction as the database asks for."""
    with engine.begin() as connection:
        if ideas:
            connection.execute(sa.insert(schema.recommendations), ideas)
        if legs:
            connection.execute(sa.insert(schema.recommendation_legs), legs)


def rows_of(engine: sa.Engine, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    query = sa.select(table).where(*where).order_by(*table.primary_key.columns)
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]

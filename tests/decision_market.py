"""Stored sessions for tests of decisions: names with a signal, their bars and their chains, written straight to tables.

Every name closes at 100 in a range of 95 to 106; in the last session it has a signal that it had not the day before.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_assets.options import black_scholes
from kapman_resources import partitioning
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import (
    daily_snapshots,
    ohlcv,
    options_chain_status,
    options_chains,
    portfolio_tickers,
    portfolios,
    tickers,
    wyckoff_events,
    wyckoff_phases,
)
from kapman_resources.sessions import session_offset

SESSION = date(2026, 7, 8)
CLOSE = 100.0
STRIKES = tuple(range(84, 117, 4))
DAYS = (44, 61)
VOLATILITY = 0.3


def contract_name(symbol: str, expiry: date, kind: str, strike: float) -> str:
    return f"O:{symbol}{expiry:%y%m%d}{kind[0].upper()}{round(strike * 1000):08d}"


def store_names(engine: sa.Engine, symbols: Sequence[str], *, priority: str = "P1") -> dict[str, int]:
    """Names in a portfolio; their ids by symbol."""
    with engine.begin() as connection:
        rows = [{"symbol": symbol, "name": f"{symbol} Inc.", "options_enabled": True} for symbol in symbols]
        returned = sa.insert(tickers).returning(tickers.c.symbol, tickers.c.ticker_id)
        ids = {row.symbol: row.ticker_id for row in connection.execute(returned, rows)}
        portfolio = connection.scalar(sa.insert(portfolios).values(name=priority).returning(portfolios.c.portfolio_id))
        members = [
            {"portfolio_id": portfolio, "ticker_id": ticker_id, "priority": priority} for ticker_id in ids.values()
        ]
        connection.execute(sa.insert(portfolio_tickers), members)
    return ids


def store_session(
    engine: sa.Engine,
    session: date,
    names: dict[str, int],
    *,
    signal: str = "ENTRY_SETUP",
    chains: bool = True,
    events: Sequence[str] = ("SPRING",),
    **snapshot: Any,
) -> None:
    """What is known of the names at the close of a session.

    Args:
        engine: the warehouse.
        session: which.
        names: ids by symbol.
        signal: their badge.
        chains: whether their chains were taken.
        events: active ones, confirmed in the session.
        snapshot: columns of `daily_snapshots` that differ.
    """
    with engine.connect() as connection:
        partitioning.make_room(connection, ["ohlcv", "options_chains"], [session])
    document = {
        "events": [
            {
                "type": event,
                "event_date": session_offset(session, -1).isoformat(),
                "detected_at": session.isoformat(),
                "confidence": 0.8,
                "price_level": 96.0,
                "volume_ratio": 0.7,
                "is_active": True,
            }
            for event in events
        ],
        "signal_strength": "WEAK",
        "signal_message": "SPRING confirmed - entry setup",
    }
    snapshots, phases, confirmed, bars, statuses = [], [], [], [], []
    for symbol, ticker_id in names.items():
        key = {"date": session, "ticker_id": ticker_id}
        snapshots.append(
            {
                **key,
                "symbol": symbol,
                "wyckoff_phase": "A",
                "bc_score": 5,
                "spring_score": 8,
                "composite_score": 0.4,
                "phase_confidence": 0.6,
                "events_detected": list(events),
                "events_json": document,
                "rsi_14": 55.4321,
                "adx_14": 21.0,
                "atr_14": 1.6,
                "hv_20": 0.28,
                "iv_rank": 44.0,
                "dgpi": 10.0,
                "price_vs_sma50": 1.5,
                "call_wall_primary": 112.0,
                "volatility_metrics_json": {"iv_30d": 0.3, "expected_move_30d": 8.6} if chains else None,
                "model_version": "wyckoff test",
                "data_quality": "complete" if chains else "partial",
                "missing": [] if chains else ["chain:none"],
                **snapshot,
            }
        )
        phases.append(
            {
                **key,
                "regime": "ACCUM",
                "phase": "C",
                "support": 95.0,
                "resistance": 106.0,
                "touches_support": 2,
                "touches_resistance": 2,
                "bars_read": 300,
                "bc_score": snapshot.get("bc_score", 5),
                "bc_parts": {},
                "spring_parts": {},
                "spring_is_final": True,
                "events_detected": list(events),
                "signal_type": signal,
                "events_json": document,
                "checklist_json": {},
                "model_version": "test",
                "null_reasons": {},
            }
        )
        confirmed += [
            {
                **key,
                "event": event,
                "event_date": session_offset(session, -1),
                "confirmed_date": session,
                "confidence": 0.8,
                "terms": {},
                "price_level": 96.0,
                "model_version": "test",
            }
            for event in events
        ]
        bars.append(
            {**key, "open": CLOSE, "high": CLOSE + 1, "low": CLOSE - 1, "close": CLOSE, "volume": 1_000_000.0,
             "source": "flatfile"}
        )  # fmt: skip
        statuses.append(
            {**key, "status": "COMPLETE", "spot": CLOSE, "rate": 0.0, "pages": 1, "contracts": 36,
             "contracts_non_standard": 0, "refused": {}}
        )  # fmt: skip
    with engine.begin() as connection:
        for table, rows in (
            (daily_snapshots, snapshots),
            (wyckoff_phases, phases),
            (wyckoff_events, confirmed),
            (ohlcv, bars),
            (options_chain_status, statuses if chains else []),
        ):
            if rows:
                connection.execute(sa.insert(table), rows)
        if chains:
            frame = chain_frame(session, names)
            copy_csv(driver_connection(connection), options_chains.name, frame, frame.columns)


def chain_frame(session: date, names: dict[str, int]) -> pd.DataFrame:
    """Rows of `options_chains`: calls and puts of two expiries, as Black-Scholes prices them."""
    rows = []
    for days in DAYS:
        expiry = session + timedelta(days=days)
        for kind in ("call", "put"):
            terms = (CLOSE, list(STRIKES), days / 365, VOLATILITY)
            prices = black_scholes.price(*terms, is_call=kind == "call")
            deltas = black_scholes.delta(*terms, is_call=kind == "call")
            rows += [
                (symbol, ticker_id, expiry, kind, strike, round(price, 2), round(delta, 4))
                for strike, price, delta in zip(STRIKES, prices.tolist(), deltas.tolist(), strict=True)
                for symbol, ticker_id in names.items()
            ]
    columns = ["symbol", "ticker_id", "expiration_date", "contract_type", "strike", "close", "delta"]
    frame = pd.DataFrame(rows, columns=columns)
    name = [contract_name(*row[:4]) for row in frame[["symbol", *columns[2:5]]].itertuples(index=False)]
    return frame.drop(columns="symbol").assign(
        date=session, contract=name, multiplier=100.0, is_standard=True, open_interest=500, volume=20,
        implied_volatility=VOLATILITY,
    )  # fmt: skip


def rows_of(engine: sa.Engine, table: str, order: str = "date, ticker_id") -> list[dict[str, Any]]:
    """A table's rows as JSON can hold them, so that two states of it can be compared."""
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT to_jsonb(t) FROM {table} t ORDER BY {order}")).scalars()
        return [json.loads(json.dumps(row)) for row in found]

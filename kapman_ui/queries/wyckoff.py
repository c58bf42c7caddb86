"""Queries of the Wyckoff page: where each name is, and one name's bars, events and reading."""

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from kapman_resources.schema import daily_snapshots, ohlcv_sessions, splits, tickers, wyckoff_events, wyckoff_phases
from kapman_ui.queries.marking import depends_on

_LATEST = sa.table(
    "v_wyckoff_events",
    *(
        sa.column(name)
        for name in (
            "symbol", "date", "signal_type", "wyckoff_phase", "primary_event", "primary_event_confidence",
            "days_since_event", "bc_score", "spring_score", "events_detected",
        )
    ),
)  # fmt: skip


@depends_on(daily_snapshots, wyckoff_phases)
def latest(connection: sa.Connection) -> pd.DataFrame:
    """The newest snapshot of each name in the columns of `v_wyckoff_events`, with its sector."""
    query = (
        sa.select(*_LATEST.c, tickers.c.name, tickers.c.sector)
        .join(tickers, tickers.c.symbol == _LATEST.c.symbol)
        .order_by(_LATEST.c.symbol)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


@depends_on(wyckoff_phases)
def reading(connection: sa.Connection, symbol: str, session: date) -> dict[str, Any] | None:
    """The whole row of `wyckoff_phases` of a name and session; None if there is none."""
    query = (
        sa.select(wyckoff_phases)
        .join(tickers, tickers.c.ticker_id == wyckoff_phases.c.ticker_id)
        .where(tickers.c.symbol == symbol, wyckoff_phases.c.date == session)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


@depends_on(wyckoff_events)
def events(connection: sa.Connection, symbol: str, session: date) -> pd.DataFrame:
    """Every event of a name confirmed by a session, oldest first."""
    columns = [
        wyckoff_events.c[name]
        for name in ("event", "sub_type", "event_date", "confirmed_date", "confidence", "price_level", "volume_ratio")
    ]
    query = (
        sa.select(*columns)
        .join(tickers, tickers.c.ticker_id == wyckoff_events.c.ticker_id)
        .where(tickers.c.symbol == symbol, wyckoff_events.c.date <= session)
        .order_by(wyckoff_events.c.event_date, wyckoff_events.c.confirmed_date)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=[column.name for column in columns])


@depends_on(ohlcv_sessions, splits)
def bars(connection: sa.Connection, symbol: str, session: date, count: int = 730) -> pd.DataFrame:
    """A name's newest bars up to a session, ascending, adjusted for the splits known in it: USD a share, shares."""
    adjusted = sa.func.fn_ohlcv_adjusted(session).table_valued(
        "symbol", "date", "open", "high", "low", "close", "volume"
    )
    columns = [adjusted.c[name] for name in ("date", "open", "high", "low", "close", "volume")]
    query = (
        sa.select(*columns)
        .where(adjusted.c.symbol == symbol, adjusted.c.date <= session)
        .order_by(adjusted.c.date.desc())
        .limit(count)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=[column.name for column in columns]).iloc[::-1]

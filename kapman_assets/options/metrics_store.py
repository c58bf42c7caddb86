"""What the option metrics are computed from, and the transaction that stores them. Plain SQL, no Dagster.

Everything that is read for a session was known at its close: its own chains, bars adjusted as of it, and the
volatilities stored for the sessions before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from kapman_assets.options.black_scholes import Floats
from kapman_resources.binary_copy import FixedKind, read_columns
from kapman_resources.database import driver_connection
from kapman_resources.schema import dealer_metrics, price_metrics, volatility_metrics
from kapman_resources.sessions import session_offset, sessions_between

TABLES = (volatility_metrics, price_metrics, dealer_metrics)

_CHAINS = """
    SELECT c.ticker_id, c.strike, c.expiration_date, c.contract_type = 'call' AS is_call,
           coalesce(CAST(c.open_interest AS float8), 'NaN') AS open_interest,
           coalesce(CAST(c.volume AS float8), 'NaN') AS volume,
           coalesce(c.implied_volatility, 'NaN') AS implied_volatility, coalesce(c.delta, 'NaN') AS delta,
           coalesce(c.gamma, 'NaN') AS gamma, coalesce(c.multiplier, 'NaN') AS multiplier, c.is_standard
    FROM options_chains c
    WHERE c.date = %(session)s AND c.contract_type IN ('call', 'put')
    ORDER BY c.ticker_id"""
_CHAIN_KINDS: dict[str, FixedKind] = {
    "ticker_id": "int4",
    "strike": "float8",
    "expiration_date": "date",
    "is_call": "bool",
    **dict.fromkeys(("open_interest", "volume", "implied_volatility", "delta", "gamma", "multiplier"), "float8"),
    "is_standard": "bool",
}

_BARS = """
    SELECT t.ticker_id, a.date, a.close, a.volume
    FROM fn_ohlcv_adjusted(%(session)s) a JOIN tickers t ON t.symbol = a.symbol
    WHERE t.options_enabled AND a.date >= %(first)s"""
_BAR_KINDS: dict[str, FixedKind] = {"ticker_id": "int4", "date": "date", "close": "float8", "volume": "float8"}

_HISTORY = """
    SELECT v.ticker_id, v.date, v.iv_30d
    FROM volatility_metrics v
    WHERE v.date >= %(first)s AND v.date < %(session)s AND v.iv_30d IS NOT NULL"""
_HISTORY_KINDS: dict[str, FixedKind] = {"ticker_id": "int4", "date": "date", "iv_30d": "float8"}


@dataclass(frozen=True)
class StoredChain:
    """A chain of a session.

    Attributes:
        contracts: the columns that `chain.read_chain` takes, one row a contract.
        spot: USD a share, raw: the chain's own, else the session's close; None if neither is known.
        is_complete: whether every page came.
        rate: risk-free, decimal a year, continuous: assumed where the vendor gives no greeks.
    """

    contracts: pd.DataFrame
    spot: float | None
    is_complete: bool
    rate: float


@dataclass(frozen=True)
class Grid:
    """A quantity of some names in some sessions.

    Attributes:
        values: by ticker_id, one value a session, oldest first; NaN where there is none.
        sessions: number of them.
    """

    values: Mapping[int, Floats]
    sessions: int

    def of(self, ticker_id: int) -> Floats:
        """The values of one name; all NaN for one that has none."""
        found = self.values.get(ticker_id)
        return np.full(self.sessions, np.nan) if found is None else found


def read_chains(connection: sa.Connection, session: date) -> dict[int, StoredChain]:
    """The chains that are stored of a session, by ticker, incomplete ones included."""
    statuses = connection.execute(
        sa.text("""
            SELECT s.ticker_id, coalesce(s.spot, o.close), s.status = 'COMPLETE', s.rate
            FROM options_chain_status s LEFT JOIN ohlcv o ON o.ticker_id = s.ticker_id AND o.date = s.date
            WHERE s.date = :session AND s.status IN ('COMPLETE', 'INCOMPLETE')"""),
        {"session": session},
    ).all()
    columns = read_columns(driver_connection(connection), _CHAINS, {"session": session}, _CHAIN_KINDS)
    ids = columns.pop("ticker_id")
    columns["contract_type"] = np.where(columns.pop("is_call"), "call", "put").astype(object)
    rows = pd.DataFrame(columns)
    starts = np.searchsorted(ids, [row.ticker_id for row in statuses], side="left")
    ends = np.searchsorted(ids, [row.ticker_id for row in statuses], side="right")
    return {
        ticker_id: StoredChain(rows.iloc[start:end], *facts)
        for (ticker_id, *facts), start, end in zip(statuses, starts, ends, strict=True)
    }


def read_bars(connection: sa.Connection, session: date, count: int) -> tuple[Grid, Grid]:
    """Closes and volumes of every watched name in the last `count` sessions, adjusted as of `session`."""
    sessions = sessions_between(session_offset(session, 1 - count), session)
    parameters = {"session": session, "first": sessions[0]}
    columns = read_columns(driver_connection(connection), _BARS, parameters, _BAR_KINDS)
    return _grid(columns, "close", sessions), _grid(columns, "volume", sessions)


def read_iv_history(connection: sa.Connection, session: date, count: int) -> Grid:
    """`iv_30d` of every name in the `count` sessions before `session`."""
    sessions = sessions_between(session_offset(session, -count), session - timedelta(days=1))
    parameters = {"session": session, "first": sessions[0]}
    columns = read_columns(driver_connection(connection), _HISTORY, parameters, _HISTORY_KINDS)
    return _grid(columns, "iv_30d", sessions)


def write_metrics(engine: sa.Engine, session: date, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Replace the session's rows of every table of metrics, in one transaction.

    Args:
        engine: the warehouse.
        session: theirs.
        rows: by table name, a mapping of columns for each name.
    """
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(sa.delete(table).where(table.c.date == session))
            values = [{"date": session, **row} for row in rows[table.name]]
            if values:
                connection.execute(sa.insert(table), values)


def _grid(columns: Mapping[str, Any], name: str, sessions: list[date]) -> Grid:
    places = np.searchsorted(np.array(sessions, dtype="datetime64[D]"), columns["date"])
    ids, rows = np.unique(columns["ticker_id"], return_inverse=True)
    values = np.full((len(ids), len(sessions)), np.nan)
    values[rows, places] = columns[name]
    return Grid(dict(zip(ids.tolist(), values, strict=True)), len(sessions))

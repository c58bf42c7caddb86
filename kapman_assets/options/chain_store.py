"""Chains in the warehouse: who is watched, what is stored, and the transaction that stores. Plain SQL, no Dagster.

A chain's contracts and its status appear together or not at all, and a chain is never replaced by a worse one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from kapman_resources import partitioning
from kapman_resources.csv_copy import copy_csv
from kapman_resources.database import driver_connection
from kapman_resources.schema import options_chain_status, options_chains

_WRITE_LOCK = 0x6B61_7004
"""First key of the advisory lock of everyone who writes chains ("kap", 4); the second one is the session."""

_LATEST_PRICE_DAYS = timedelta(days=10)
"""How old a bar may be that says where an underlying's strikes are."""

_COLUMNS = [column.name for column in options_chains.columns]
_INTEGERS = [column.name for column in options_chains.columns if isinstance(column.type, sa.Integer)]


class ChainStatus(StrEnum):
    """What became of a chain."""

    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"
    NO_OPTIONS = "NO_OPTIONS"
    FAILED = "FAILED"


TAKEN = frozenset({ChainStatus.COMPLETE, ChainStatus.NO_OPTIONS})
"""Nothing is missing: asking again would bring nothing new."""

_WORTH = {
    ChainStatus.COMPLETE: 3,
    ChainStatus.INCOMPLETE: 2,
    ChainStatus.NO_OPTIONS: 1,
    ChainStatus.FAILED: 0,
}


@dataclass(frozen=True)
class Watched:
    """An underlying whose chain is taken.

    Attributes:
        ticker_id: its identity.
        symbol: the vendor's ticker.
        close: USD a share, raw: the session's close; None while there is no bar of it.
        price: USD a share: the newest close up to the session, in the session's shares; None without a recent bar.
    """

    ticker_id: int
    symbol: str
    close: float | None
    price: float | None


@dataclass(frozen=True)
class Chain:
    """A row of `options_chain_status`, without its session and run."""

    ticker_id: int
    status: ChainStatus
    rate: float = 0.0
    reason: str | None = None
    spot: float | None = None
    spot_source: str | None = None
    pages: int = 0
    contracts: int = 0
    contracts_non_standard: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    snapshot_ts: datetime | None = None
    oi_session: date | None = None
    uri: str | None = None


def read_watched(connection: sa.Connection, session: date, limit: int | None) -> list[Watched]:
    """The names whose chains are taken, P1 first.

    Args:
        connection: the warehouse.
        session: prices are those known at its close.
        limit: at most so many names; None is all.
    """
    rows = connection.execute(
        sa.text("""
            WITH watched AS (
                SELECT t.ticker_id, t.symbol, min(p.priority) AS priority
                FROM tickers t LEFT JOIN portfolio_tickers p ON p.ticker_id = t.ticker_id
                WHERE t.options_enabled
                GROUP BY t.ticker_id, t.symbol
                ORDER BY priority, t.symbol
                LIMIT :limit
            ), bars AS (
                SELECT DISTINCT ON (a.symbol) a.symbol, a.date, a.close
                FROM fn_ohlcv_adjusted(:session) a
                WHERE a.symbol IN (SELECT symbol FROM watched) AND a.date > :oldest
                ORDER BY a.symbol, a.date DESC
            )
            SELECT w.ticker_id, w.symbol, CASE WHEN b.date = :session THEN b.close END, b.close
            FROM watched w LEFT JOIN bars b ON b.symbol = w.symbol
            ORDER BY w.priority, w.symbol"""),
        {"session": session, "oldest": session - _LATEST_PRICE_DAYS, "limit": limit},
    )
    return [Watched(*row) for row in rows]


def stored_chains(connection: sa.Connection, session: date) -> dict[int, Chain]:
    """What is stored of a session, by ticker."""
    c = options_chain_status.c
    query = sa.select(*(c[field.name] for field in fields(Chain))).where(c.date == session)
    chains = (Chain(**row) for row in connection.execute(query).mappings())
    return {chain.ticker_id: replace(chain, status=ChainStatus(chain.status)) for chain in chains}


def sessions_with_chains(connection: sa.Connection, first: date) -> set[date]:
    """Sessions from `first` on of which a chain was stored or is known to be missing."""
    c = options_chain_status.c
    return set(connection.scalars(sa.select(c.date).distinct().where(c.date >= first)))


def make_room(connection: sa.Connection, sessions: Iterable[date]) -> None:
    """Create the partitions that `sessions` need, before the transactions that fill them."""
    partitioning.make_room(connection, (options_chains.name,), sessions)


def write_chains(
    engine: sa.Engine, session: date, chains: Sequence[Chain], rows: pd.DataFrame, *, run_id: str | None
) -> list[Chain]:
    """Store chains of one session in one transaction.

    Args:
        engine: the warehouse; `make_room` must have been called for the session.
        session: theirs.
        chains: what became of each.
        rows: their contracts: `ticker_id` and the columns of `options_chains` but the session.
        run_id: Dagster's.

    Returns:
        The chains written; one that is worse than what is stored is left out.
    """
    with engine.begin() as connection:
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:lock, :day)"), {"lock": _WRITE_LOCK, "day": session.toordinal()}
        )
        stored = stored_chains(connection, session)
        better = [chain for chain in chains if _is_no_worse(chain, stored.get(chain.ticker_id))]
        ids = [chain.ticker_id for chain in better]
        for table in (options_chains, options_chain_status):
            connection.execute(sa.delete(table).where(table.c.date == session, table.c.ticker_id.in_(ids)))
        wanted = rows[rows["ticker_id"].isin(ids)]
        if len(wanted):
            typed = wanted.assign(date=session).astype(dict.fromkeys(_INTEGERS, "Int64"))
            copy_csv(driver_connection(connection), options_chains.name, typed, _COLUMNS)
        if better:
            connection.execute(insert(options_chain_status), [_status_row(session, chain, run_id) for chain in better])
    return better


def _is_no_worse(chain: Chain, stored: Chain | None) -> bool:
    """Of two incomplete chains the one with more contracts is the better; all others are replaced by their like."""
    if stored is None:
        return True
    if chain.status is stored.status is ChainStatus.INCOMPLETE:
        return chain.contracts >= stored.contracts
    return _WORTH[chain.status] >= _WORTH[stored.status]


def _status_row(session: date, chain: Chain, run_id: str | None) -> dict[str, Any]:
    return {**asdict(chain), "date": session, "run_id": run_id, "refused": dict(chain.refused)}

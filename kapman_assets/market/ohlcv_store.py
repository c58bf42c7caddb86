"""Writes a judged session into the warehouse, and reads back what was written. Plain SQL, no Dagster.

One session is one transaction: its rows, its quarantine, its provenance, the tickers seen for the first time
and `last_ohlcv_date` appear together or not at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
import psycopg
import sqlalchemy as sa

from kapman_assets.market.day_file import JudgedDay, Source
from kapman_resources import partitioning
from kapman_resources.binary_copy import Kind, copy_frame
from kapman_resources.database import driver_connection
from kapman_resources.errors import KapmanError
from kapman_resources.schema import ohlcv, ohlcv_quarantine, ohlcv_sessions, tickers

_WRITE_LOCK = 0x6B61_706D_0003
"""Advisory lock of everyone who writes bars or tickers ("kapm", 3).

Two sessions written at once update the same ticker rows in different orders, which would end in a deadlock;
a session takes some tens of milliseconds, so that waiting costs less than retrying.
"""

_OHLCV_KINDS: dict[str, Kind] = {
    "ticker_id": "int4",
    "date": "date",
    **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap"), "float8"),
    "transactions": "int4",
    "source": "text",
}


class StorageFullError(KapmanError):
    """The database server has no disk space left; nothing of the session was written."""


@dataclass(frozen=True)
class Provenance:
    """Where a session's rows came from: written beside them."""

    uri: str
    etag: str | None
    bytes: int | None
    run_id: str | None


@dataclass
class TickerIndex:
    """The symbols that a writer knows: `ids` is ticker_id by symbol."""

    ids: pd.Series


@dataclass(frozen=True)
class WriteReport:
    """What one session's transaction did."""

    stored: int
    refused: int
    new_symbols: tuple[str, ...]
    replaced: bool


@dataclass(frozen=True)
class StoredSession:
    """Provenance of a session as it stands in `ohlcv_sessions`."""

    session: date
    source: Source
    etag: str | None
    rows_stored: int
    run_id: str | None
    ingested_at: datetime


def load_ticker_index(connection: sa.Connection) -> TickerIndex:
    """Read every known symbol once; a writer keeps the index for its whole run."""
    # Two arrays by the driver: 15,000 rows one by one would take as long as a session's COPY.
    with driver_connection(connection).cursor(binary=True) as cursor:
        arrays = cursor.execute("SELECT array_agg(symbol), array_agg(ticker_id) FROM tickers").fetchone()
    symbols, ids = arrays if arrays and arrays[0] else ((), ())
    return TickerIndex(_ids_by_symbol(symbols, ids))


def typed_symbols(connection: sa.Connection, symbols: Iterable[str]) -> frozenset[str]:
    """Those of `symbols` whose type the reference knows."""
    c = tickers.c
    query = sa.select(c.symbol).where(c.symbol.in_(list(symbols)), c.type.is_not(None))
    return frozenset(connection.scalars(query))


def _ids_by_symbol(symbols: Sequence[str], ids: Sequence[int]) -> pd.Series:
    return pd.Series(ids, index=np.array(symbols, dtype=object), dtype="int64")


def lock_for_writing(connection: sa.Connection) -> None:
    """Wait for every other writer of bars or tickers; held until the transaction ends."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK})


def make_room(connection: sa.Connection, sessions: Iterable[date]) -> None:
    """Create the partitions that `sessions` need, before the transactions that fill them."""
    partitioning.make_room(connection, (ohlcv.name, ohlcv_quarantine.name), sessions)


def write_session(engine: sa.Engine, day: JudgedDay, origin: Provenance, index: TickerIndex) -> WriteReport:
    """Replace one session by `day`, in one transaction.

    Args:
        engine: the warehouse; `make_room` must have been called for the session.
        day: the judged rows.
        origin: written to `ohlcv_sessions`.
        index: updated with the tickers created, once they are committed.

    Raises:
        StorageFullError: the server's disk is full; the old partition stands.
        sqlalchemy.exc.OperationalError: the connection was lost; the old partition stands.
    """
    known = index.ids
    try:
        with engine.begin() as connection:
            lock_for_writing(connection)
            replaced = _remove(connection, day.session)
            symbols = pd.Index(day.bars["symbol"])
            unknown = sorted(symbols[known.index.get_indexer(symbols) < 0])
            if unknown:
                known = pd.concat([known, _create_tickers(connection, unknown)])
            ids = pd.Series(known.to_numpy()[known.index.get_indexer(symbols)])
            _insert(connection, day, ids)
            _record(connection, day, origin)
            _touch_tickers(connection, day.session, ids, replaced=replaced)
    except (sa.exc.OperationalError, psycopg.OperationalError) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if isinstance(cause, psycopg.errors.DiskFull):
            raise StorageFullError(
                f"{day.session}: the database's disk is full ({str(cause).splitlines()[0]}). The session's old rows "
                "stand. Free space where the database lives (KAPMAN_HOME, or the server of DATABASE_URL) and run the "
                "session again."
            ) from error
        raise
    index.ids = known
    return WriteReport(len(day.bars), len(day.refused), tuple(unknown), replaced)


def stored_sessions(connection: sa.Connection, first: date, last: date) -> dict[date, StoredSession]:
    """Provenance of every stored session from `first` to `last`, ascending."""
    c = ohlcv_sessions.c
    query = (
        sa.select(c.date, c.source, c.etag, c.rows_stored, c.run_id, c.ingested_at)
        .where(c.date.between(first, last))
        .order_by(c.date)
    )
    return {row.date: StoredSession(row[0], Source(row[1]), *row[2:]) for row in connection.execute(query)}


def _remove(connection: sa.Connection, session: date) -> bool:
    """Delete the session's rows if it is stored; the provenance row is there exactly if they are."""
    gone = connection.execute(sa.delete(ohlcv_sessions).where(ohlcv_sessions.c.date == session)).rowcount
    if gone:
        connection.execute(sa.delete(ohlcv).where(ohlcv.c.date == session))
        connection.execute(sa.delete(ohlcv_quarantine).where(ohlcv_quarantine.c.date == session))
    return bool(gone)


def _create_tickers(connection: sa.Connection, symbols: list[str]) -> pd.Series:
    connection.execute(
        sa.text("INSERT INTO tickers (symbol) SELECT unnest(CAST(:symbols AS text[])) ON CONFLICT DO NOTHING"),
        {"symbols": symbols},
    )
    rows = connection.execute(
        sa.select(tickers.c.symbol, tickers.c.ticker_id).where(
            tickers.c.symbol == sa.any_(sa.bindparam("symbols", symbols, type_=sa.ARRAY(sa.Text)))
        )
    )
    return _ids_by_symbol(*zip(*rows, strict=True))


def _insert(connection: sa.Connection, day: JudgedDay, ids: pd.Series) -> None:
    raw = driver_connection(connection)
    rows = day.bars.assign(ticker_id=ids, date=pd.Timestamp(day.session), source=day.source.value)
    # In key order every index page is touched once.
    in_order = rows if ids.is_monotonic_increasing else rows.sort_values("ticker_id")
    copy_frame(raw, ohlcv.name, in_order, _OHLCV_KINDS)
    if len(day.refused):
        with raw.cursor() as cursor:
            cursor.executemany(
                'INSERT INTO ohlcv_quarantine (date, source, line, symbol, reason, "row") '
                "VALUES (%s, %s, %s, %s, %s, %s)",
                [(day.session, day.source.value, *row) for row in day.refused.itertuples(index=False)],
            )


def _record(connection: sa.Connection, day: JudgedDay, origin: Provenance) -> None:
    connection.execute(
        sa.insert(ohlcv_sessions).values(
            date=day.session,
            source=day.source,
            uri=origin.uri,
            etag=origin.etag,
            bytes=origin.bytes,
            rows_read=day.rows_read,
            rows_stored=len(day.bars),
            rows_refused=len(day.refused),
            run_id=origin.run_id,
        )
    )


def _touch_tickers(connection: sa.Connection, session: date, ids: pd.Series, *, replaced: bool) -> None:
    connection.execute(
        sa.text("""
            UPDATE tickers t
            SET last_ohlcv_date = CAST(:session AS date),
                universe_tier = CASE t.universe_tier WHEN 'custom' THEN 'polygon_full' ELSE t.universe_tier END
            FROM unnest(CAST(:ids AS int[])) AS seen(ticker_id)
            WHERE seen.ticker_id = t.ticker_id
              AND (t.last_ohlcv_date IS NULL OR t.last_ohlcv_date < CAST(:session AS date))"""),
        # One literal: adapting 12,000 Python integers one by one takes longer than the update.
        {"session": session, "ids": f"{{{','.join(map(str, ids.tolist()))}}}"},
    )
    if replaced:
        # A name that the new file no longer has.
        connection.execute(
            sa.text("""
                UPDATE tickers t
                SET last_ohlcv_date = (SELECT max(o.date) FROM ohlcv o WHERE o.ticker_id = t.ticker_id)
                WHERE t.last_ohlcv_date = :session
                  AND NOT EXISTS (SELECT 1 FROM ohlcv o WHERE o.ticker_id = t.ticker_id AND o.date = :session)"""),
            {"session": session},
        )

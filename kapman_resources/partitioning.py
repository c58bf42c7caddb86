"""How session tables are split physically: month partitions on plain PostgreSQL, hypertables on TimescaleDB.

This module decides which, and is the only one that knows. Its callers create a session table, make room
for a session, and drop old sessions, without asking on what.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

_LOCK = 0x6B61_706D_0002
"""Advisory lock under which partitions are created and dropped ("kapm", 2)."""

_COMPRESS_AFTER = "365 days"
"""Age at which TimescaleDB compresses a chunk."""


@dataclass(frozen=True)
class Slice:
    """A physical part of a session table: every row has `first` <= session < `end`."""

    name: str
    first: date
    end: date
    bytes: int


def enable(connection: sa.Connection) -> bool:
    """Create the `timescaledb` extension where the server has it; whether it is there afterwards."""
    available = connection.scalar(sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"))
    if available:
        connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS timescaledb"))
    return has_timescale(connection)


def table_options(connection: sa.Connection, column: str) -> dict[str, Any]:
    """Keyword arguments for `CREATE TABLE` of a session table."""
    return {} if has_timescale(connection) else {"postgresql_partition_by": f"RANGE ({column})"}


def finish_table(connection: sa.Connection, table: str, column: str, *, order_by: str) -> None:
    """What a session table needs once it is created: on TimescaleDB, becoming a compressed hypertable."""
    if not has_timescale(connection):
        return
    connection.execute(
        sa.text("SELECT create_hypertable(CAST(:table AS regclass), by_range(:column, INTERVAL '1 month'))"),
        {"table": table, "column": column},
    )
    name = _quoted(connection, table)
    segment = _quoted(connection, order_by)
    connection.execute(
        sa.text(f"ALTER TABLE {name} SET (timescaledb.compress, timescaledb.compress_segmentby = '{segment}')")
    )
    connection.execute(
        sa.text("SELECT add_compression_policy(CAST(:table AS regclass), CAST(:age AS interval))"),
        {"table": table, "age": _COMPRESS_AFTER},
    )


def make_room(connection: sa.Connection, tables: Iterable[str], sessions: Iterable[date]) -> None:
    """Create the partitions that `sessions` fall into, in a short transaction of its own.

    It must come before the transaction that writes: creating a partition locks the whole table for as long
    as its transaction lasts.
    """
    if has_timescale(connection):
        connection.rollback()
        return
    wanted = {(table, day.replace(day=1)) for table in tables for day in sessions}
    have = {(table, piece.first) for table in {table for table, _ in wanted} for piece in slices(connection, table)}
    missing = sorted(wanted - have)
    if missing:
        _lock(connection)
        for table, first in missing:
            piece = _quoted(connection, _slice_name(table, first))
            connection.execute(
                sa.text(
                    f"CREATE TABLE IF NOT EXISTS {piece} PARTITION OF {_quoted(connection, table)} "
                    f"FOR VALUES FROM ('{first.isoformat()}') TO ('{_next_month(first).isoformat()}')"
                )
            )
    connection.commit()


def slices(connection: sa.Connection, table: str) -> list[Slice]:
    """The physical parts of a session table, oldest first."""
    if has_timescale(connection):
        query = """
            SELECT chunk_name, CAST(range_start AS date), CAST(range_end AS date),
                   pg_total_relation_size(format('%I.%I', chunk_schema, chunk_name)::regclass)
            FROM timescaledb_information.chunks WHERE hypertable_name = :table ORDER BY range_start"""
        return [Slice(*row) for row in connection.execute(sa.text(query), {"table": table})]
    query = """
        SELECT c.relname, pg_total_relation_size(c.oid)
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(:table) ORDER BY c.relname"""
    return [
        Slice(name, _month_of(name), _next_month(_month_of(name)), size)
        for name, size in connection.execute(sa.text(query), {"table": table})
    ]


def drop_before(connection: sa.Connection, table: str, cutoff: date, *, dry_run: bool) -> list[Slice]:
    """Drop the parts of `table` that lie wholly before `cutoff`; with `dry_run` only say which they are.

    A part that reaches beyond the cutoff stays whole, so up to a month more than asked for is kept.
    """
    _lock(connection)
    old = [piece for piece in slices(connection, table) if piece.end <= cutoff]
    if old and not dry_run:
        if has_timescale(connection):
            connection.execute(
                sa.text("SELECT drop_chunks(CAST(:table AS regclass), older_than => CAST(:cutoff AS date))"),
                {"table": table, "cutoff": max(piece.end for piece in old)},
            )
        else:
            for piece in old:
                connection.execute(sa.text(f"DROP TABLE {_quoted(connection, piece.name)}"))
    return old


def has_timescale(connection: sa.Connection) -> bool:
    """Whether session tables of this database are hypertables."""
    return connection.scalar(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")) is not None


def _lock(connection: sa.Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _slice_name(table: str, first: date) -> str:
    return f"{table}_{first:%Y_%m}"


def _month_of(slice_name: str) -> date:
    year, month = slice_name.rsplit("_", 2)[1:]
    return date(int(year), int(month), 1)


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)

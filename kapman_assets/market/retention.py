"""Keeps the warehouse to its last sessions: bars, and what was computed from them. Plain SQL, no Dagster."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from kapman_assets.market.ohlcv_store import lock_for_writing
from kapman_resources import partitioning
from kapman_resources.schema import KEPT_WITH_BARS, SESSION_TABLES, ohlcv, ohlcv_quarantine, ohlcv_sessions


@dataclass(frozen=True)
class RetentionReport:
    """What was dropped, or would be.

    Attributes:
        first_kept: oldest session that must stay; None if fewer are stored than are to be kept.
        dropped: names of the partitions.
        bytes: their size on disk.
        sessions: stored sessions among them.
        rows: computed rows deleted with them, those in dropped partitions not counted.
    """

    first_kept: date | None
    dropped: tuple[str, ...]
    bytes: int
    sessions: int
    rows: int


def drop_old_sessions(engine: sa.Engine, keep: int, *, dry_run: bool) -> RetentionReport:
    """Drop the partitions of `ohlcv` and its quarantine that hold none of the last `keep` stored sessions.

    A month is dropped whole or not at all, so that up to a month more is kept. What was computed of its sessions
    (`KEPT_WITH_BARS`) goes with it; chains have a retention of their own. `tickers.last_ohlcv_date` stays: when a name
    last traded does not become unknown.

    Args:
        engine: the warehouse.
        keep: sessions to keep, at least 1.
        dry_run: only report.
    """
    c = ohlcv_sessions.c
    with engine.begin() as connection:
        lock_for_writing(connection)
        first_kept = connection.scalar(sa.select(c.date).order_by(c.date.desc()).offset(keep - 1).limit(1))
        if first_kept is None:
            return RetentionReport(None, (), 0, 0, 0)
        pieces = _drop_before(connection, (ohlcv.name, ohlcv_quarantine.name), first_kept, dry_run=dry_run)
        end = max((piece.end for piece in pieces), default=date.min)
        split = [table.name for table in KEPT_WITH_BARS if table.name in SESSION_TABLES]
        pieces += _drop_before(connection, split, end, dry_run=dry_run)
        whole = [table for table in KEPT_WITH_BARS if table.name not in split]
        rows = sum(_delete_before(connection, table, end, dry_run=dry_run) for table in whole)
        sessions = _delete_before(connection, ohlcv_sessions, end, dry_run=dry_run)
    return RetentionReport(first_kept, tuple(p.name for p in pieces), sum(p.bytes for p in pieces), sessions, rows)


def _drop_before(
    connection: sa.Connection, tables: Iterable[str], cutoff: date, *, dry_run: bool
) -> list[partitioning.Slice]:
    return [piece for table in tables for piece in partitioning.drop_before(connection, table, cutoff, dry_run=dry_run)]


def _delete_before(connection: sa.Connection, table: sa.Table, cutoff: date, *, dry_run: bool) -> int:
    """Delete a table's rows of the sessions before a day; how many there are, or were."""
    old = table.c.date < cutoff
    if dry_run:
        return connection.scalar(sa.select(sa.func.count()).select_from(table).where(old)) or 0
    return connection.execute(sa.delete(table).where(old)).rowcount

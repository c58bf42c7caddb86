"""Keeps `ohlcv` to its last sessions by dropping whole partitions. Plain SQL, no Dagster."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from kapman_assets.market.ohlcv_store import lock_for_writing
from kapman_resources import partitioning
from kapman_resources.schema import ohlcv, ohlcv_quarantine, ohlcv_sessions


@dataclass(frozen=True)
class RetentionReport:
    """What was dropped, or would be.

    Attributes:
        first_kept: oldest session that must stay; None if fewer are stored than are to be kept.
        dropped: names of the partitions.
        bytes: their size on disk.
        sessions: stored sessions among them.
    """

    first_kept: date | None
    dropped: tuple[str, ...]
    bytes: int
    sessions: int


def drop_old_sessions(engine: sa.Engine, keep: int, *, dry_run: bool) -> RetentionReport:
    """Drop the partitions of `ohlcv` and its quarantine that hold none of the last `keep` stored sessions.

    A month is dropped whole or not at all, so that up to a month more is kept. `tickers.last_ohlcv_date` stays:
    when a name last traded does not become unknown.

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
            return RetentionReport(None, (), 0, 0)
        pieces = [
            piece
            for table in (ohlcv.name, ohlcv_quarantine.name)
            for piece in partitioning.drop_before(connection, table, first_kept, dry_run=dry_run)
        ]
        end = max((piece.end for piece in pieces), default=date.min)
        sessions = connection.scalar(sa.select(sa.func.count()).where(c.date < end)) or 0
        if not dry_run:
            connection.execute(sa.delete(ohlcv_sessions).where(c.date < end))
    return RetentionReport(first_kept, tuple(p.name for p in pieces), sum(p.bytes for p in pieces), sessions)

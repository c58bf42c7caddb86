"""What several pages ask: which market, and how new its numbers are."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from kapman_resources.schema import daily_snapshots, market, ohlcv_sessions, options_chain_status
from kapman_resources.sessions import latest_open_session
from kapman_ui.queries.marking import depends_on


@dataclass(frozen=True)
class Freshness:
    """Which market the numbers are of, and how new they are.

    Attributes:
        kind: simulated, recorded or live; None while nothing is stored.
        snapshots: newest session with snapshots.
        bars: newest session with bars.
        chains: newest session with option chains.
    """

    kind: str | None
    snapshots: date | None
    bars: date | None
    chains: date | None

    def sessions_behind(self, now: datetime) -> date | None:
        """The session that should be there by now and is not; None if nothing is missing."""
        due = latest_open_session(now)
        return due if self.snapshots is None or self.snapshots < due else None


@depends_on(market, daily_snapshots, ohlcv_sessions, options_chain_status)
def freshness(connection: sa.Connection) -> Freshness:
    """The newest sessions by table."""
    newest = [
        sa.select(sa.func.max(table.c.date)).scalar_subquery()
        for table in (daily_snapshots, ohlcv_sessions, options_chain_status)
    ]
    kind = sa.select(market.c.kind).scalar_subquery()
    return Freshness(*connection.execute(sa.select(kind, *newest)).one())

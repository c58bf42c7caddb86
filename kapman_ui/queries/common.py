"""What several pages ask: which market, which session is the newest, which names there are to choose from."""

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from kapman_resources.schema import daily_snapshots, market, ohlcv_sessions, options_chain_status, tickers
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


@depends_on(daily_snapshots, tickers)
def watched(connection: sa.Connection) -> pd.DataFrame:
    """Names with a snapshot in the newest session: `symbol`, `name`, `sector`, by symbol."""
    newest = sa.select(sa.func.max(daily_snapshots.c.date)).scalar_subquery()
    query = (
        sa.select(tickers.c.symbol, tickers.c.name, tickers.c.sector)
        .join(daily_snapshots, daily_snapshots.c.ticker_id == tickers.c.ticker_id)
        .where(daily_snapshots.c.date == newest)
        .order_by(tickers.c.symbol)
    )
    return pd.DataFrame(connection.execute(query).all(), columns=["symbol", "name", "sector"])

"""Queries of the ETF panel: the newest grid, one name's history, and what followed a rule."""

from datetime import date

import pandas as pd
import sqlalchemy as sa

from kapman_assets.etf.edge import edge as ask_edge
from kapman_assets.etf.grid import Grid, latest_grid
from kapman_assets.etf.statistics import ConditionalStatistics
from kapman_resources.schema import etf_features, ohlcv_sessions, splits, tickers
from kapman_ui.queries.marking import depends_on


@depends_on(etf_features, ohlcv_sessions, splits, tickers)
def grid(connection: sa.Connection, horizon: str, buy: float, sell: float) -> Grid:
    """The newest session of a horizon; see `kapman_assets.etf.grid`."""
    return latest_grid(connection, horizon, buy=buy, sell=sell)


@depends_on(etf_features, ohlcv_sessions, splits)
def history(connection: sa.Connection, symbol: str, horizon: str, session: date, count: int = 252) -> pd.DataFrame:
    """A name's newest features up to a session, ascending: `date`, `composite_z`, `close`, USD in its shares."""
    bars = sa.func.fn_ohlcv_adjusted(session).table_valued("symbol", "date", "close")
    c = etf_features.c
    query = (
        sa.select(c.date, c.composite_z, bars.c.close)
        .join(tickers, tickers.c.ticker_id == c.ticker_id)
        .outerjoin(bars, sa.and_(bars.c.symbol == symbol, bars.c.date == c.date))
        .where(tickers.c.symbol == symbol, c.horizon == horizon, c.date <= session)
        .order_by(c.date.desc())
        .limit(count)
    )
    rows = pd.DataFrame(connection.execute(query).all(), columns=["date", "composite_z", "close"])
    return rows.iloc[::-1].reset_index(drop=True).astype({"composite_z": "float64", "close": "float64"})


@depends_on(etf_features, ohlcv_sessions, splits)
def edge(
    connection: sa.Connection, symbol: str, rule: str, forward: int, session: date, *, horizon: str
) -> ConditionalStatistics:
    """What followed a rule; see `kapman_assets.etf.edge`.

    Raises:
        RuleError: the rule cannot be read.
        StatisticsError: no features of the symbol are stored.
    """
    return ask_edge(connection, symbol, rule, forward=forward, as_of=session, horizon=horizon)

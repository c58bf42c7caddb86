"""The small market that the panel is looked at with: `python -m tests.browser.market HOME` makes it.

Simulated as `kapman simulate` does, up to the newest session so that nothing is stale, and materialised by the asset
graph. What a market of this size need not have happened to have is written beside it by `happenings`.
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

from kapman_assets.cli.environment import prepare
from kapman_assets.cli.materialize import run_assets
from kapman_resources import database, schema
from kapman_resources.sessions import latest_open_session, session_offset, sessions_between
from kapman_resources.simulation import MarketPlan, WatchedName, simulate
from tests.browser import happenings

SESSIONS, CHAIN_SESSIONS = 300, 4
"""Of bars, so that a z-score over 252 sessions is known; of chains and of all that is calculated."""

STOCKS = {
    "AAPL": "Information Technology", "AMD": "Information Technology", "GE": "Industrials",
    "HD": "Consumer Discretionary", "IBM": "Information Technology", "NVDA": "Information Technology",
}  # fmt: skip
"""They have options; the sectors' funds have none."""
SECTORS = {"XLE": "Energy", "XLF": "Financials", "XLK": "Information Technology", "XLV": "Health Care"}
ENVIRONMENT = {"ETF_UNIVERSE": ",".join(["SPY", *SECTORS])}
"""What every process of this market is told beside its addresses."""

_WATCHED = (
    WatchedName("SPY", "Market Trust", None, is_etf=True),
    *(WatchedName(symbol, f"{sector} Fund", sector, is_etf=True) for symbol, sector in SECTORS.items()),
    *(WatchedName(symbol, f"{symbol} Inc.", sector) for symbol, sector in STOCKS.items()),
)


def build(home: Path) -> None:
    """Simulate and materialise it; the addresses of the databases are those of the environment."""
    newest = latest_open_session(datetime.now(UTC))
    sessions = sessions_between(session_offset(newest, 1 - SESSIONS), newest)
    recent = sessions[-CHAIN_SESSIONS:]
    simulate(home / "simulated", _plan(sessions[0], recent[0]), through=newest)
    workplace = prepare()
    engine = database.make_engine(workplace.urls.warehouse, application_name="test")
    run_assets("key:tickers or key:splits", [newest])
    is_watched = schema.tickers.c.symbol.in_([name.symbol for name in _WATCHED])
    with engine.begin() as connection:
        connection.execute(sa.update(schema.tickers).values(options_enabled=is_watched))
    run_assets("key:ohlcv", sessions)
    run_assets("not (key:tickers or key:splits or key:ohlcv)", recent)
    with engine.begin() as connection:
        happenings.write(connection, newest, recent[0])
    engine.dispose()


def _plan(first: date, first_chain: date) -> MarketPlan:
    return MarketPlan(
        first_session=first,
        watched=_WATCHED,
        names=40,
        first_chain_session=first_chain,
        without_options=("SPY", *SECTORS),
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))

"""The warehouse's tables as SQLAlchemy Core metadata: the one place that names tables and columns.

Comments carry unit and source of each column; they are what a reader sees in the database. Migrations
(`migrations/versions`) create them; a test holds the two against each other. Views and functions live in
migrations only. How session tables are split into physical partitions is the business of `partitioning`.
One module a domain; users import the tables from here.
"""

from kapman_resources.schema.base import metadata
from kapman_resources.schema.market import (
    market,
    ohlcv,
    ohlcv_quarantine,
    ohlcv_sessions,
    portfolio_tickers,
    portfolios,
    splits,
    tickers,
)

SESSION_TABLES = {ohlcv.name: "date", ohlcv_quarantine.name: "date"}
"""Tables split by session, with the column that holds it."""

__all__ = [
    "SESSION_TABLES",
    "market",
    "metadata",
    "ohlcv",
    "ohlcv_quarantine",
    "ohlcv_sessions",
    "portfolio_tickers",
    "portfolios",
    "splits",
    "tickers",
]

"""The warehouse's tables as SQLAlchemy Core metadata: the one place that names tables and columns.

Comments carry unit and source of each column; they are what a reader sees in the database. Migrations
(`migrations/versions`) create them; a test holds the two against each other. Functions live in migrations only,
views in `dbt_like_sql`. How session tables are split into physical partitions is the business of `partitioning`.
One module a domain; users import the tables from here.
"""

from kapman_resources.schema.alerts import alerts, daily_summaries, job_runs, notifications
from kapman_resources.schema.analysis import (
    daily_snapshots,
    model_parameters,
    technical_indicators,
    universe_technicals,
    wyckoff_events,
    wyckoff_phases,
)
from kapman_resources.schema.base import metadata
from kapman_resources.schema.decisions import (
    advisor_answers,
    confidence_calibration,
    forecast_accuracy,
    recommendation_legs,
    recommendation_outcomes,
    recommendation_rejections,
    recommendation_reviews,
    recommendations,
)
from kapman_resources.schema.etf import alert_firings, alert_rules, etf_features, watchlist
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
from kapman_resources.schema.options import (
    dealer_metrics,
    options_chain_status,
    options_chains,
    options_daily_summary,
    price_metrics,
    volatility_metrics,
)
from kapman_resources.schema.panel import user_settings

SESSION_TABLES = {table.name: "date" for table in (ohlcv, ohlcv_quarantine, options_chains, universe_technicals)}
"""Tables split by session, with the column that holds it."""

KEPT_WITH_BARS = (
    universe_technicals,
    technical_indicators,
    wyckoff_events,
    wyckoff_phases,
    options_daily_summary,
    dealer_metrics,
    volatility_metrics,
    price_metrics,
    etf_features,
    daily_snapshots,
)
"""Tables of what was computed of a session: kept as long as its bars, without which nobody could compute it again."""

__all__ = [
    "KEPT_WITH_BARS",
    "SESSION_TABLES",
    "advisor_answers",
    "alert_firings",
    "alert_rules",
    "alerts",
    "confidence_calibration",
    "daily_snapshots",
    "daily_summaries",
    "dealer_metrics",
    "etf_features",
    "forecast_accuracy",
    "job_runs",
    "market",
    "metadata",
    "model_parameters",
    "notifications",
    "ohlcv",
    "ohlcv_quarantine",
    "ohlcv_sessions",
    "options_chain_status",
    "options_chains",
    "options_daily_summary",
    "portfolio_tickers",
    "portfolios",
    "price_metrics",
    "recommendation_legs",
    "recommendation_outcomes",
    "recommendation_rejections",
    "recommendation_reviews",
    "recommendations",
    "splits",
    "technical_indicators",
    "tickers",
    "universe_technicals",
    "user_settings",
    "volatility_metrics",
    "watchlist",
    "wyckoff_events",
    "wyckoff_phases",
]

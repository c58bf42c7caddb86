"""The base layer: tickers, splits, bars with their quarantine and provenance, portfolios.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kapman_resources import partitioning

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_V_OHLCV = """
CREATE VIEW v_ohlcv AS
SELECT t.symbol, o.date, o.open, o.high, o.low, o.close, o.volume, o.vwap, o.transactions, o.source
FROM ohlcv o
JOIN tickers t ON t.ticker_id = o.ticker_id
"""

# A split's factor already holds every later split of its ticker, so one row of `splits` at most applies to a
# bar. Dividing by the factor still ahead at `as_of` leaves out the splits that had not happened by then.
# One plain SELECT, so that the planner can inline it and use the indexes below.
_FN_OHLCV_ADJUSTED = """
CREATE FUNCTION fn_ohlcv_adjusted(as_of date)
RETURNS TABLE (
    symbol text, date date, open double precision, high double precision, low double precision,
    close double precision, volume double precision, vwap double precision, transactions integer, source text
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT t.symbol, o.date, o.open * f.factor, o.high * f.factor, o.low * f.factor, o.close * f.factor,
       o.volume / f.factor, o.vwap * f.factor, o.transactions, o.source
FROM ohlcv o
JOIN tickers t ON t.ticker_id = o.ticker_id
LEFT JOIN splits s
    ON s.ticker_id = o.ticker_id AND o.date >= s.applies_from AND o.date < s.execution_date
LEFT JOIN splits ahead
    ON ahead.ticker_id = o.ticker_id AND as_of >= ahead.applies_from AND as_of < ahead.execution_date
CROSS JOIN LATERAL (SELECT coalesce(s.price_factor, 1) / coalesce(ahead.price_factor, 1) AS factor) f
WHERE o.date <= as_of
$$
"""

_V_OHLCV_ADJUSTED = """
CREATE VIEW v_ohlcv_adjusted AS
SELECT * FROM fn_ohlcv_adjusted(CAST(now() AT TIME ZONE 'America/New_York' AS date))
"""

_FN_SYMBOLS_NEEDING_OHLCV = """
CREATE FUNCTION fn_symbols_needing_ohlcv(session date)
RETURNS TABLE (symbol text, last_ohlcv_date date)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT t.symbol, t.last_ohlcv_date
FROM tickers t
WHERE t.is_active
  AND NOT EXISTS (SELECT 1 FROM ohlcv o WHERE o.ticker_id = t.ticker_id AND o.date = session)
$$
"""

_COMMENTS = (
    "VIEW v_ohlcv IS 'Raw bars with their symbol. USD a share and shares, as traded.'",
    "VIEW v_ohlcv_adjusted IS 'Bars adjusted for every split executed by today (New York). Not for dividends.'",
    "FUNCTION fn_ohlcv_adjusted(date) IS 'Bars up to as_of, adjusted for the splits executed by as_of and no other: "
    "what was known then.'",
    "FUNCTION fn_symbols_needing_ohlcv(date) IS 'Active names without a bar of the session.'",
)


def upgrade() -> None:
    """Apply."""
    partitioning.enable(op.get_bind())
    op.create_table(
        "market",
        sa.Column(
            "only_row",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="always true: one row",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="simulated, recorded or live; set by the first write"),
        sa.Column("source", sa.Text(), nullable=False, comment="where the first data came from, without credentials"),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.CheckConstraint("kind IN ('simulated', 'recorded', 'live')", name=op.f("ck_market_kind")),
        sa.CheckConstraint("only_row", name=op.f("ck_market_one_row")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_market")),
        comment="Which market this database holds. A run or a panel on another kind of market refuses to start.",
    )
    op.create_table(
        "ohlcv",
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("open", sa.Double(), nullable=False, comment="USD a share, unadjusted"),
        sa.Column("high", sa.Double(), nullable=False, comment="USD a share, unadjusted"),
        sa.Column("low", sa.Double(), nullable=False, comment="USD a share, unadjusted"),
        sa.Column("close", sa.Double(), nullable=False, comment="USD a share, unadjusted"),
        sa.Column("volume", sa.Double(), nullable=False, comment="shares, unadjusted; fractional since 2026-02-23"),
        sa.Column(
            "vwap",
            sa.Double(),
            nullable=True,
            comment="USD a share; only REST bars have it, flat files do not",
        ),
        sa.Column("transactions", sa.Integer(), nullable=True, comment="trades; NULL where the source does not say"),
        sa.Column("source", sa.Text(), nullable=False, comment="flatfile or rest (grouped daily)"),
        sa.PrimaryKeyConstraint("ticker_id", "date", name=op.f("pk_ohlcv")),
        comment="Raw daily bars of the whole universe. Source: us_stocks_sip/day_aggs_v1, or REST grouped daily until the file is there.",
        **partitioning.table_options(op.get_bind(), "date"),
    )
    op.create_table(
        "ohlcv_quarantine",
        sa.Column("date", sa.Date(), nullable=False, comment="session whose file held the row"),
        sa.Column(
            "line",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="line in the file; the header is 1",
        ),
        sa.Column(
            "symbol",
            sa.Text(),
            nullable=True,
            comment="ticker as written, cut at 64 characters; NULL if empty",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="first rule the row broke"),
        sa.Column(
            "row",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the row's fields as text, as received",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="flatfile or rest (grouped daily)"),
        sa.PrimaryKeyConstraint("date", "line", name=op.f("pk_ohlcv_quarantine")),
        comment="Every refused row of a day's bars, and why.",
        **partitioning.table_options(op.get_bind(), "date"),
    )
    op.create_table(
        "ohlcv_sessions",
        sa.Column("date", sa.Date(), nullable=False, comment="session"),
        sa.Column("source", sa.Text(), nullable=False, comment="flatfile or rest (grouped daily)"),
        sa.Column("uri", sa.Text(), nullable=False, comment="where the rows were read from"),
        sa.Column(
            "etag",
            sa.Text(),
            nullable=True,
            comment="version of the file; NULL for REST. A new one is ingested again",
        ),
        sa.Column("bytes", sa.BigInteger(), nullable=True, comment="bytes received (compressed); NULL for REST"),
        sa.Column("rows_read", sa.Integer(), nullable=False, comment="rows in the source"),
        sa.Column("rows_stored", sa.Integer(), nullable=False, comment="rows in ohlcv"),
        sa.Column("rows_refused", sa.Integer(), nullable=False, comment="rows in ohlcv_quarantine"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Dagster run that wrote it"),
        sa.Column(
            "ingested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_ohlcv_sessions")),
        comment="Provenance of each stored session of ohlcv, written in the same transaction as its rows.",
    )
    op.create_table(
        "portfolios",
        sa.Column(
            "portfolio_id",
            sa.Integer(),
            sa.Identity(always=False),
            nullable=False,
            comment="Kapman's own identity",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="as the user calls it"),
        sa.Column("description", sa.Text(), nullable=True, comment="free text"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.PrimaryKeyConstraint("portfolio_id", name=op.f("pk_portfolios")),
        sa.UniqueConstraint("name", name=op.f("uq_portfolios_name")),
        comment="Named groups of tickers that a user follows.",
    )
    op.create_table(
        "tickers",
        sa.Column(
            "ticker_id",
            sa.Integer(),
            sa.Identity(always=False),
            nullable=False,
            comment="Kapman's own identity of the name",
        ),
        sa.Column("symbol", sa.Text(), nullable=False, comment="the vendor's ticker, case kept (BACpL)"),
        sa.Column("name", sa.Text(), nullable=True, comment="company or fund name; NULL until the reference has it"),
        sa.Column(
            "sector",
            sa.Text(),
            nullable=True,
            comment="GICS sector, from the watchlist file; NULL where it says none",
        ),
        sa.Column(
            "type",
            sa.Text(),
            nullable=True,
            comment="vendor's type code (CS, ETF, PFD, ...); NULL until the reference has it",
        ),
        sa.Column(
            "primary_exchange",
            sa.Text(),
            nullable=True,
            comment="ISO 10383 code of the listing exchange, from the reference",
        ),
        sa.Column("cik", sa.Text(), nullable=True, comment="SEC central index key, from the reference"),
        sa.Column(
            "composite_figi",
            sa.Text(),
            nullable=True,
            comment="OpenFIGI composite identifier, from the reference",
        ),
        sa.Column(
            "delisted_on",
            sa.Date(),
            nullable=True,
            comment="day of delisting, from the reference; NULL while listed or unknown",
        ),
        sa.Column(
            "universe_tier",
            sa.Text(),
            server_default="polygon_full",
            nullable=False,
            comment="polygon_full: seen in a day's bars or in the reference; custom: known from the watchlist only",
        ),
        sa.Column(
            "is_active",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="listed, as the reference says; true for a name first seen in a day's bars",
        ),
        sa.Column(
            "options_enabled",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="whether its option chain is taken: set for watchlist names",
        ),
        sa.Column(
            "last_ohlcv_date",
            sa.Date(),
            nullable=True,
            comment="newest session with a stored bar; NULL if there is none",
        ),
        sa.Column(
            "last_analysis_date",
            sa.Date(),
            nullable=True,
            comment="newest session with a snapshot; NULL if there is none",
        ),
        sa.CheckConstraint(
            "universe_tier IN ('sp500', 'russell3000', 'polygon_full', 'custom')",
            name=op.f("ck_tickers_tier"),
        ),
        sa.PrimaryKeyConstraint("ticker_id", name=op.f("pk_tickers")),
        sa.UniqueConstraint("symbol", name=op.f("uq_tickers_symbol")),
        comment="Every name ever seen, one row a symbol. Symbols are case sensitive.",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "portfolio_tickers",
        sa.Column("portfolio_id", sa.Integer(), nullable=False, comment="the portfolio"),
        sa.Column("ticker_id", sa.Integer(), nullable=False, comment="the ticker, see tickers"),
        sa.Column("priority", sa.Text(), nullable=False, comment="P1: candidates for recommendations; P2: followed"),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.CheckConstraint("priority IN ('P1', 'P2')", name=op.f("ck_portfolio_tickers_priority")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"],
            ["portfolios.portfolio_id"],
            name=op.f("fk_portfolio_tickers_portfolio_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_portfolio_tickers_ticker_id")),
        sa.PrimaryKeyConstraint("portfolio_id", "ticker_id", name=op.f("pk_portfolio_tickers")),
        comment="Which tickers a portfolio holds, and how much they matter.",
    )
    op.create_table(
        "splits",
        sa.Column("ticker_id", sa.Integer(), nullable=False, comment="the ticker, see tickers"),
        sa.Column("execution_date", sa.Date(), nullable=False, comment="first session traded at the new count"),
        sa.Column("split_from", sa.Double(), nullable=False, comment="shares before, as the vendor states it"),
        sa.Column("split_to", sa.Double(), nullable=False, comment="shares after, as the vendor states it"),
        sa.Column(
            "applies_from",
            sa.Date(),
            nullable=False,
            comment="execution date of the split before it, 0001-01-01 for the first: the factor holds for bars from this day on and before execution_date",
        ),
        sa.Column(
            "price_factor",
            sa.Double(),
            nullable=False,
            comment="product of split_from/split_to over this and every later split of the ticker (dimensionless)",
        ),
        sa.Column(
            "vendor_factor",
            sa.Double(),
            nullable=True,
            comment="the vendor's historical_adjustment_factor, for comparison; NULL where the endpoint has none",
        ),
        sa.CheckConstraint("split_from > 0 AND split_to > 0", name=op.f("ck_splits_ratio")),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_splits_ticker_id")),
        sa.PrimaryKeyConstraint("ticker_id", "execution_date", name=op.f("pk_splits")),
        comment="Share splits, one row a ticker and execution date. Source: the vendor's /stocks/v1/splits.",
    )

    partitioning.finish_table(op.get_bind(), "ohlcv", "date", order_by="ticker_id")
    partitioning.finish_table(op.get_bind(), "ohlcv_quarantine", "date", order_by="symbol")
    for statement in (_V_OHLCV, _FN_OHLCV_ADJUSTED, _V_OHLCV_ADJUSTED, _FN_SYMBOLS_NEEDING_OHLCV):
        op.execute(statement)
    for comment in _COMMENTS:
        op.execute(f"COMMENT ON {comment}")

"""Tables of the base layer: which market, names, splits, bars, portfolios."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.schema.base import metadata, ticker_id

market = sa.Table(
    "market",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.true(), comment="always true: one row"),
    sa.Column("kind", sa.Text, nullable=False, comment="simulated, recorded or live; set by the first write"),
    sa.Column("source", sa.Text, nullable=False, comment="where the first data came from, without credentials"),
    sa.Column(
        "claimed_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when, UTC",
    ),
    sa.CheckConstraint("only_row", name="one_row"),
    sa.CheckConstraint("kind IN ('simulated', 'recorded', 'live')", name="kind"),
    comment="Which market this database holds. A run or a panel on another kind of market refuses to start.",
)

tickers = sa.Table(
    "tickers",
    metadata,
    sa.Column("ticker_id", sa.Integer, sa.Identity(), primary_key=True, comment="Kapman's own identity of the name"),
    sa.Column("symbol", sa.Text, nullable=False, unique=True, comment="the vendor's ticker, case kept (BACpL)"),
    sa.Column("name", sa.Text, comment="company or fund name; NULL until the reference has it"),
    sa.Column("sector", sa.Text, comment="GICS sector, from the watchlist file; NULL where it says none"),
    sa.Column("type", sa.Text, comment="vendor's type code (CS, ETF, PFD, ...); NULL until the reference has it"),
    sa.Column("primary_exchange", sa.Text, comment="ISO 10383 code of the listing exchange, from the reference"),
    sa.Column("cik", sa.Text, comment="SEC central index key, from the reference"),
    sa.Column("composite_figi", sa.Text, comment="OpenFIGI composite identifier, from the reference"),
    sa.Column("delisted_on", sa.Date, comment="day of delisting, from the reference; NULL while listed or unknown"),
    sa.Column(
        "universe_tier",
        sa.Text,
        nullable=False,
        server_default="polygon_full",
        comment="polygon_full: seen in a day's bars or in the reference; custom: known from the watchlist only",
    ),
    sa.Column(
        "is_active",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="listed, as the reference says; true for a name first seen in a day's bars",
    ),
    sa.Column(
        "options_enabled",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether its option chain is taken: switched on when it is put into a portfolio",
    ),
    sa.Column("last_ohlcv_date", sa.Date, comment="newest session with a stored bar; NULL if there is none"),
    sa.Column("last_analysis_date", sa.Date, comment="newest session with a snapshot; NULL if there is none"),
    sa.CheckConstraint("universe_tier IN ('sp500', 'russell3000', 'polygon_full', 'custom')", name="tier"),
    comment="Every name ever seen, one row a symbol. Symbols are case sensitive.",
    # Each session updates last_ohlcv_date of the whole universe: leave room for it on the same page.
    postgresql_with={"fillfactor": 50},
)

splits = sa.Table(
    "splits",
    metadata,
    ticker_id(primary_key=True),
    sa.Column("execution_date", sa.Date, primary_key=True, comment="first session traded at the new count"),
    sa.Column("split_from", sa.Double, nullable=False, comment="shares before, as the vendor states it"),
    sa.Column("split_to", sa.Double, nullable=False, comment="shares after, as the vendor states it"),
    sa.Column(
        "applies_from",
        sa.Date,
        nullable=False,
        comment="execution date of the split before it, 0001-01-01 for the first: the factor holds for bars "
        "from this day on and before execution_date",
    ),
    sa.Column(
        "price_factor",
        sa.Double,
        nullable=False,
        comment="product of split_from/split_to over this and every later split of the ticker (dimensionless)",
    ),
    sa.Column(
        "vendor_factor",
        sa.Double,
        comment="the vendor's historical_adjustment_factor, for comparison; NULL where the endpoint has none",
    ),
    sa.CheckConstraint("split_from > 0 AND split_to > 0", name="ratio"),
    comment="Share splits, one row a ticker and execution date. Source: the vendor's /stocks/v1/splits.",
)

ohlcv = sa.Table(
    "ohlcv",
    metadata,
    # No foreign key in the database: 12,000 look-ups a session would double the cost of a load, and the one
    # writer resolves every symbol in the same transaction.
    sa.Column("ticker_id", sa.Integer, primary_key=True, autoincrement=False, comment="the ticker, see tickers"),
    sa.Column("date", sa.Date, primary_key=True, comment="session (XNYS trading day)"),
    sa.Column("open", sa.Double, nullable=False, comment="USD a share, unadjusted"),
    sa.Column("high", sa.Double, nullable=False, comment="USD a share, unadjusted"),
    sa.Column("low", sa.Double, nullable=False, comment="USD a share, unadjusted"),
    sa.Column("close", sa.Double, nullable=False, comment="USD a share, unadjusted"),
    sa.Column("volume", sa.Double, nullable=False, comment="shares, unadjusted; fractional since 2026-02-23"),
    sa.Column("vwap", sa.Double, comment="USD a share; only REST bars have it, flat files do not"),
    sa.Column("transactions", sa.Integer, comment="trades; NULL where the source does not say"),
    sa.Column("source", sa.Text, nullable=False, comment="flatfile or rest (grouped daily)"),
    comment="Raw daily bars of the whole universe. Source: us_stocks_sip/day_aggs_v1, or REST grouped daily until "
    "the file is there.",
)

ohlcv_quarantine = sa.Table(
    "ohlcv_quarantine",
    metadata,
    sa.Column("date", sa.Date, primary_key=True, comment="session whose file held the row"),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False, comment="line in the file; the header is 1"),
    sa.Column("symbol", sa.Text, comment="ticker as written, cut at 64 characters; NULL if empty"),
    sa.Column("reason", sa.Text, nullable=False, comment="first rule the row broke"),
    sa.Column("row", JSONB, nullable=False, comment="the row's fields as text, as received"),
    sa.Column("source", sa.Text, nullable=False, comment="flatfile or rest (grouped daily)"),
    comment="Every refused row of a day's bars, and why.",
)

ohlcv_sessions = sa.Table(
    "ohlcv_sessions",
    metadata,
    sa.Column("date", sa.Date, primary_key=True, comment="session"),
    sa.Column("source", sa.Text, nullable=False, comment="flatfile or rest (grouped daily)"),
    sa.Column("uri", sa.Text, nullable=False, comment="where the rows were read from"),
    sa.Column("etag", sa.Text, comment="version of the file; NULL for REST. A new one is ingested again"),
    sa.Column("bytes", sa.BigInteger, comment="bytes received (compressed); NULL for REST"),
    sa.Column("rows_read", sa.Integer, nullable=False, comment="rows in the source"),
    sa.Column("rows_stored", sa.Integer, nullable=False, comment="rows in ohlcv"),
    sa.Column("rows_refused", sa.Integer, nullable=False, comment="rows in ohlcv_quarantine"),
    sa.Column("run_id", sa.Text, comment="Dagster run that wrote it"),
    sa.Column(
        "ingested_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when, UTC",
    ),
    comment="Provenance of each stored session of ohlcv, written in the same transaction as its rows.",
)

portfolios = sa.Table(
    "portfolios",
    metadata,
    sa.Column("portfolio_id", sa.Integer, sa.Identity(), primary_key=True, comment="Kapman's own identity"),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="as the user calls it"),
    sa.Column("description", sa.Text, comment="free text"),
    sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when, UTC",
    ),
    sa.Column(
        "updated_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when, UTC",
    ),
    comment="Named groups of tickers that a user follows.",
)

portfolio_tickers = sa.Table(
    "portfolio_tickers",
    metadata,
    sa.Column(
        "portfolio_id",
        sa.Integer,
        sa.ForeignKey("portfolios.portfolio_id", ondelete="CASCADE"),
        primary_key=True,
        comment="the portfolio",
    ),
    ticker_id(primary_key=True),
    sa.Column("priority", sa.Text, nullable=False, comment="P1: candidates for recommendations; P2: followed"),
    sa.Column(
        "added_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when, UTC",
    ),
    sa.CheckConstraint("priority IN ('P1', 'P2')", name="priority"),
    comment="Which tickers a portfolio holds, and how much they matter.",
)

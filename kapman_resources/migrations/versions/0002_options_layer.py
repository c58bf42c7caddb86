"""Options domain: chains with their status, and the daily metrics computed from them.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kapman_resources import partitioning

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "options_chains",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day) whose close the chain shows"),
        sa.Column(
            "ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the underlying, see tickers"
        ),
        sa.Column(
            "contract", sa.Text(), nullable=False, comment="the vendor's contract ticker (O:AAPL260918C00150000)"
        ),
        sa.Column("expiration_date", sa.Date(), nullable=False, comment="last day"),
        sa.Column("strike", sa.Double(), nullable=False, comment="USD a share, as listed"),
        sa.Column("contract_type", sa.Text(), nullable=False, comment="call, put, or other"),
        sa.Column("multiplier", sa.Double(), nullable=True, comment="shares per contract, from the data"),
        sa.Column(
            "is_standard",
            sa.Boolean(),
            nullable=False,
            comment="false for contracts adjusted after a corporate action, which enter no metric",
        ),
        sa.Column(
            "open_interest",
            sa.Integer(),
            nullable=True,
            comment="contracts held at the end of oi_session (see options_chain_status)",
        ),
        sa.Column(
            "volume",
            sa.Integer(),
            nullable=True,
            comment="contracts traded in the session; 0 where the day bar is of an earlier one",
        ),
        sa.Column(
            "open", sa.Double(), nullable=True, comment="USD a share, the session's day bar; NULL without a trade in it"
        ),
        sa.Column("high", sa.Double(), nullable=True, comment="USD a share, likewise"),
        sa.Column("low", sa.Double(), nullable=True, comment="USD a share, likewise"),
        sa.Column("close", sa.Double(), nullable=True, comment="USD a share, likewise"),
        sa.Column("vwap", sa.Double(), nullable=True, comment="USD a share, likewise"),
        sa.Column("bid", sa.Double(), nullable=True, comment="USD a share; NULL where the plan has no quotes"),
        sa.Column("ask", sa.Double(), nullable=True, comment="USD a share; NULL where the plan has no quotes"),
        sa.Column("bid_size", sa.Integer(), nullable=True, comment="contracts"),
        sa.Column("ask_size", sa.Integer(), nullable=True, comment="contracts"),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=True, comment="when the quote was made, UTC"),
        sa.Column(
            "last", sa.Double(), nullable=True, comment="USD a share, last trade; NULL where the plan has no trades"
        ),
        sa.Column("traded_at", sa.DateTime(timezone=True), nullable=True, comment="when the last trade was made, UTC"),
        sa.Column(
            "implied_volatility", sa.Double(), nullable=True, comment="the vendor's, decimal a year; its zeros are NULL"
        ),
        sa.Column("delta", sa.Double(), nullable=True, comment="the vendor's, per share; NULL where it gives none"),
        sa.Column(
            "gamma",
            sa.Double(),
            nullable=True,
            comment="the vendor's, per share and USD of the underlying; its zeros are NULL",
        ),
        sa.Column("theta", sa.Double(), nullable=True, comment="the vendor's, USD a share and day"),
        sa.Column("vega", sa.Double(), nullable=True, comment="the vendor's, USD a share and vol point"),
        sa.Column("break_even", sa.Double(), nullable=True, comment="USD a share, the vendor's break-even price"),
        sa.PrimaryKeyConstraint("date", "ticker_id", "contract", name=op.f("pk_options_chains")),
        comment="Option contracts of the watchlist as the vendor's snapshot showed them. Status in options_chain_status.",
        **partitioning.table_options(op.get_bind(), "date"),
    )
    op.create_table(
        "dealer_metrics",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("spot", sa.Double(), nullable=True, comment="USD a share, raw; see options_chain_status"),
        sa.Column("dealer_status", sa.Text(), nullable=False, comment="FULL, LIMITED or INVALID"),
        sa.Column(
            "status_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="codes of what keeps it from FULL",
        ),
        sa.Column("contracts", sa.BigInteger(), nullable=False, comment="rows of the chain"),
        sa.Column("contracts_non_standard", sa.BigInteger(), nullable=False, comment="adjusted contracts, left out"),
        sa.Column("contracts_used", sa.BigInteger(), nullable=False, comment="contracts with open interest and gamma"),
        sa.Column("total_oi", sa.Double(), nullable=True, comment="contracts, standard and unexpired"),
        sa.Column("oi_without_gamma", sa.Double(), nullable=True, comment="contracts of it that no gamma is known of"),
        sa.Column("oi_coverage", sa.Double(), nullable=True, comment="share of total_oi with gamma, 0 to 1"),
        sa.Column(
            "call_gex",
            sa.Double(),
            nullable=True,
            comment="USD of delta hedge per 1 % move of the underlying; calls +, puts -",
        ),
        sa.Column(
            "put_gex",
            sa.Double(),
            nullable=True,
            comment="USD of delta hedge per 1 % move of the underlying; calls +, puts -",
        ),
        sa.Column(
            "net_gex",
            sa.Double(),
            nullable=True,
            comment="USD of delta hedge per 1 % move of the underlying; calls +, puts -",
        ),
        sa.Column(
            "gross_gex",
            sa.Double(),
            nullable=True,
            comment="sum of absolute contract exposures, USD of delta hedge per 1 % move",
        ),
        sa.Column("gex_ratio", sa.Double(), nullable=True, comment="net over gross, -1 to 1"),
        sa.Column(
            "gex_pct_adv",
            sa.Double(),
            nullable=True,
            comment="net over the 20-session average daily dollar volume, a fraction",
        ),
        sa.Column(
            "gex_slope",
            sa.Double(),
            nullable=True,
            comment="derivative of the re-priced net exposure at spot, USD per 1 % and USD of the underlying",
        ),
        sa.Column(
            "gamma_flip_level",
            sa.Double(),
            nullable=True,
            comment="USD a share: re-priced zero of net gamma nearest to spot",
        ),
        sa.Column(
            "gamma_flip_levels",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="every zero within 20 % of spot, USD a share",
        ),
        sa.Column("flip_status", sa.Text(), nullable=False, comment="whether there is a flip, or why not"),
        sa.Column(
            "flip_direction",
            sa.Text(),
            nullable=False,
            comment="of net gamma at the flip as spot rises: upward, downward or unknown",
        ),
        sa.Column(
            "flip_coverage", sa.Double(), nullable=True, comment="share of open interest that was re-priced, 0 to 1"
        ),
        sa.Column(
            "call_wall", sa.Double(), nullable=True, comment="USD a share: strike of the largest call gamma exposure"
        ),
        sa.Column(
            "put_wall", sa.Double(), nullable=True, comment="USD a share: strike of the largest put gamma exposure"
        ),
        sa.Column(
            "call_wall_oi", sa.Double(), nullable=True, comment="USD a share: strike of the largest call open interest"
        ),
        sa.Column(
            "put_wall_oi", sa.Double(), nullable=True, comment="USD a share: strike of the largest put open interest"
        ),
        sa.Column(
            "call_wall_above_spot",
            sa.Double(),
            nullable=True,
            comment="USD a share: the largest call wall by gamma above spot",
        ),
        sa.Column(
            "call_walls",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the top three: strike, gex, oi, share_of_side, distance_pct",
        ),
        sa.Column(
            "put_walls",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the top three: strike, gex, oi, share_of_side, distance_pct",
        ),
        sa.Column(
            "call_walls_oi",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the top three: strike, gex, oi, share_of_side, distance_pct",
        ),
        sa.Column(
            "put_walls_oi",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the top three: strike, gex, oi, share_of_side, distance_pct",
        ),
        sa.Column(
            "max_pain",
            sa.Double(),
            nullable=True,
            comment="USD a share, of the nearest expiry with open interest on both sides",
        ),
        sa.Column(
            "max_pains", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="max pain of each expiry"
        ),
        sa.Column("dealer_position", sa.Text(), nullable=False, comment="long_gamma, short_gamma, neutral or unknown"),
        sa.Column("position_vs_flip", sa.Text(), nullable=False, comment="above, below, at or unknown"),
        sa.Column("dgpi", sa.Double(), nullable=True, comment="dealer gamma pressure index, version 2, -100 to 100"),
        sa.Column("dgpi_has_flip", sa.Boolean(), nullable=False, comment="whether dgpi holds its flip term"),
        sa.Column(
            "dgpi_v1", sa.Double(), nullable=True, comment="the index's first version, -100 to 100, for comparison"
        ),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_dealer_metrics_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_dealer_metrics")),
        comment="Dealer positioning. Signs are a convention (customers sell calls and buy puts), weakest for single names with heavy retail call buying.",
    )
    op.create_table(
        "options_chain_status",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("status", sa.Text(), nullable=False, comment="COMPLETE, INCOMPLETE, NO_OPTIONS or FAILED"),
        sa.Column(
            "spot",
            sa.Double(),
            nullable=True,
            comment="USD a share, raw: price of the underlying that the chain goes with",
        ),
        sa.Column(
            "spot_source", sa.Text(), nullable=True, comment="chain: the snapshot's own; ohlcv: the session's close"
        ),
        sa.Column(
            "rate",
            sa.Double(),
            nullable=False,
            comment="risk-free rate that greeks are computed with where the vendor gives none, decimal a year, continuous",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is not COMPLETE"),
        sa.Column("pages", sa.BigInteger(), nullable=False, comment="pages received"),
        sa.Column("contracts", sa.BigInteger(), nullable=False, comment="rows in options_chains"),
        sa.Column("contracts_non_standard", sa.BigInteger(), nullable=False, comment="adjusted contracts among them"),
        sa.Column(
            "refused",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="rows that could not be a contract: count by reason",
        ),
        sa.Column(
            "snapshot_ts", sa.DateTime(timezone=True), nullable=True, comment="when the snapshot was asked for, UTC"
        ),
        sa.Column(
            "oi_session",
            sa.Date(),
            nullable=True,
            comment="session at whose end the open interest was counted: the one before the session",
        ),
        sa.Column("uri", sa.Text(), nullable=True, comment="where the raw pages are"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="Dagster run that wrote it"),
        sa.Column(
            "stored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.CheckConstraint(
            "status IN ('COMPLETE', 'INCOMPLETE', 'NO_OPTIONS', 'FAILED')", name=op.f("ck_options_chain_status_status")
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_options_chain_status_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_options_chain_status")),
        comment="What became of each chain of a session; written in the same transaction as its contracts.",
    )
    op.create_table(
        "options_daily_summary",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="the vendor's ticker"),
        sa.Column(
            "chain_status", sa.Text(), nullable=False, comment="COMPLETE or INCOMPLETE, see options_chain_status"
        ),
        sa.Column("spot", sa.Double(), nullable=True, comment="USD a share, raw; see options_chain_status"),
        sa.Column(
            "contracts",
            sa.BigInteger(),
            nullable=True,
            comment="standard, unexpired contracts: the ones that everything below is of",
        ),
        sa.Column("contracts_non_standard", sa.BigInteger(), nullable=True, comment="adjusted contracts, left out"),
        sa.Column("total_call_oi", sa.BigInteger(), nullable=True, comment="contracts"),
        sa.Column("total_put_oi", sa.BigInteger(), nullable=True, comment="contracts"),
        sa.Column("total_call_volume", sa.BigInteger(), nullable=True, comment="contracts traded in the session"),
        sa.Column("total_put_volume", sa.BigInteger(), nullable=True, comment="contracts traded in the session"),
        sa.Column("put_call_oi_ratio", sa.Double(), nullable=True, comment="puts over calls, open interest"),
        sa.Column("put_call_volume_ratio", sa.Double(), nullable=True, comment="puts over calls, volume"),
        sa.Column(
            "weighted_avg_iv",
            sa.Double(),
            nullable=True,
            comment="mean implied volatility weighted with open interest, decimal a year",
        ),
        sa.Column(
            "top_call_strike_1", sa.Double(), nullable=True, comment="USD a share, resistance wall 1 by open interest"
        ),
        sa.Column(
            "top_call_strike_2", sa.Double(), nullable=True, comment="USD a share, resistance wall 2 by open interest"
        ),
        sa.Column(
            "top_call_strike_3", sa.Double(), nullable=True, comment="USD a share, resistance wall 3 by open interest"
        ),
        sa.Column(
            "top_call_oi_1", sa.BigInteger(), nullable=True, comment="contracts of open interest at resistance wall 1"
        ),
        sa.Column(
            "top_call_oi_2", sa.BigInteger(), nullable=True, comment="contracts of open interest at resistance wall 2"
        ),
        sa.Column(
            "top_call_oi_3", sa.BigInteger(), nullable=True, comment="contracts of open interest at resistance wall 3"
        ),
        sa.Column(
            "top_put_strike_1", sa.Double(), nullable=True, comment="USD a share, support wall 1 by open interest"
        ),
        sa.Column(
            "top_put_strike_2", sa.Double(), nullable=True, comment="USD a share, support wall 2 by open interest"
        ),
        sa.Column(
            "top_put_strike_3", sa.Double(), nullable=True, comment="USD a share, support wall 3 by open interest"
        ),
        sa.Column(
            "top_put_oi_1", sa.BigInteger(), nullable=True, comment="contracts of open interest at support wall 1"
        ),
        sa.Column(
            "top_put_oi_2", sa.BigInteger(), nullable=True, comment="contracts of open interest at support wall 2"
        ),
        sa.Column(
            "top_put_oi_3", sa.BigInteger(), nullable=True, comment="contracts of open interest at support wall 3"
        ),
        sa.Column(
            "total_call_gamma",
            sa.Double(),
            nullable=True,
            comment="shares per USD of the underlying: gamma x open interest x multiplier",
        ),
        sa.Column("total_put_gamma", sa.Double(), nullable=True, comment="shares per USD of the underlying, likewise"),
        sa.Column("total_call_delta", sa.Double(), nullable=True, comment="shares: delta x open interest x multiplier"),
        sa.Column("total_put_delta", sa.Double(), nullable=True, comment="shares, likewise; negative"),
        sa.Column(
            "calculated_gex",
            sa.Double(),
            nullable=True,
            comment="gross gamma exposure, USD of delta hedge per 1 % move",
        ),
        sa.Column(
            "calculated_net_gex",
            sa.Double(),
            nullable=True,
            comment="net gamma exposure, USD of delta hedge per 1 % move of the underlying; calls +, puts -",
        ),
        sa.Column("total_oi", sa.BigInteger(), nullable=True, comment="contracts"),
        sa.Column(
            "oi_without_gamma", sa.BigInteger(), nullable=True, comment="contracts of it that no gamma is known of"
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_options_daily_summary_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_options_daily_summary")),
        comment="Totals of each chain of a session. Source: the SQL model of this name on options_chains.",
    )
    op.create_table(
        "price_metrics",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column(
            "hv_20",
            sa.Double(),
            nullable=True,
            comment="historical volatility of 20 returns, split-adjusted closes, decimal a year",
        ),
        sa.Column("hv_60", sa.Double(), nullable=True, comment="likewise, 60 returns"),
        sa.Column("rvol_20", sa.Double(), nullable=True, comment="volume over its mean of the 20 sessions before"),
        sa.Column(
            "vsi_20",
            sa.Double(),
            nullable=True,
            comment="volume surge index: standard deviations above that mean, not capped",
        ),
        sa.Column("adv_20", sa.Double(), nullable=True, comment="average daily dollar volume of 20 sessions, USD"),
        sa.Column("iv_hv_diff", sa.Double(), nullable=True, comment="iv_30d - hv_20, vol points"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_price_metrics_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_price_metrics")),
        comment="Realised volatility and unusual volume of each watched name, from split-adjusted bars.",
    )
    op.create_table(
        "volatility_metrics",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column(
            "iv_30d",
            sa.Double(),
            nullable=True,
            comment="at the money, constant maturity of 30 days in total variance, decimal a year",
        ),
        sa.Column("iv_60d", sa.Double(), nullable=True, comment="likewise, 60 days"),
        sa.Column("iv_90d", sa.Double(), nullable=True, comment="likewise, 90 days"),
        sa.Column(
            "term_structure", sa.Double(), nullable=True, comment="iv_90d - iv_30d, vol points; positive is contango"
        ),
        sa.Column("term_ratio", sa.Double(), nullable=True, comment="iv_90d / iv_30d"),
        sa.Column(
            "term_slope_30d", sa.Double(), nullable=True, comment="vol points per 30 days between 30 and 90 days"
        ),
        sa.Column("skew_25d", sa.Double(), nullable=True, comment="25-delta put less call at 30 days, vol points"),
        sa.Column(
            "skew_25d_norm", sa.Double(), nullable=True, comment="skew over the at-the-money volatility, a ratio"
        ),
        sa.Column("bf_25d", sa.Double(), nullable=True, comment="25-delta butterfly at 30 days, vol points"),
        sa.Column("average_iv", sa.Double(), nullable=True, comment="mean over contracts, decimal a year"),
        sa.Column(
            "weighted_iv", sa.Double(), nullable=True, comment="mean weighted with open interest, decimal a year"
        ),
        sa.Column("pcr_oi", sa.Double(), nullable=True, comment="puts over calls, open interest"),
        sa.Column("pcr_volume", sa.Double(), nullable=True, comment="puts over calls, volume of the session"),
        sa.Column("oi_turnover", sa.Double(), nullable=True, comment="volume over open interest"),
        sa.Column(
            "expected_move_30d", sa.Double(), nullable=True, comment="one standard deviation in 30 days, USD a share"
        ),
        sa.Column(
            "iv_rank",
            sa.Double(),
            nullable=True,
            comment="place of iv_30d between the lowest and highest of its last 252 sessions, 0 to 100",
        ),
        sa.Column(
            "iv_percentile",
            sa.Double(),
            nullable=True,
            comment="per cent of the sessions before with a strictly lower iv_30d",
        ),
        sa.Column(
            "history_n", sa.BigInteger(), nullable=False, comment="sessions before with a known iv_30d, within 252"
        ),
        sa.Column("contracts_analyzed", sa.BigInteger(), nullable=False, comment="contracts with a usable volatility"),
        sa.Column(
            "smiles",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the single expiries: dte, atm_iv, 25-delta values",
        ),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_volatility_metrics_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_volatility_metrics")),
        comment="Implied volatility of each underlying, and its rank in its own stored history.",
    )
    partitioning.finish_table(op.get_bind(), "options_chains", "date", order_by="ticker_id")

"""Tables of the options domain: chains as taken, what became of each, and the metrics computed from them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.schema.base import counts, floats, keys, metadata, null_reasons

_PER_1_PERCENT = "USD of delta hedge per 1 % move of the underlying; calls +, puts -"


options_chains = sa.Table(
    "options_chains",
    metadata,
    sa.Column("date", sa.Date, primary_key=True, comment="session (XNYS trading day) whose close the chain shows"),
    # No foreign key in the database, as in ohlcv: the one writer resolves every symbol.
    sa.Column("ticker_id", sa.Integer, primary_key=True, autoincrement=False, comment="the underlying, see tickers"),
    sa.Column("contract", sa.Text, primary_key=True, comment="the vendor's contract ticker (O:AAPL260918C00150000)"),
    sa.Column("expiration_date", sa.Date, nullable=False, comment="last day"),
    sa.Column("strike", sa.Double, nullable=False, comment="USD a share, as listed"),
    sa.Column("contract_type", sa.Text, nullable=False, comment="call, put, or other"),
    sa.Column("multiplier", sa.Double, comment="shares per contract, from the data"),
    sa.Column(
        "is_standard",
        sa.Boolean,
        nullable=False,
        comment="false for contracts adjusted after a corporate action, which enter no metric",
    ),
    sa.Column(
        "open_interest", sa.Integer, comment="contracts held at the end of oi_session (see options_chain_status)"
    ),
    sa.Column(
        "volume", sa.Integer, comment="contracts traded in the session; 0 where the day bar is of an earlier one"
    ),
    *floats(
        {
            "open": "USD a share, the session's day bar; NULL without a trade in it",
            "high": "USD a share, likewise",
            "low": "USD a share, likewise",
            "close": "USD a share, likewise",
            "vwap": "USD a share, likewise",
            "bid": "USD a share; NULL where the plan has no quotes",
            "ask": "USD a share; NULL where the plan has no quotes",
        }
    ),
    sa.Column("bid_size", sa.Integer, comment="contracts"),
    sa.Column("ask_size", sa.Integer, comment="contracts"),
    sa.Column("quoted_at", sa.DateTime(timezone=True), comment="when the quote was made, UTC"),
    sa.Column("last", sa.Double, comment="USD a share, last trade; NULL where the plan has no trades"),
    sa.Column("traded_at", sa.DateTime(timezone=True), comment="when the last trade was made, UTC"),
    *floats(
        {
            "implied_volatility": "the vendor's, decimal a year; its zeros are NULL",
            "delta": "the vendor's, per share; NULL where it gives none",
            "gamma": "the vendor's, per share and USD of the underlying; its zeros are NULL",
            "theta": "the vendor's, USD a share and day",
            "vega": "the vendor's, USD a share and vol point",
            "break_even": "USD a share, the vendor's break-even price",
        }
    ),
    comment="Option contracts of the watchlist as the vendor's snapshot showed them. Status in options_chain_status.",
)

options_chain_status = sa.Table(
    "options_chain_status",
    metadata,
    *keys(),
    sa.Column("status", sa.Text, nullable=False, comment="COMPLETE, INCOMPLETE, NO_OPTIONS or FAILED"),
    sa.Column("spot", sa.Double, comment="USD a share, raw: price of the underlying that the chain goes with"),
    sa.Column("spot_source", sa.Text, comment="chain: the snapshot's own; ohlcv: the session's close"),
    sa.Column(
        "rate",
        sa.Double,
        nullable=False,
        comment="risk-free rate that greeks are computed with where the vendor gives none, decimal a year, continuous",
    ),
    sa.Column("reason", sa.Text, comment="why it is not COMPLETE"),
    *counts(
        {
            "pages": "pages received",
            "contracts": "rows in options_chains",
            "contracts_non_standard": "adjusted contracts among them",
        },
        nullable=False,
    ),
    sa.Column("refused", JSONB, nullable=False, comment="rows that could not be a contract: count by reason"),
    sa.Column("snapshot_ts", sa.DateTime(timezone=True), comment="when the snapshot was asked for, UTC"),
    sa.Column(
        "oi_session", sa.Date, comment="session at whose end the open interest was counted: the one before the session"
    ),
    sa.Column("uri", sa.Text, comment="where the raw pages are"),
    sa.Column("run_id", sa.Text, comment="Dagster run that wrote it"),
    sa.Column(
        "stored_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment="when, UTC"
    ),
    sa.CheckConstraint("status IN ('COMPLETE', 'INCOMPLETE', 'NO_OPTIONS', 'FAILED')", name="status"),
    comment="What became of each chain of a session; written in the same transaction as its contracts.",
)

_TOP = ("1", "2", "3")

options_daily_summary = sa.Table(
    "options_daily_summary",
    metadata,
    *keys(),
    sa.Column("symbol", sa.Text, nullable=False, comment="the vendor's ticker"),
    sa.Column("chain_status", sa.Text, nullable=False, comment="COMPLETE or INCOMPLETE, see options_chain_status"),
    sa.Column("spot", sa.Double, comment="USD a share, raw; see options_chain_status"),
    *counts(
        {
            "contracts": "standard, unexpired contracts: the ones that everything below is of",
            "contracts_non_standard": "adjusted contracts, left out",
            "total_call_oi": "contracts",
            "total_put_oi": "contracts",
            "total_call_volume": "contracts traded in the session",
            "total_put_volume": "contracts traded in the session",
        }
    ),
    *floats(
        {
            "put_call_oi_ratio": "puts over calls, open interest",
            "put_call_volume_ratio": "puts over calls, volume",
            "weighted_avg_iv": "mean implied volatility weighted with open interest, decimal a year",
        }
    ),
    *(
        column
        for side, meaning in (("call", "resistance"), ("put", "support"))
        for columns in (
            floats({f"top_{side}_strike_{n}": f"USD a share, {meaning} wall {n} by open interest" for n in _TOP}),
            counts({f"top_{side}_oi_{n}": f"contracts of open interest at {meaning} wall {n}" for n in _TOP}),
        )
        for column in columns
    ),
    *floats(
        {
            "total_call_gamma": "shares per USD of the underlying: gamma x open interest x multiplier",
            "total_put_gamma": "shares per USD of the underlying, likewise",
            "total_call_delta": "shares: delta x open interest x multiplier",
            "total_put_delta": "shares, likewise; negative",
            "calculated_gex": "gross gamma exposure, USD of delta hedge per 1 % move",
            "calculated_net_gex": f"net gamma exposure, {_PER_1_PERCENT}",
        }
    ),
    *counts({"total_oi": "contracts", "oi_without_gamma": "contracts of it that no gamma is known of"}),
    comment="Totals of each chain of a session. Source: the SQL model of this name on options_chains.",
)

dealer_metrics = sa.Table(
    "dealer_metrics",
    metadata,
    *keys(),
    sa.Column("spot", sa.Double, comment="USD a share, raw; see options_chain_status"),
    sa.Column("dealer_status", sa.Text, nullable=False, comment="FULL, LIMITED or INVALID"),
    sa.Column("status_reasons", JSONB, nullable=False, comment="codes of what keeps it from FULL"),
    *counts(
        {
            "contracts": "rows of the chain",
            "contracts_non_standard": "adjusted contracts, left out",
            "contracts_used": "contracts with open interest and gamma",
        },
        nullable=False,
    ),
    *floats(
        {
            "total_oi": "contracts, standard and unexpired",
            "oi_without_gamma": "contracts of it that no gamma is known of",
            "oi_coverage": "share of total_oi with gamma, 0 to 1",
            "call_gex": _PER_1_PERCENT,
            "put_gex": _PER_1_PERCENT,
            "net_gex": _PER_1_PERCENT,
            "gross_gex": "sum of absolute contract exposures, USD of delta hedge per 1 % move",
            "gex_ratio": "net over gross, -1 to 1",
            "gex_pct_adv": "net over the 20-session average daily dollar volume, a fraction",
            "gex_slope": "derivative of the re-priced net exposure at spot, USD per 1 % and USD of the underlying",
            "gamma_flip_level": "USD a share: re-priced zero of net gamma nearest to spot",
        }
    ),
    sa.Column("gamma_flip_levels", JSONB, nullable=False, comment="every zero within 20 % of spot, USD a share"),
    sa.Column("flip_status", sa.Text, nullable=False, comment="whether there is a flip, or why not"),
    sa.Column(
        "flip_direction",
        sa.Text,
        nullable=False,
        comment="of net gamma at the flip as spot rises: upward, downward or unknown",
    ),
    *floats(
        {
            "flip_coverage": "share of open interest that was re-priced, 0 to 1",
            "call_wall": "USD a share: strike of the largest call gamma exposure",
            "put_wall": "USD a share: strike of the largest put gamma exposure",
            "call_wall_oi": "USD a share: strike of the largest call open interest",
            "put_wall_oi": "USD a share: strike of the largest put open interest",
            "call_wall_above_spot": "USD a share: the largest call wall by gamma above spot",
        }
    ),
    *(
        sa.Column(name, JSONB, nullable=False, comment="the top three: strike, gex, oi, share_of_side, distance_pct")
        for name in ("call_walls", "put_walls", "call_walls_oi", "put_walls_oi")
    ),
    sa.Column("max_pain", sa.Double, comment="USD a share, of the nearest expiry with open interest on both sides"),
    sa.Column("max_pains", JSONB, nullable=False, comment="max pain of each expiry"),
    sa.Column("dealer_position", sa.Text, nullable=False, comment="long_gamma, short_gamma, neutral or unknown"),
    sa.Column("position_vs_flip", sa.Text, nullable=False, comment="above, below, at or unknown"),
    sa.Column("dgpi", sa.Double, comment="dealer gamma pressure index, version 2, -100 to 100"),
    sa.Column("dgpi_has_flip", sa.Boolean, nullable=False, comment="whether dgpi holds its flip term"),
    sa.Column("dgpi_v1", sa.Double, comment="the index's first version, -100 to 100, for comparison"),
    null_reasons(),
    comment="Dealer positioning. Signs are a convention (customers sell calls and buy puts), weakest for single "
    "names with heavy retail call buying.",
)

volatility_metrics = sa.Table(
    "volatility_metrics",
    metadata,
    *keys(),
    *floats(
        {
            "iv_30d": "at the money, constant maturity of 30 days in total variance, decimal a year",
            "iv_60d": "likewise, 60 days",
            "iv_90d": "likewise, 90 days",
            "term_structure": "iv_90d - iv_30d, vol points; positive is contango",
            "term_ratio": "iv_90d / iv_30d",
            "term_slope_30d": "vol points per 30 days between 30 and 90 days",
            "skew_25d": "25-delta put less call at 30 days, vol points",
            "skew_25d_norm": "skew over the at-the-money volatility, a ratio",
            "bf_25d": "25-delta butterfly at 30 days, vol points",
            "average_iv": "mean over contracts, decimal a year",
            "weighted_iv": "mean weighted with open interest, decimal a year",
            "pcr_oi": "puts over calls, open interest",
            "pcr_volume": "puts over calls, volume of the session",
            "oi_turnover": "volume over open interest",
            "expected_move_30d": "one standard deviation in 30 days, USD a share",
            "iv_rank": "place of iv_30d between the lowest and highest of its last 252 sessions, 0 to 100",
            "iv_percentile": "per cent of the sessions before with a strictly lower iv_30d",
        }
    ),
    *counts(
        {
            "history_n": "sessions before with a known iv_30d, within 252",
            "contracts_analyzed": "contracts with a usable volatility",
        },
        nullable=False,
    ),
    sa.Column("smiles", JSONB, nullable=False, comment="the single expiries: dte, atm_iv, 25-delta values"),
    null_reasons(),
    comment="Implied volatility of each underlying, and its rank in its own stored history.",
)

price_metrics = sa.Table(
    "price_metrics",
    metadata,
    *keys(),
    *floats(
        {
            "hv_20": "historical volatility of 20 returns, split-adjusted closes, decimal a year",
            "hv_60": "likewise, 60 returns",
            "rvol_20": "volume over its mean of the 20 sessions before",
            "vsi_20": "volume surge index: standard deviations above that mean, not capped",
            "adv_20": "average daily dollar volume of 20 sessions, USD",
            "iv_hv_diff": "iv_30d - hv_20, vol points",
        }
    ),
    null_reasons(),
    comment="Realised volatility and unusual volume of each watched name, from split-adjusted bars.",
)

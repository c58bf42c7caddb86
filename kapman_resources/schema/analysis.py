"""Tables of the analysis layer: indicators, Wyckoff structure with its parameters, and the daily snapshot of a name."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kapman_resources.schema.base import counts, floats, keys, metadata, null_reasons

_NAMED = {
    "rsi_14": "Wilder's relative strength index, 0 to 100",
    "macd_line": "ema_12 - ema_26, USD a share",
    "macd_signal": "9-session EMA of macd_line, USD a share",
    "macd_histogram": "macd_line - macd_signal, USD a share",
    "stoch_k": "stochastic %K of 14 bars, 0 to 100",
    "stoch_d": "3-bar mean of stoch_k, 0 to 100",
    "mfi_14": "money flow index, 0 to 100",
    "sma_20": "simple mean of 20 closes, USD a share",
    "sma_50": "simple mean of 50 closes, USD a share",
    "sma_200": "simple mean of 200 closes, USD a share",
    "ema_12": "exponential mean, span 12, USD a share",
    "ema_26": "exponential mean, span 26, USD a share",
    "adx_14": "average directional index, 0 to 100",
    "atr_14": "Wilder's average true range, USD a share",
    "bbands_upper": "upper Bollinger band (20, 2), USD a share",
    "bbands_middle": "middle Bollinger band, USD a share",
    "bbands_lower": "lower Bollinger band, USD a share",
    "bbands_width": "width of the bands over the middle, per cent",
}
"""Columns that the watchlist's and the universe's tables share; all of adjusted bars."""

universe_technicals = sa.Table(
    "universe_technicals",
    metadata,
    sa.Column("date", sa.Date, primary_key=True, comment="session (XNYS trading day)"),
    # No foreign key in the database, as in ohlcv: 12,000 look-ups a session for one writer that read the ids there.
    sa.Column("ticker_id", sa.Integer, primary_key=True, autoincrement=False, comment="the ticker, see tickers"),
    sa.Column("bars", sa.Integer, nullable=False, comment="usable bars that the row rests on"),
    *floats(
        {
            "close": "USD a share, adjusted as of the session",
            "volume": "shares, likewise",
            **_NAMED,
            "obv_slope_10": "least-squares slope of on-balance volume over 10 bars, average volumes a bar",
            "return_1": "change of the close over 1 bar, decimal",
            "return_5": "over 5 bars, decimal",
            "return_20": "over 20 bars, decimal",
            "return_60": "over 60 bars, decimal",
            "high_52w_distance": "close over the highest high of 252 bars less 1, decimal",
            "low_52w_distance": "close over the lowest low of 252 bars less 1, decimal",
            "rvol_20": "volume over its mean of the 20 sessions before",
            "vsi_20": "volume surge: standard deviations above that mean",
            "hv_20": "historical volatility of 20 returns, decimal a year",
            "hv_60": "historical volatility of 60 returns, decimal a year",
            "dollar_volume_20": "average daily dollar volume of 20 sessions, USD",
        }
    ),
    comment="The screener's columns of every name with a bar in the session; fewer bars than a window needs are NULL.",
)

technical_indicators = sa.Table(
    "technical_indicators",
    metadata,
    *keys(),
    *floats(
        {
            **_NAMED,
            "obv": "on-balance volume since the start of the history that the row sees, shares",
            "vwap": "the session's own volume-weighted price where the source has it, USD a share",
            "price_vs_sma20": "close over sma_20 less 1, per cent",
            "price_vs_sma50": "close over sma_50 less 1, per cent",
            "price_vs_sma200": "close over sma_200 less 1, per cent",
        }
    ),
    sa.Column("volatility_regime", sa.Text, comment="hv_20 in its last 252 sessions: low, normal, high or extreme"),
    sa.Column("indicators", JSONB, nullable=False, comment="the 84 outputs of docs/indicators.md by name"),
    null_reasons(),
    comment="Indicators of each watched name from split-adjusted bars. Definitions: docs/indicators.md.",
)

model_parameters = sa.Table(
    "model_parameters",
    metadata,
    sa.Column("model", sa.Text, primary_key=True, comment="which model"),
    sa.Column("version", sa.Text, primary_key=True, comment="changes with any parameter"),
    sa.Column("parameters", JSONB, nullable=False, comment="every threshold by name"),
    sa.Column(
        "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment="when, UTC"
    ),
    comment="The parameters that rows of a model version were made with.",
)

wyckoff_events = sa.Table(
    "wyckoff_events",
    metadata,
    *keys(),
    sa.Column("event", sa.Text, primary_key=True, comment="one of the 17 events, see docs/wyckoff.md"),
    sa.Column("event_date", sa.Date, primary_key=True, comment="session of the bar it fell on"),
    sa.Column("confirmed_date", sa.Date, nullable=False, comment="session that confirmed it; the row's own"),
    sa.Column("sub_type", sa.Text, comment="kind of the event; NULL for most"),
    sa.Column("confidence", sa.Double, nullable=False, comment="0 to 1"),
    sa.Column("terms", JSONB, nullable=False, comment="what the confidence is the mean of, each 0 to 1"),
    sa.Column("price_level", sa.Double, nullable=False, comment="USD a share, adjusted as of the session"),
    sa.Column("volume_ratio", sa.Double, comment="volume of its bar over the mean of 20 before"),
    sa.Column("replaces_event", sa.Text, comment="event that this one takes the place of"),
    sa.Column("replaces_date", sa.Date, comment="session of that event's bar"),
    sa.Column("model_version", sa.Text, nullable=False, comment="see model_parameters, model wyckoff"),
    comment="Wyckoff events in the session that confirmed each: what was said is never unsaid.",
)

wyckoff_phases = sa.Table(
    "wyckoff_phases",
    metadata,
    *keys(),
    sa.Column("regime", sa.Text, nullable=False, comment="ACCUM, MARKUP, DIST, MARKDOWN, RANGE or UNKNOWN"),
    sa.Column("phase", sa.Text, nullable=False, comment="A to E inside a range, NONE outside"),
    sa.Column("wyckoff_phase", sa.Text, comment="the single letter of both: A accumulation to E markdown"),
    sa.Column("sub_stage", sa.Text, comment="word for the phase; NULL outside of a structure"),
    *floats(
        {
            "phase_score": "place of the furthest event in its sequence, 0 to 1",
            "phase_confidence": "mean confidence of the active events, 0 to 1",
            "support": "lower border of the range, USD a share, adjusted as of the session",
            "resistance": "upper border of the range, likewise",
            "composite_score": "all evidence, 0 to 1",
        }
    ),
    sa.Column("range_start", sa.Date, comment="session of the climax that began the range"),
    *counts(
        {
            "touches_support": "times the price came to the support",
            "touches_resistance": "times the price came to the resistance",
            "bars_read": "sound bars of the window that the row rests on",
        },
        nullable=False,
    ),
    *counts(
        {
            "bc_score": "buying climax, 0 to 28, scaled to the signals that are known; NULL with fewer than five",
            "bc_score_3d": "the largest of the last three sessions",
            "bc_raw": "points of the known signals",
            "bc_max": "the most that they could give",
            "spring_score": "spring, 0 to 12; NULL without a range",
            "spring_raw": "points of the known signals",
            "spring_max": "the most that they could give",
        }
    ),
    sa.Column("bc_parts", JSONB, nullable=False, comment="points by signal"),
    sa.Column("spring_parts", JSONB, nullable=False, comment="points by signal; empty without a break of the support"),
    sa.Column("spring_is_final", sa.Boolean, nullable=False, comment="whether the spring score can still change"),
    sa.Column(
        "events_detected", ARRAY(sa.Text), nullable=False, comment="active events of the structure, oldest first"
    ),
    sa.Column("primary_event", sa.Text, comment="the one that matters most"),
    sa.Column("primary_event_date", sa.Date, comment="session that confirmed it"),
    sa.Column("primary_event_confidence", sa.Double, comment="0 to 1"),
    sa.Column("signal_type", sa.Text, nullable=False, comment="badge: EXIT_CRITICAL … NEUTRAL"),
    sa.Column("events_json", JSONB, nullable=False, comment="the structure as architecture v2.0 §5.5 tells it"),
    sa.Column("checklist_json", JSONB, nullable=False, comment="nine buying and nine selling tests with their values"),
    sa.Column("model_version", sa.Text, nullable=False, comment="see model_parameters, model wyckoff"),
    null_reasons(),
    comment="Where each watched name is in its cycle, read from the bars up to the session alone.",
)

daily_snapshots = sa.Table(
    "daily_snapshots",
    metadata,
    *keys(),
    sa.Column("symbol", sa.Text, nullable=False, comment="the vendor's ticker"),
    sa.Column("wyckoff_phase", sa.Text, comment="single letter A to E, see wyckoff_phases"),
    *floats({"phase_score": "0 to 1", "phase_confidence": "0 to 1"}),
    sa.Column("phase_sub_stage", sa.Text, comment="word for the phase"),
    sa.Column("events_detected", ARRAY(sa.Text), comment="active events of the structure"),
    sa.Column("primary_event", sa.Text, comment="the one that matters most"),
    sa.Column("primary_event_confidence", sa.Double, comment="0 to 1"),
    sa.Column("events_json", JSONB, comment="the structure with its signal"),
    *counts({"bc_score": "buying climax, 0 to 28", "spring_score": "spring, 0 to 12"}),
    sa.Column("composite_score", sa.Double, comment="all evidence, 0 to 1"),
    *floats(
        {
            **_NAMED,
            "obv": "shares, see technical_indicators",
            "vwap": "USD a share; NULL for flat-file bars",
            "gex_total": "gross gamma exposure, USD of delta hedge per 1 % move",
            "gex_net": "net gamma exposure, likewise; calls +, puts -",
            "gamma_flip_level": "USD a share, raw",
            "call_wall_primary": "strike with the most call open interest, USD a share",
        }
    ),
    *counts({"call_wall_primary_oi": "contracts there"}),
    *floats({"put_wall_primary": "strike with the most put open interest, USD a share"}),
    *counts({"put_wall_primary_oi": "contracts there"}),
    *floats({"dgpi": "dealer gamma pressure index, -100 to 100"}),
    sa.Column("dealer_position", sa.Text, comment="long_gamma, short_gamma, neutral or unknown"),
    *floats(
        {
            "iv_skew_25d": "25-delta skew at 30 days, vol points",
            "iv_term_structure": "iv_90d - iv_30d, vol points",
            "put_call_ratio_oi": "puts over calls, open interest",
            "put_call_ratio_volume": "puts over calls, volume",
            "average_iv": "implied volatility weighted with open interest, decimal a year",
            "iv_rank": "0 to 100",
            "iv_percentile": "0 to 100",
            "rvol": "volume over its mean of the 20 sessions before",
            "vsi": "volume surge index, standard deviations",
            "hv_20": "historical volatility of 20 returns, decimal a year",
            "hv_60": "historical volatility of 60 returns, decimal a year",
            "iv_hv_diff": "iv_30d - hv_20, vol points",
            "price_vs_sma20": "per cent",
            "price_vs_sma50": "per cent",
            "price_vs_sma200": "per cent",
        }
    ),
    *(
        sa.Column(name, JSONB, comment=f"everything of {table}")
        for name, table in {
            "technical_indicators_json": "technical_indicators.indicators",
            "dealer_metrics_json": "dealer_metrics",
            "volatility_metrics_json": "volatility_metrics",
            "price_metrics_json": "price_metrics",
            "checklist_json": "wyckoff_phases.checklist_json",
        }.items()
    ),
    sa.Column("volatility_regime", sa.Text, comment="low, normal, high or extreme"),
    sa.Column("model_version", sa.Text, comment="versions of the models behind the row"),
    sa.Column("data_quality", sa.Text, nullable=False, comment="complete, partial or stale"),
    sa.Column("missing", ARRAY(sa.Text), nullable=False, comment="what keeps it from complete"),
    sa.CheckConstraint("data_quality IN ('complete', 'partial', 'stale')", name="data_quality"),
    comment="One row a watched name and session: what a decision rests on. Source: the SQL model of this name.",
)

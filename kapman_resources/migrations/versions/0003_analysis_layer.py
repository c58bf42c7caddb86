"""Analysis layer: indicators, Wyckoff structure with its parameters, daily snapshots.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kapman_resources import partitioning

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A statement's worth of snapshots at a time; tickers.last_analysis_date is then never behind them.
_TOUCH = """
CREATE FUNCTION touch_last_analysis_date() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickers t SET last_analysis_date = s.date
    FROM (SELECT ticker_id, max(date) AS date FROM written GROUP BY ticker_id) s
    WHERE s.ticker_id = t.ticker_id AND (t.last_analysis_date IS NULL OR t.last_analysis_date < s.date);
    RETURN NULL;
END $$
"""

_TRIGGER = """
CREATE TRIGGER touch_last_analysis_date AFTER INSERT ON daily_snapshots
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION touch_last_analysis_date()
"""

_FN_WATCHLIST_NEEDING_ANALYSIS = """
CREATE FUNCTION fn_watchlist_needing_analysis(session date)
RETURNS TABLE (symbol text, last_analysis_date date)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT t.symbol, t.last_analysis_date
FROM tickers t
WHERE t.is_active
  AND (t.options_enabled OR EXISTS (SELECT 1 FROM portfolio_tickers p WHERE p.ticker_id = t.ticker_id))
  AND NOT EXISTS (SELECT 1 FROM daily_snapshots d WHERE d.ticker_id = t.ticker_id AND d.date = session)
$$
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "model_parameters",
        sa.Column("model", sa.Text(), nullable=False, comment="which model"),
        sa.Column("version", sa.Text(), nullable=False, comment="changes with any parameter"),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="every threshold by name"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when, UTC",
        ),
        sa.PrimaryKeyConstraint("model", "version", name=op.f("pk_model_parameters")),
        comment="The parameters that rows of a model version were made with.",
    )
    op.create_table(
        "universe_technicals",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("bars", sa.Integer(), nullable=False, comment="usable bars that the row rests on"),
        sa.Column("close", sa.Double(), nullable=True, comment="USD a share, adjusted as of the session"),
        sa.Column("volume", sa.Double(), nullable=True, comment="shares, likewise"),
        sa.Column("rsi_14", sa.Double(), nullable=True, comment="Wilder's relative strength index, 0 to 100"),
        sa.Column("macd_line", sa.Double(), nullable=True, comment="ema_12 - ema_26, USD a share"),
        sa.Column("macd_signal", sa.Double(), nullable=True, comment="9-session EMA of macd_line, USD a share"),
        sa.Column("macd_histogram", sa.Double(), nullable=True, comment="macd_line - macd_signal, USD a share"),
        sa.Column("stoch_k", sa.Double(), nullable=True, comment="stochastic %K of 14 bars, 0 to 100"),
        sa.Column("stoch_d", sa.Double(), nullable=True, comment="3-bar mean of stoch_k, 0 to 100"),
        sa.Column("mfi_14", sa.Double(), nullable=True, comment="money flow index, 0 to 100"),
        sa.Column("sma_20", sa.Double(), nullable=True, comment="simple mean of 20 closes, USD a share"),
        sa.Column("sma_50", sa.Double(), nullable=True, comment="simple mean of 50 closes, USD a share"),
        sa.Column("sma_200", sa.Double(), nullable=True, comment="simple mean of 200 closes, USD a share"),
        sa.Column("ema_12", sa.Double(), nullable=True, comment="exponential mean, span 12, USD a share"),
        sa.Column("ema_26", sa.Double(), nullable=True, comment="exponential mean, span 26, USD a share"),
        sa.Column("adx_14", sa.Double(), nullable=True, comment="average directional index, 0 to 100"),
        sa.Column("atr_14", sa.Double(), nullable=True, comment="Wilder's average true range, USD a share"),
        sa.Column("bbands_upper", sa.Double(), nullable=True, comment="upper Bollinger band (20, 2), USD a share"),
        sa.Column("bbands_middle", sa.Double(), nullable=True, comment="middle Bollinger band, USD a share"),
        sa.Column("bbands_lower", sa.Double(), nullable=True, comment="lower Bollinger band, USD a share"),
        sa.Column("bbands_width", sa.Double(), nullable=True, comment="width of the bands over the middle, per cent"),
        sa.Column(
            "obv_slope_10",
            sa.Double(),
            nullable=True,
            comment="least-squares slope of on-balance volume over 10 bars, average volumes a bar",
        ),
        sa.Column("return_1", sa.Double(), nullable=True, comment="change of the close over 1 bar, decimal"),
        sa.Column("return_5", sa.Double(), nullable=True, comment="over 5 bars, decimal"),
        sa.Column("return_20", sa.Double(), nullable=True, comment="over 20 bars, decimal"),
        sa.Column("return_60", sa.Double(), nullable=True, comment="over 60 bars, decimal"),
        sa.Column(
            "high_52w_distance",
            sa.Double(),
            nullable=True,
            comment="close over the highest high of 252 bars less 1, decimal",
        ),
        sa.Column(
            "low_52w_distance",
            sa.Double(),
            nullable=True,
            comment="close over the lowest low of 252 bars less 1, decimal",
        ),
        sa.Column("rvol_20", sa.Double(), nullable=True, comment="volume over its mean of the 20 sessions before"),
        sa.Column("vsi_20", sa.Double(), nullable=True, comment="volume surge: standard deviations above that mean"),
        sa.Column("hv_20", sa.Double(), nullable=True, comment="historical volatility of 20 returns, decimal a year"),
        sa.Column("hv_60", sa.Double(), nullable=True, comment="historical volatility of 60 returns, decimal a year"),
        sa.Column(
            "dollar_volume_20", sa.Double(), nullable=True, comment="average daily dollar volume of 20 sessions, USD"
        ),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_universe_technicals")),
        comment="The screener's columns of every name with a bar in the session; fewer bars than a window needs are NULL.",
        **partitioning.table_options(op.get_bind(), "date"),
    )
    op.create_table(
        "daily_snapshots",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="the vendor's ticker"),
        sa.Column("wyckoff_phase", sa.Text(), nullable=True, comment="single letter A to E, see wyckoff_phases"),
        sa.Column("phase_score", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("phase_confidence", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("phase_sub_stage", sa.Text(), nullable=True, comment="word for the phase"),
        sa.Column(
            "events_detected", postgresql.ARRAY(sa.Text()), nullable=True, comment="active events of the structure"
        ),
        sa.Column("primary_event", sa.Text(), nullable=True, comment="the one that matters most"),
        sa.Column("primary_event_confidence", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column(
            "events_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the structure with its signal",
        ),
        sa.Column("bc_score", sa.BigInteger(), nullable=True, comment="buying climax, 0 to 28"),
        sa.Column("spring_score", sa.BigInteger(), nullable=True, comment="spring, 0 to 12"),
        sa.Column("composite_score", sa.Double(), nullable=True, comment="all evidence, 0 to 1"),
        sa.Column("rsi_14", sa.Double(), nullable=True, comment="Wilder's relative strength index, 0 to 100"),
        sa.Column("macd_line", sa.Double(), nullable=True, comment="ema_12 - ema_26, USD a share"),
        sa.Column("macd_signal", sa.Double(), nullable=True, comment="9-session EMA of macd_line, USD a share"),
        sa.Column("macd_histogram", sa.Double(), nullable=True, comment="macd_line - macd_signal, USD a share"),
        sa.Column("stoch_k", sa.Double(), nullable=True, comment="stochastic %K of 14 bars, 0 to 100"),
        sa.Column("stoch_d", sa.Double(), nullable=True, comment="3-bar mean of stoch_k, 0 to 100"),
        sa.Column("mfi_14", sa.Double(), nullable=True, comment="money flow index, 0 to 100"),
        sa.Column("sma_20", sa.Double(), nullable=True, comment="simple mean of 20 closes, USD a share"),
        sa.Column("sma_50", sa.Double(), nullable=True, comment="simple mean of 50 closes, USD a share"),
        sa.Column("sma_200", sa.Double(), nullable=True, comment="simple mean of 200 closes, USD a share"),
        sa.Column("ema_12", sa.Double(), nullable=True, comment="exponential mean, span 12, USD a share"),
        sa.Column("ema_26", sa.Double(), nullable=True, comment="exponential mean, span 26, USD a share"),
        sa.Column("adx_14", sa.Double(), nullable=True, comment="average directional index, 0 to 100"),
        sa.Column("atr_14", sa.Double(), nullable=True, comment="Wilder's average true range, USD a share"),
        sa.Column("bbands_upper", sa.Double(), nullable=True, comment="upper Bollinger band (20, 2), USD a share"),
        sa.Column("bbands_middle", sa.Double(), nullable=True, comment="middle Bollinger band, USD a share"),
        sa.Column("bbands_lower", sa.Double(), nullable=True, comment="lower Bollinger band, USD a share"),
        sa.Column("bbands_width", sa.Double(), nullable=True, comment="width of the bands over the middle, per cent"),
        sa.Column("obv", sa.Double(), nullable=True, comment="shares, see technical_indicators"),
        sa.Column("vwap", sa.Double(), nullable=True, comment="USD a share; NULL for flat-file bars"),
        sa.Column(
            "gex_total", sa.Double(), nullable=True, comment="gross gamma exposure, USD of delta hedge per 1 % move"
        ),
        sa.Column("gex_net", sa.Double(), nullable=True, comment="net gamma exposure, likewise; calls +, puts -"),
        sa.Column("gamma_flip_level", sa.Double(), nullable=True, comment="USD a share, raw"),
        sa.Column(
            "call_wall_primary",
            sa.Double(),
            nullable=True,
            comment="strike with the most call open interest, USD a share",
        ),
        sa.Column("call_wall_primary_oi", sa.BigInteger(), nullable=True, comment="contracts there"),
        sa.Column(
            "put_wall_primary",
            sa.Double(),
            nullable=True,
            comment="strike with the most put open interest, USD a share",
        ),
        sa.Column("put_wall_primary_oi", sa.BigInteger(), nullable=True, comment="contracts there"),
        sa.Column("dgpi", sa.Double(), nullable=True, comment="dealer gamma pressure index, -100 to 100"),
        sa.Column("dealer_position", sa.Text(), nullable=True, comment="long_gamma, short_gamma, neutral or unknown"),
        sa.Column("iv_skew_25d", sa.Double(), nullable=True, comment="25-delta skew at 30 days, vol points"),
        sa.Column("iv_term_structure", sa.Double(), nullable=True, comment="iv_90d - iv_30d, vol points"),
        sa.Column("put_call_ratio_oi", sa.Double(), nullable=True, comment="puts over calls, open interest"),
        sa.Column("put_call_ratio_volume", sa.Double(), nullable=True, comment="puts over calls, volume"),
        sa.Column(
            "average_iv",
            sa.Double(),
            nullable=True,
            comment="implied volatility weighted with open interest, decimal a year",
        ),
        sa.Column("iv_rank", sa.Double(), nullable=True, comment="0 to 100"),
        sa.Column("iv_percentile", sa.Double(), nullable=True, comment="0 to 100"),
        sa.Column("rvol", sa.Double(), nullable=True, comment="volume over its mean of the 20 sessions before"),
        sa.Column("vsi", sa.Double(), nullable=True, comment="volume surge index, standard deviations"),
        sa.Column("hv_20", sa.Double(), nullable=True, comment="historical volatility of 20 returns, decimal a year"),
        sa.Column("hv_60", sa.Double(), nullable=True, comment="historical volatility of 60 returns, decimal a year"),
        sa.Column("iv_hv_diff", sa.Double(), nullable=True, comment="iv_30d - hv_20, vol points"),
        sa.Column("price_vs_sma20", sa.Double(), nullable=True, comment="per cent"),
        sa.Column("price_vs_sma50", sa.Double(), nullable=True, comment="per cent"),
        sa.Column("price_vs_sma200", sa.Double(), nullable=True, comment="per cent"),
        sa.Column(
            "technical_indicators_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="everything of technical_indicators.indicators",
        ),
        sa.Column(
            "dealer_metrics_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="everything of dealer_metrics",
        ),
        sa.Column(
            "volatility_metrics_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="everything of volatility_metrics",
        ),
        sa.Column(
            "price_metrics_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="everything of price_metrics",
        ),
        sa.Column(
            "checklist_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="everything of wyckoff_phases.checklist_json",
        ),
        sa.Column("volatility_regime", sa.Text(), nullable=True, comment="low, normal, high or extreme"),
        sa.Column("model_version", sa.Text(), nullable=True, comment="versions of the models behind the row"),
        sa.Column("data_quality", sa.Text(), nullable=False, comment="complete, partial or stale"),
        sa.Column("missing", postgresql.ARRAY(sa.Text()), nullable=False, comment="what keeps it from complete"),
        sa.CheckConstraint(
            "data_quality IN ('complete', 'partial', 'stale')", name=op.f("ck_daily_snapshots_data_quality")
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_daily_snapshots_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_daily_snapshots")),
        comment="One row a watched name and session: what a decision rests on. Source: the SQL model of this name.",
    )
    op.create_table(
        "technical_indicators",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("rsi_14", sa.Double(), nullable=True, comment="Wilder's relative strength index, 0 to 100"),
        sa.Column("macd_line", sa.Double(), nullable=True, comment="ema_12 - ema_26, USD a share"),
        sa.Column("macd_signal", sa.Double(), nullable=True, comment="9-session EMA of macd_line, USD a share"),
        sa.Column("macd_histogram", sa.Double(), nullable=True, comment="macd_line - macd_signal, USD a share"),
        sa.Column("stoch_k", sa.Double(), nullable=True, comment="stochastic %K of 14 bars, 0 to 100"),
        sa.Column("stoch_d", sa.Double(), nullable=True, comment="3-bar mean of stoch_k, 0 to 100"),
        sa.Column("mfi_14", sa.Double(), nullable=True, comment="money flow index, 0 to 100"),
        sa.Column("sma_20", sa.Double(), nullable=True, comment="simple mean of 20 closes, USD a share"),
        sa.Column("sma_50", sa.Double(), nullable=True, comment="simple mean of 50 closes, USD a share"),
        sa.Column("sma_200", sa.Double(), nullable=True, comment="simple mean of 200 closes, USD a share"),
        sa.Column("ema_12", sa.Double(), nullable=True, comment="exponential mean, span 12, USD a share"),
        sa.Column("ema_26", sa.Double(), nullable=True, comment="exponential mean, span 26, USD a share"),
        sa.Column("adx_14", sa.Double(), nullable=True, comment="average directional index, 0 to 100"),
        sa.Column("atr_14", sa.Double(), nullable=True, comment="Wilder's average true range, USD a share"),
        sa.Column("bbands_upper", sa.Double(), nullable=True, comment="upper Bollinger band (20, 2), USD a share"),
        sa.Column("bbands_middle", sa.Double(), nullable=True, comment="middle Bollinger band, USD a share"),
        sa.Column("bbands_lower", sa.Double(), nullable=True, comment="lower Bollinger band, USD a share"),
        sa.Column("bbands_width", sa.Double(), nullable=True, comment="width of the bands over the middle, per cent"),
        sa.Column(
            "obv",
            sa.Double(),
            nullable=True,
            comment="on-balance volume since the start of the history that the row sees, shares",
        ),
        sa.Column(
            "vwap",
            sa.Double(),
            nullable=True,
            comment="the session's own volume-weighted price where the source has it, USD a share",
        ),
        sa.Column("price_vs_sma20", sa.Double(), nullable=True, comment="close over sma_20 less 1, per cent"),
        sa.Column("price_vs_sma50", sa.Double(), nullable=True, comment="close over sma_50 less 1, per cent"),
        sa.Column("price_vs_sma200", sa.Double(), nullable=True, comment="close over sma_200 less 1, per cent"),
        sa.Column(
            "volatility_regime",
            sa.Text(),
            nullable=True,
            comment="hv_20 in its last 252 sessions: low, normal, high or extreme",
        ),
        sa.Column(
            "indicators",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the 84 outputs of docs/indicators.md by name",
        ),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_technical_indicators_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_technical_indicators")),
        comment="Indicators of each watched name from split-adjusted bars. Definitions: docs/indicators.md.",
    )
    op.create_table(
        "wyckoff_events",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("event", sa.Text(), nullable=False, comment="one of the 17 events, see docs/wyckoff.md"),
        sa.Column("event_date", sa.Date(), nullable=False, comment="session of the bar it fell on"),
        sa.Column("confirmed_date", sa.Date(), nullable=False, comment="session that confirmed it; the row's own"),
        sa.Column("sub_type", sa.Text(), nullable=True, comment="kind of the event; NULL for most"),
        sa.Column("confidence", sa.Double(), nullable=False, comment="0 to 1"),
        sa.Column(
            "terms",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what the confidence is the mean of, each 0 to 1",
        ),
        sa.Column("price_level", sa.Double(), nullable=False, comment="USD a share, adjusted as of the session"),
        sa.Column("volume_ratio", sa.Double(), nullable=True, comment="volume of its bar over the mean of 20 before"),
        sa.Column("replaces_event", sa.Text(), nullable=True, comment="event that this one takes the place of"),
        sa.Column("replaces_date", sa.Date(), nullable=True, comment="session of that event's bar"),
        sa.Column("model_version", sa.Text(), nullable=False, comment="see model_parameters, model wyckoff"),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_wyckoff_events_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", "event", "event_date", name=op.f("pk_wyckoff_events")),
        comment="Wyckoff events in the session that confirmed each: what was said is never unsaid.",
    )
    op.create_table(
        "wyckoff_phases",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("regime", sa.Text(), nullable=False, comment="ACCUM, MARKUP, DIST, MARKDOWN, RANGE or UNKNOWN"),
        sa.Column("phase", sa.Text(), nullable=False, comment="A to E inside a range, NONE outside"),
        sa.Column(
            "wyckoff_phase", sa.Text(), nullable=True, comment="the single letter of both: A accumulation to E markdown"
        ),
        sa.Column("sub_stage", sa.Text(), nullable=True, comment="word for the phase; NULL outside of a structure"),
        sa.Column(
            "phase_score", sa.Double(), nullable=True, comment="place of the furthest event in its sequence, 0 to 1"
        ),
        sa.Column(
            "phase_confidence", sa.Double(), nullable=True, comment="mean confidence of the active events, 0 to 1"
        ),
        sa.Column(
            "support",
            sa.Double(),
            nullable=True,
            comment="lower border of the range, USD a share, adjusted as of the session",
        ),
        sa.Column("resistance", sa.Double(), nullable=True, comment="upper border of the range, likewise"),
        sa.Column("composite_score", sa.Double(), nullable=True, comment="all evidence, 0 to 1"),
        sa.Column("range_start", sa.Date(), nullable=True, comment="session of the climax that began the range"),
        sa.Column("touches_support", sa.BigInteger(), nullable=False, comment="times the price came to the support"),
        sa.Column(
            "touches_resistance", sa.BigInteger(), nullable=False, comment="times the price came to the resistance"
        ),
        sa.Column(
            "bars_read", sa.BigInteger(), nullable=False, comment="sound bars of the window that the row rests on"
        ),
        sa.Column(
            "bc_score",
            sa.BigInteger(),
            nullable=True,
            comment="buying climax, 0 to 28, scaled to the signals that are known; NULL with fewer than five",
        ),
        sa.Column("bc_score_3d", sa.BigInteger(), nullable=True, comment="the largest of the last three sessions"),
        sa.Column("bc_raw", sa.BigInteger(), nullable=True, comment="points of the known signals"),
        sa.Column("bc_max", sa.BigInteger(), nullable=True, comment="the most that they could give"),
        sa.Column("spring_score", sa.BigInteger(), nullable=True, comment="spring, 0 to 12; NULL without a range"),
        sa.Column("spring_raw", sa.BigInteger(), nullable=True, comment="points of the known signals"),
        sa.Column("spring_max", sa.BigInteger(), nullable=True, comment="the most that they could give"),
        sa.Column("bc_parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="points by signal"),
        sa.Column(
            "spring_parts",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="points by signal; empty without a break of the support",
        ),
        sa.Column("spring_is_final", sa.Boolean(), nullable=False, comment="whether the spring score can still change"),
        sa.Column(
            "events_detected",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="active events of the structure, oldest first",
        ),
        sa.Column("primary_event", sa.Text(), nullable=True, comment="the one that matters most"),
        sa.Column("primary_event_date", sa.Date(), nullable=True, comment="session that confirmed it"),
        sa.Column("primary_event_confidence", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("signal_type", sa.Text(), nullable=False, comment="badge: EXIT_CRITICAL … NEUTRAL"),
        sa.Column(
            "events_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the structure as architecture v2.0 §5.5 tells it",
        ),
        sa.Column(
            "checklist_json",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="nine buying and nine selling tests with their values",
        ),
        sa.Column("model_version", sa.Text(), nullable=False, comment="see model_parameters, model wyckoff"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_wyckoff_phases_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_wyckoff_phases")),
        comment="Where each watched name is in its cycle, read from the bars up to the session alone.",
    )
    partitioning.finish_table(op.get_bind(), "universe_technicals", "date", order_by="ticker_id")
    for statement in (_TOUCH, _TRIGGER, _FN_WATCHLIST_NEEDING_ANALYSIS):
        op.execute(statement)
    op.execute(
        "COMMENT ON FUNCTION fn_watchlist_needing_analysis(date) IS 'Active watched names without a snapshot of the session.'"
    )

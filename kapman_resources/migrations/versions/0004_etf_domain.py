"""ETF domain: features by horizon; watchlist, alert rules and their firings.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "alert_rules",
        sa.Column(
            "rule_id",
            sa.Integer(),
            sa.Identity(always=False),
            nullable=False,
            comment="Kapman's own identity of the rule",
        ),
        sa.Column(
            "user_id", sa.Text(), server_default="local", nullable=False, comment="whose; local where there is one user"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="what the user calls it, once a user"),
        sa.Column("condition", sa.Text(), nullable=False, comment="in the language of docs/etf.md, such as z<=-1.0"),
        sa.Column(
            "horizon",
            sa.Text(),
            server_default="60D",
            nullable=False,
            comment="of the ETF features it asks: 20D, 60D, 252D",
        ),
        sa.Column(
            "universe",
            sa.Text(),
            server_default="etf",
            nullable=False,
            comment="names it asks: etf (with ETF features), watchlist (the user's), all, or one symbol",
        ),
        sa.Column(
            "cool_down", sa.Integer(), server_default="3", nullable=False, comment="sessions of silence after it fired"
        ),
        sa.Column(
            "channels",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="where it is told, an array of names",
        ),
        sa.Column(
            "is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="whether it is asked"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was written, UTC",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the user last changed it, UTC",
        ),
        sa.CheckConstraint("horizon IN ('20D', '60D', '252D')", name=op.f("ck_alert_rules_horizon")),
        sa.CheckConstraint("jsonb_typeof(channels) = 'array'", name=op.f("ck_alert_rules_channels")),
        sa.CheckConstraint("cool_down >= 0", name=op.f("ck_alert_rules_cool_down")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_alert_rules")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_alert_rules_user_id")),
        comment="Conditions that a user wants to be told of; they are read when asked, never run as code.",
    )
    op.create_table(
        "alert_firings",
        sa.Column("rule_id", sa.Integer(), autoincrement=False, nullable=False, comment="the rule, see alert_rules"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("date", sa.Date(), nullable=False, comment="session in which it fired"),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rules.rule_id"], name=op.f("fk_alert_firings_rule_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_alert_firings_ticker_id")),
        sa.PrimaryKeyConstraint("rule_id", "ticker_id", "date", name=op.f("pk_alert_firings")),
        comment="What fired for which name: a rule is silent for its cool-down after each.",
    )
    op.create_table(
        "etf_features",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("horizon", sa.Text(), nullable=False, comment="window of the z-scores: 20D, 60D or 252D sessions"),
        sa.Column(
            "composite_z",
            sa.Double(),
            nullable=True,
            comment="weighted sum of the standardised components; standard deviations",
        ),
        sa.Column(
            "dz1", sa.Double(), nullable=True, comment="composite less that of the session before; standard deviations"
        ),
        sa.Column(
            "dz5",
            sa.Double(),
            nullable=True,
            comment="composite less that of five sessions before; standard deviations",
        ),
        sa.Column(
            "macd_z",
            sa.Double(),
            nullable=True,
            comment="macd less its mean over the horizon, in its deviations (ddof=1); standard deviations",
        ),
        sa.Column(
            "rsi_z",
            sa.Double(),
            nullable=True,
            comment="rsi14 less its mean over the horizon, in its deviations (ddof=1); standard deviations",
        ),
        sa.Column(
            "ma_gap_z",
            sa.Double(),
            nullable=True,
            comment="ma_gap_pct less its mean over the horizon, in its deviations (ddof=1); standard deviations",
        ),
        sa.Column(
            "bb_pctb_z",
            sa.Double(),
            nullable=True,
            comment="bb_pctb_20 less its mean over the horizon, in its deviations (ddof=1); standard deviations",
        ),
        sa.Column(
            "mom_5d_z",
            sa.Double(),
            nullable=True,
            comment="mom_5d less its mean over the horizon, in its deviations (ddof=1); standard deviations",
        ),
        sa.Column(
            "macd_contribution",
            sa.Double(),
            nullable=True,
            comment="part of the composite that comes from macd_z, weight 35 of 100; standard deviations",
        ),
        sa.Column(
            "rsi_contribution",
            sa.Double(),
            nullable=True,
            comment="part of the composite that comes from rsi_z, weight 25 of 100; standard deviations",
        ),
        sa.Column(
            "ma_gap_contribution",
            sa.Double(),
            nullable=True,
            comment="part of the composite that comes from ma_gap_z, weight 20 of 100; standard deviations",
        ),
        sa.Column(
            "bb_pctb_contribution",
            sa.Double(),
            nullable=True,
            comment="part of the composite that comes from bb_pctb_z, weight 15 of 100; standard deviations",
        ),
        sa.Column(
            "mom_5d_contribution",
            sa.Double(),
            nullable=True,
            comment="part of the composite that comes from mom_5d_z, weight 5 of 100; standard deviations",
        ),
        sa.Column(
            "weight_known",
            sa.Double(),
            nullable=True,
            comment="weights of the components that are known; a composite needs 0.8; share, 0 to 1",
        ),
        sa.Column(
            "macd",
            sa.Double(),
            nullable=True,
            comment="EMA(12) less EMA(26) of the close; USD a share, split-adjusted as of the session",
        ),
        sa.Column(
            "macd_signal",
            sa.Double(),
            nullable=True,
            comment="EMA(9) of macd; USD a share, split-adjusted as of the session",
        ),
        sa.Column(
            "rsi14",
            sa.Double(),
            nullable=True,
            comment="relative strength index, Wilder's smoothing over 14 bars; 0 to 100",
        ),
        sa.Column(
            "bb_pctb_20",
            sa.Double(),
            nullable=True,
            comment="place of the close between the Bollinger bands (20, 2), clamped; 0 to 1",
        ),
        sa.Column(
            "ma50",
            sa.Double(),
            nullable=True,
            comment="mean of the last 50 closes; USD a share, split-adjusted as of the session",
        ),
        sa.Column(
            "ma200",
            sa.Double(),
            nullable=True,
            comment="mean of the last 200 closes; USD a share, split-adjusted as of the session",
        ),
        sa.Column("ma_gap_pct", sa.Double(), nullable=True, comment="(ma50 - ma200) / ma200; decimal, 0.01 is 1 %"),
        sa.Column("mom_5d", sa.Double(), nullable=True, comment="return over 5 bars; decimal"),
        sa.Column(
            "atr14",
            sa.Double(),
            nullable=True,
            comment="average true range, Wilder's smoothing over 14 bars; USD a share, split-adjusted as of the session",
        ),
        sa.Column(
            "rs_spy_30d", sa.Double(), nullable=True, comment="return over 30 sessions less the benchmark's; decimal"
        ),
        sa.Column(
            "rs_spy_90d", sa.Double(), nullable=True, comment="return over 90 sessions less the benchmark's; decimal"
        ),
        sa.Column(
            "beta_spy_252d",
            sa.Double(),
            nullable=True,
            comment="slope of 252 daily log returns on the benchmark's; ratio",
        ),
        sa.Column(
            "corr_spy_252d",
            sa.Double(),
            nullable=True,
            comment="correlation of 252 daily log returns with the benchmark's; -1 to 1",
        ),
        sa.Column(
            "vol_dollar_20d",
            sa.Double(),
            nullable=True,
            comment="mean of close x volume over 20 sessions; USD a session",
        ),
        sa.Column(
            "z_values",
            sa.BigInteger(),
            nullable=False,
            comment="in the shortest window of a known component; 0 without one; values",
        ),
        sa.Column("pipeline_version", sa.Text(), nullable=False, comment="changes with every formula behind the row"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.CheckConstraint("horizon IN ('20D', '60D', '252D')", name=op.f("ck_etf_features_horizon")),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_etf_features_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", "horizon", name=op.f("pk_etf_features")),
        comment="Sector ETFs against SPY from split-adjusted bars, also where the session has none. See docs/etf.md.",
    )
    op.create_table(
        "watchlist",
        sa.Column(
            "user_id", sa.Text(), server_default="local", nullable=False, comment="whose; local where there is one user"
        ),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the name was put there, UTC",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_watchlist_ticker_id")),
        sa.PrimaryKeyConstraint("user_id", "ticker_id", name=op.f("pk_watchlist")),
        comment="Names that a user follows; alert rules may be about them.",
    )

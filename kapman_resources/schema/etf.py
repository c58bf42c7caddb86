"""Tables of the ETF domain: features by horizon, and the user's watchlist and alert rules with what fired."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.schema.base import counts, floats, keys, metadata, null_reasons, ticker_id

_Z = "standard deviations"
_USD = "USD a share, split-adjusted as of the session"
_HORIZONS = "('20D', '60D', '252D')"


def _user_id(**options: object) -> sa.Column[str]:
    return sa.Column(
        "user_id",
        sa.Text,
        nullable=False,
        server_default="local",
        comment="whose; local where there is one user",
        **options,  # type: ignore[arg-type]
    )


def _now(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment=f"{comment}, UTC"
    )


etf_features = sa.Table(
    "etf_features",
    metadata,
    *keys(),
    sa.Column("horizon", sa.Text, primary_key=True, comment="window of the z-scores: 20D, 60D or 252D sessions"),
    *floats(
        {
            "composite_z": f"weighted sum of the standardised components; {_Z}",
            "dz1": f"composite less that of the session before; {_Z}",
            "dz5": f"composite less that of five sessions before; {_Z}",
            "macd_z": f"macd less its mean over the horizon, in its deviations (ddof=1); {_Z}",
            "rsi_z": f"rsi14 less its mean over the horizon, in its deviations (ddof=1); {_Z}",
            "ma_gap_z": f"ma_gap_pct less its mean over the horizon, in its deviations (ddof=1); {_Z}",
            "bb_pctb_z": f"bb_pctb_20 less its mean over the horizon, in its deviations (ddof=1); {_Z}",
            "mom_5d_z": f"mom_5d less its mean over the horizon, in its deviations (ddof=1); {_Z}",
            "macd_contribution": f"part of the composite that comes from macd_z, weight 35 of 100; {_Z}",
            "rsi_contribution": f"part of the composite that comes from rsi_z, weight 25 of 100; {_Z}",
            "ma_gap_contribution": f"part of the composite that comes from ma_gap_z, weight 20 of 100; {_Z}",
            "bb_pctb_contribution": f"part of the composite that comes from bb_pctb_z, weight 15 of 100; {_Z}",
            "mom_5d_contribution": f"part of the composite that comes from mom_5d_z, weight 5 of 100; {_Z}",
            "weight_known": "weights of the components that are known; a composite needs 0.8; share, 0 to 1",
            "macd": f"EMA(12) less EMA(26) of the close; {_USD}",
            "macd_signal": f"EMA(9) of macd; {_USD}",
            "rsi14": "relative strength index, Wilder's smoothing over 14 bars; 0 to 100",
            "bb_pctb_20": "place of the close between the Bollinger bands (20, 2), clamped; 0 to 1",
            "ma50": f"mean of the last 50 closes; {_USD}",
            "ma200": f"mean of the last 200 closes; {_USD}",
            "ma_gap_pct": "(ma50 - ma200) / ma200; decimal, 0.01 is 1 %",
            "mom_5d": "return over 5 bars; decimal",
            "atr14": f"average true range, Wilder's smoothing over 14 bars; {_USD}",
            "rs_spy_30d": "return over 30 sessions less the benchmark's; decimal",
            "rs_spy_90d": "return over 90 sessions less the benchmark's; decimal",
            "beta_spy_252d": "slope of 252 daily log returns on the benchmark's; ratio",
            "corr_spy_252d": "correlation of 252 daily log returns with the benchmark's; -1 to 1",
            "vol_dollar_20d": "mean of close x volume over 20 sessions; USD a session",
        }
    ),
    *counts({"z_values": "in the shortest window of a known component; 0 without one; values"}, nullable=False),
    sa.Column("pipeline_version", sa.Text, nullable=False, comment="changes with every formula behind the row"),
    null_reasons(),
    sa.CheckConstraint(f"horizon IN {_HORIZONS}", name="horizon"),
    comment="Sector ETFs against SPY from split-adjusted bars, also where the session has none. See docs/etf.md.",
)

watchlist = sa.Table(
    "watchlist",
    metadata,
    _user_id(primary_key=True),
    ticker_id(primary_key=True, autoincrement=False),
    _now("created_at", "when the name was put there"),
    comment="Names that a user follows; alert rules may be about them.",
)

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("rule_id", sa.Integer, sa.Identity(), primary_key=True, comment="Kapman's own identity of the rule"),
    _user_id(),
    sa.Column("name", sa.Text, nullable=False, comment="what the user calls it, once a user"),
    sa.Column("condition", sa.Text, nullable=False, comment="in the language of docs/etf.md, such as z<=-1.0"),
    sa.Column(
        "horizon", sa.Text, nullable=False, server_default="60D", comment="of the ETF features it asks: 20D, 60D, 252D"
    ),
    sa.Column(
        "universe",
        sa.Text,
        nullable=False,
        server_default="etf",
        comment="names it asks: etf (with ETF features), watchlist (the user's), all, or one symbol",
    ),
    sa.Column(
        "cool_down", sa.Integer, nullable=False, server_default="3", comment="sessions of silence after it fired"
    ),
    sa.Column(
        "channels",
        JSONB,
        nullable=False,
        server_default=sa.text("'[]'::jsonb"),
        comment="where it is told, an array of names",
    ),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true(), comment="whether it is asked"),
    _now("created_at", "when it was written"),
    _now("updated_at", "when the user last changed it"),
    sa.UniqueConstraint("user_id", "name"),
    sa.CheckConstraint(f"horizon IN {_HORIZONS}", name="horizon"),
    sa.CheckConstraint("cool_down >= 0", name="cool_down"),
    sa.CheckConstraint("jsonb_typeof(channels) = 'array'", name="channels"),
    comment="Conditions that a user wants to be told of; they are read when asked, never run as code.",
)

alert_firings = sa.Table(
    "alert_firings",
    metadata,
    sa.Column(
        "rule_id",
        sa.Integer,
        sa.ForeignKey("alert_rules.rule_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment="the rule, see alert_rules",
    ),
    ticker_id(primary_key=True, autoincrement=False),
    sa.Column("date", sa.Date, primary_key=True, comment="session in which it fired"),
    comment="What fired for which name: a rule is silent for its cool-down after each.",
)

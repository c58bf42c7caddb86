"""Tables of the decision layer: what the advisor was asked and said, the ideas that stood, and how each ended."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.schema.base import counts, floats, keys, metadata, null_reasons

_USD = "USD a share of the underlying, raw, in the shares of the session of issue"


def _issued() -> sa.Column[object]:
    return sa.Column("issued", sa.Date, primary_key=True, comment="session of the recommendation, its date there")


def _of_recommendation(*columns: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, ["recommendations.date", "recommendations.ticker_id"], ondelete="CASCADE")


advisor_answers = sa.Table(
    "advisor_answers",
    metadata,
    sa.Column("request_hash", sa.Text, primary_key=True, comment="SHA-256 of all that was sent, and to which model"),
    sa.Column("date", sa.Date, nullable=False, index=True, comment="session that was asked about"),
    sa.Column("symbol", sa.Text, nullable=False, comment="name that was asked about"),
    sa.Column("provider", sa.Text, nullable=False, comment="claude or openai"),
    sa.Column("model", sa.Text, nullable=False, comment="the model's id, as the provider names it"),
    sa.Column("prompt_hash", sa.Text, nullable=False, comment="of the fixed part; its text is in model_parameters"),
    sa.Column("request", JSONB, nullable=False, comment="the messages after the fixed part, as sent"),
    sa.Column("status", sa.Text, nullable=False, comment="answered, refused, truncated or failed"),
    sa.Column("answer", sa.Text, comment="raw, as received; NULL where nothing came"),
    sa.Column("error", sa.Text, comment="why there is no answer"),
    *counts(
        {
            "input_tokens": "read at full price",
            "output_tokens": "written",
            "cache_read_tokens": "read from the provider's cache",
            "cache_write_tokens": "written to it",
        }
    ),
    *floats({"cost_usd": "USD, from the model's list price", "latency_seconds": "seconds, retries included"}),
    sa.Column(
        "asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment="when, UTC"
    ),
    sa.CheckConstraint("status IN ('answered', 'refused', 'truncated', 'failed')", name="status"),
    comment="Every question to a model and its raw answer. The same question is answered from here, and costs nothing.",
)

recommendations = sa.Table(
    "recommendations",
    metadata,
    *keys(),
    sa.Column("symbol", sa.Text, nullable=False, comment="the vendor's ticker"),
    sa.Column(
        "action",
        sa.Text,
        nullable=False,
        comment="OPEN: a trade with legs; FORECAST: a direction where no chain can be traded; "
        "EXIT: close every position in the name; CAUTION: open none, tighten stops",
    ),
    sa.Column("direction", sa.Text, nullable=False, comment="LONG, SHORT or NEUTRAL: what the confidence is of"),
    sa.Column("strategy", sa.Text, comment="LONG_CALL, LONG_PUT, CSP or VERTICAL_SPREAD; NULL without legs"),
    sa.Column("signal_type", sa.Text, nullable=False, comment="signal of the session that made it a candidate"),
    sa.Column("primary_event", sa.Text, comment="Wyckoff event behind it"),
    sa.Column("confidence", sa.Double, nullable=False, comment="probability that the direction is right, raw, 0 to 1"),
    sa.Column("justification", sa.Text, nullable=False, comment="why, in words; its numbers are in inputs"),
    *floats(
        {
            "entry_price": f"close of the session; {_USD}",
            "stop_loss": f"where the idea is wrong; {_USD}",
            "profit_target": f"where it has done its work; {_USD}",
        }
    ),
    sa.Column(
        "horizon_sessions", sa.Integer, nullable=False, comment="sessions after which it is judged at the latest"
    ),
    sa.Column("last_session", sa.Date, nullable=False, comment="session of that judgement, or the first expiry before"),
    sa.Column("neutral_band", sa.Double, nullable=False, comment="move that is no move, a fraction of the entry price"),
    *floats(
        {
            "net_price": "USD a share of the legs together: paid is positive, received negative",
            "max_loss": "USD a unit, positive",
            "max_gain": "USD a unit; NULL where it has no bound",
            "reward_to_risk": "gain at the target over loss at the stop, or max_gain over max_loss of a spread; ratio",
            "probability_of_profit": "at expiry, 0 to 1",
            "capital_required": "USD a unit",
        }
    ),
    sa.Column("break_evens", JSONB, nullable=False, comment="at expiry, USD a share of the underlying, ascending"),
    sa.Column("pop_method", sa.Text, comment="what probability_of_profit comes from: delta or lognormal"),
    sa.Column("price_basis", sa.Text, comment="least of the legs' price bases: quote_mid, last or day_close"),
    sa.Column("asked_provider", sa.Text, nullable=False, comment="AI_PROVIDER of the run"),
    sa.Column("provider", sa.Text, nullable=False, comment="who answered: rules, claude or openai"),
    sa.Column("fallback_reason", sa.Text, comment="why another provider than the asked one answered"),
    sa.Column("model", sa.Text, nullable=False, comment="model id, or version of the rules"),
    sa.Column("prompt_version", sa.Text, comment="NULL for rules"),
    sa.Column("prompt_hash", sa.Text, comment="likewise"),
    sa.Column("request_hash", sa.Text, comment="answer that stood, see advisor_answers; NULL for rules"),
    sa.Column("inputs", JSONB, nullable=False, comment="the facts that it was made from, all of them"),
    sa.Column("validation", JSONB, nullable=False, comment="every attempt with the problems found in it"),
    *counts({"input_tokens": "of all attempts, cached ones included", "output_tokens": "of all attempts"}),
    *floats({"cost_usd": "USD, all attempts", "latency_seconds": "seconds, all attempts"}),
    sa.Column("model_version", sa.Text, comment="of the snapshot it rests on"),
    sa.Column("data_quality", sa.Text, nullable=False, comment="of that snapshot"),
    null_reasons(),
    sa.CheckConstraint("action IN ('OPEN', 'FORECAST', 'EXIT', 'CAUTION')", name="action"),
    sa.CheckConstraint("direction IN ('LONG', 'SHORT', 'NEUTRAL')", name="direction"),
    sa.CheckConstraint("strategy IN ('LONG_CALL', 'LONG_PUT', 'CSP', 'VERTICAL_SPREAD')", name="strategy"),
    sa.CheckConstraint("(action = 'OPEN') = (strategy IS NOT NULL)", name="legs"),
    sa.CheckConstraint("confidence > 0 AND confidence < 1", name="confidence"),
    sa.CheckConstraint("provider IN ('rules', 'claude', 'openai')", name="provider"),
    sa.CheckConstraint(
        "(direction = 'LONG' AND stop_loss < entry_price AND entry_price < profit_target)"
        " OR (direction = 'SHORT' AND stop_loss > entry_price AND entry_price > profit_target)"
        " OR direction = 'NEUTRAL' OR action IN ('EXIT', 'CAUTION')",
        name="levels",
    ),
    sa.CheckConstraint("horizon_sessions > 0 AND neutral_band >= 0", name="judgement"),
    comment="What was advised for a name in a session, checked against that session's facts before it was stored.",
)

recommendation_legs = sa.Table(
    "recommendation_legs",
    metadata,
    *keys(),
    sa.Column("leg", sa.SmallInteger, primary_key=True, autoincrement=False, comment="1, 2, ..."),
    sa.Column("contract", sa.Text, nullable=False, comment="the vendor's contract ticker, in that session's chain"),
    sa.Column("side", sa.Text, nullable=False, comment="BUY or SELL"),
    sa.Column("quantity", sa.Integer, nullable=False, comment="contracts a unit"),
    sa.Column("contract_type", sa.Text, nullable=False, comment="call or put"),
    sa.Column("strike", sa.Double, nullable=False, comment="USD a share, as listed"),
    sa.Column("expiration_date", sa.Date, nullable=False, comment="last day"),
    sa.Column("dte", sa.Integer, nullable=False, comment="calendar days from the session to it"),
    sa.Column("multiplier", sa.Double, nullable=False, comment="shares a contract"),
    sa.Column("price", sa.Double, nullable=False, comment="USD a share that the economics rest on"),
    sa.Column("price_basis", sa.Text, nullable=False, comment="quote_mid, last or day_close"),
    *floats({"implied_volatility": "decimal a year", "delta": "per share"}),
    sa.Column("open_interest", sa.Integer, nullable=False, comment="contracts"),
    _of_recommendation("date", "ticker_id"),
    sa.CheckConstraint("side IN ('BUY', 'SELL')", name="side"),
    sa.CheckConstraint("quantity > 0 AND price >= 0 AND dte > 0 AND dte = expiration_date - date", name="numbers"),
    comment="Contracts of each recommendation. A trigger refuses one that is not in the session's chain.",
)

recommendation_rejections = sa.Table(
    "recommendation_rejections",
    metadata,
    *keys(),
    sa.Column("attempt", sa.SmallInteger, primary_key=True, autoincrement=False, comment="1 or 2"),
    sa.Column("symbol", sa.Text, nullable=False, comment="the vendor's ticker"),
    sa.Column("provider", sa.Text, nullable=False, comment="whose answer it was"),
    sa.Column("model", sa.Text, nullable=False, comment="model id, or version of the rules"),
    sa.Column("request_hash", sa.Text, comment="see advisor_answers; NULL for rules"),
    sa.Column("answer", sa.Text, nullable=False, comment="as received"),
    sa.Column("problems", JSONB, nullable=False, comment="what was wrong with it: code and sentence"),
    comment="Answers that were not believed, and why.",
)

recommendation_reviews = sa.Table(
    "recommendation_reviews",
    metadata,
    *keys(),
    _issued(),
    sa.Column("verdict", sa.Text, nullable=False, comment="HOLD, TIGHTEN or CLOSE"),
    sa.Column("reasons", JSONB, nullable=False, comment="code and sentence of each rule that spoke"),
    *floats(
        {
            "price": f"the session's close; {_USD}",
            "signed_return": "since the entry, in the idea's direction, decimal",
            "stop_loss": f"where the stop belongs now; {_USD}",
            "option_pnl": "USD a unit at the session's chain; NULL without a price of each leg",
        }
    ),
    sa.Column("sessions_held", sa.Integer, nullable=False, comment="sessions since the one of issue"),
    sa.Column("dte", sa.Integer, comment="calendar days to the first expiry"),
    null_reasons(),
    _of_recommendation("issued", "ticker_id"),
    sa.CheckConstraint("verdict IN ('HOLD', 'TIGHTEN', 'CLOSE')", name="verdict"),
    comment="What the session says of each recommendation that is open in it. Outcomes do not depend on it.",
)

recommendation_outcomes = sa.Table(
    "recommendation_outcomes",
    metadata,
    *keys(),
    _issued(),
    sa.Column("exit_reason", sa.Text, nullable=False, comment="TARGET, STOP, EXPIRY, HORIZON, VOID or NO_BARS"),
    sa.Column("entry_session", sa.Date, comment="first with a bar after that of issue, at whose open it is entered"),
    *floats(
        {
            "entry_price_actual": f"open of the entry session; {_USD}",
            "exit_price_actual": _USD,
            "underlying_return": "exit over entry less 1, decimal",
            "favourable": "largest move in the idea's direction while held, decimal, >= 0",
            "adverse": "largest move against it while held, decimal, >= 0",
        }
    ),
    sa.Column("sessions_held", sa.Integer, comment="sessions from the entry to the exit, both counted"),
    sa.Column("direction_correct", sa.Boolean, comment="NULL inside the neutral band fixed at issue"),
    sa.Column("predicted_confidence", sa.Double, nullable=False, comment="as issued, 0 to 1"),
    *floats(
        {
            "directional_brier": "(predicted_confidence - direction_correct) squared; NULL if that is",
            "option_pnl": "USD a unit, from the price at issue",
            "return_on_risk": "option_pnl over max_loss, ratio",
            "direction_score": "1 right, 0 wrong, 0.5 inside the band",
            "profitability_score": "return_on_risk between -1 and 1 as 0 to 1",
            "timing_score": "favourable over favourable and adverse, 0 to 1",
            "success_score_v1": "direction_score",
            "success_score": "direction, profitability and timing together, see docs/decisions-layer.md; 0 to 1",
        }
    ),
    sa.Column("option_pnl_basis", sa.Text, comment="where the exit price is from: chain or intrinsic"),
    sa.Column("outcome_status", sa.Text, nullable=False, comment="WIN, LOSS, NEUTRAL or VOID"),
    null_reasons(),
    _of_recommendation("issued", "ticker_id"),
    sa.UniqueConstraint("issued", "ticker_id"),
    sa.CheckConstraint("exit_reason IN ('TARGET', 'STOP', 'EXPIRY', 'HORIZON', 'VOID', 'NO_BARS')", name="exit_reason"),
    sa.CheckConstraint("outcome_status IN ('WIN', 'LOSS', 'NEUTRAL', 'VOID')", name="outcome_status"),
    comment="How each recommendation ended, in the session in which it did. Rules: docs/decisions-layer.md.",
)

confidence_calibration = sa.Table(
    "confidence_calibration",
    metadata,
    *keys(),
    sa.Column("confidence", sa.Double, nullable=False, comment="raw, as in recommendations"),
    sa.Column(
        "calibrated", sa.Double, comment="isotonic, from outcomes known at the session; NULL with fewer than 100"
    ),
    sa.Column("outcomes", sa.Integer, nullable=False, comment="scored outcomes of the provider known at the session"),
    *floats(
        {
            "brier_raw": "mean over the last fifth of them, raw",
            "brier_calibrated": "likewise, fitted on the four fifths before",
        }
    ),
    null_reasons(),
    _of_recommendation("date", "ticker_id"),
    comment="Each recommendation's confidence as experience corrects it, out of sample.",
)

forecast_accuracy = sa.Table(
    "forecast_accuracy",
    metadata,
    sa.Column("week", sa.Date, primary_key=True, comment="Monday of the week in which the outcomes came"),
    sa.Column("span", sa.Text, primary_key=True, comment="week: that week's outcomes; to_date: all up to its end"),
    sa.Column(
        "dimension",
        sa.Text,
        primary_key=True,
        comment="all, strategy, direction, event, provider or confidence (bins of a tenth)",
    ),
    sa.Column("value", sa.Text, primary_key=True, comment="which of them; all for all"),
    *counts(
        {
            "outcomes": "that came, void ones left out",
            "scored": "of them with a right or wrong direction",
            "wins": "right ones",
            "neutral": "inside the neutral band",
        },
        nullable=False,
    ),
    *floats(
        {
            "mean_confidence": "of the scored, 0 to 1",
            "hit_rate": "wins over scored, 0 to 1",
            "brier": "mean of (confidence - right) squared",
            "base_rate": "hit rate of all outcomes of earlier weeks, 0.5 with fewer than 20 of them",
            "brier_base": "Brier score of always saying base_rate",
            "skill": "1 - brier / brier_base",
            "option_pnl": "sum of the known, USD a unit each",
            "return_on_risk": "mean of the known, ratio",
            "success_score": "mean, 0 to 1",
        }
    ),
    sa.CheckConstraint("span IN ('week', 'to_date')", name="span"),
    comment="How good the forecasts were, by week. Source: the SQL model of this name on recommendation_outcomes.",
)

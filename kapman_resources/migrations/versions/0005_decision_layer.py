"""Decision layer: advisor answers, recommendations with legs, outcomes and accuracy; alerts, their outbox, job runs.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# No foreign key to options_chains: chains are dropped after some months, recommendations are kept.
_REQUIRE_REAL_CONTRACT = """
CREATE FUNCTION require_real_contract() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM options_chains c
        WHERE c.date = NEW.date AND c.ticker_id = NEW.ticker_id AND c.contract = NEW.contract
          AND c.contract_type = NEW.contract_type AND c.strike = NEW.strike
          AND c.expiration_date = NEW.expiration_date AND c.multiplier = NEW.multiplier AND c.is_standard
    ) THEN
        RAISE EXCEPTION 'The chain of ticker % on % has no standard contract %, % % of %: a leg must be one.',
            NEW.ticker_id, NEW.date, NEW.contract, NEW.contract_type, NEW.strike, NEW.expiration_date
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$
"""

_REQUIRE_LEGS = """
CREATE FUNCTION require_legs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM recommendations r
        WHERE r.date = changed.date AND r.ticker_id = changed.ticker_id AND (r.action = 'OPEN') <> EXISTS (
            SELECT 1 FROM recommendation_legs l WHERE l.date = r.date AND l.ticker_id = r.ticker_id
        )
    ) THEN
        RAISE EXCEPTION 'The recommendation of ticker % on % must have legs if its action is OPEN, and none otherwise.',
            changed.ticker_id, changed.date USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

_TRIGGERS = (
    """
CREATE TRIGGER require_real_contract BEFORE INSERT OR UPDATE ON recommendation_legs
FOR EACH ROW EXECUTE FUNCTION require_real_contract()
""",
    # Judged when the transaction ends: a recommendation and its legs are written one after the other.
    """
CREATE CONSTRAINT TRIGGER require_legs AFTER INSERT OR UPDATE ON recommendations
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_legs()
""",
    """
CREATE CONSTRAINT TRIGGER require_legs AFTER INSERT OR UPDATE OR DELETE ON recommendation_legs
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_legs()
""",
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "advisor_answers",
        sa.Column(
            "request_hash", sa.Text(), nullable=False, comment="SHA-256 of all that was sent, and to which model"
        ),
        sa.Column("date", sa.Date(), nullable=False, comment="session that was asked about"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="name that was asked about"),
        sa.Column("provider", sa.Text(), nullable=False, comment="claude or openai"),
        sa.Column("model", sa.Text(), nullable=False, comment="the model's id, as the provider names it"),
        sa.Column(
            "prompt_hash", sa.Text(), nullable=False, comment="of the fixed part; its text is in model_parameters"
        ),
        sa.Column(
            "request",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the messages after the fixed part, as sent",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="answered, refused, truncated or failed"),
        sa.Column("answer", sa.Text(), nullable=True, comment="raw, as received; NULL where nothing came"),
        sa.Column("error", sa.Text(), nullable=True, comment="why there is no answer"),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True, comment="read at full price"),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True, comment="written"),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=True, comment="read from the provider's cache"),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=True, comment="written to it"),
        sa.Column("cost_usd", sa.Double(), nullable=True, comment="USD, from the model's list price"),
        sa.Column("latency_seconds", sa.Double(), nullable=True, comment="seconds, retries included"),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="when, UTC"
        ),
        sa.CheckConstraint(
            "status IN ('answered', 'refused', 'truncated', 'failed')", name=op.f("ck_advisor_answers_status")
        ),
        sa.PrimaryKeyConstraint("request_hash", name=op.f("pk_advisor_answers")),
        comment="Every question to a model and its raw answer. The same question is answered from here, and costs nothing.",
    )
    op.create_index(op.f("ix_advisor_answers_date"), "advisor_answers", ["date"], unique=False)
    op.create_table(
        "daily_summaries",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("subject", sa.Text(), nullable=False, comment="one line"),
        sa.Column("body_text", sa.Text(), nullable=False, comment="plain text"),
        sa.Column("body_html", sa.Text(), nullable=False, comment="the same as HTML"),
        sa.PrimaryKeyConstraint("date", name=op.f("pk_daily_summaries")),
        comment="The evening's mail: what the session asks for, once its graph is complete.",
    )
    op.create_table(
        "forecast_accuracy",
        sa.Column("week", sa.Date(), nullable=False, comment="Monday of the week in which the outcomes came"),
        sa.Column("span", sa.Text(), nullable=False, comment="week: that week's outcomes; to_date: all up to its end"),
        sa.Column(
            "dimension",
            sa.Text(),
            nullable=False,
            comment="all, strategy, direction, event, provider or confidence (bins of a tenth)",
        ),
        sa.Column("value", sa.Text(), nullable=False, comment="which of them; all for all"),
        sa.Column("outcomes", sa.BigInteger(), nullable=False, comment="that came, void ones left out"),
        sa.Column("scored", sa.BigInteger(), nullable=False, comment="of them with a right or wrong direction"),
        sa.Column("wins", sa.BigInteger(), nullable=False, comment="right ones"),
        sa.Column("neutral", sa.BigInteger(), nullable=False, comment="inside the neutral band"),
        sa.Column("mean_confidence", sa.Double(), nullable=True, comment="of the scored, 0 to 1"),
        sa.Column("hit_rate", sa.Double(), nullable=True, comment="wins over scored, 0 to 1"),
        sa.Column("brier", sa.Double(), nullable=True, comment="mean of (confidence - right) squared"),
        sa.Column(
            "base_rate",
            sa.Double(),
            nullable=True,
            comment="hit rate of all outcomes of earlier weeks, 0.5 with fewer than 20 of them",
        ),
        sa.Column("brier_base", sa.Double(), nullable=True, comment="Brier score of always saying base_rate"),
        sa.Column("skill", sa.Double(), nullable=True, comment="1 - brier / brier_base"),
        sa.Column("option_pnl", sa.Double(), nullable=True, comment="sum of the known, USD a unit each"),
        sa.Column("return_on_risk", sa.Double(), nullable=True, comment="mean of the known, ratio"),
        sa.Column("success_score", sa.Double(), nullable=True, comment="mean, 0 to 1"),
        sa.CheckConstraint("span IN ('week', 'to_date')", name=op.f("ck_forecast_accuracy_span")),
        sa.PrimaryKeyConstraint("week", "span", "dimension", "value", name=op.f("pk_forecast_accuracy")),
        comment="How good the forecasts were, by week. Source: the SQL model of this name on recommendation_outcomes.",
    )
    op.create_table(
        "job_runs",
        sa.Column("run_id", sa.Text(), nullable=False, comment="Dagster's"),
        sa.Column("job", sa.Text(), nullable=False, comment="job's name"),
        sa.Column(
            "assets",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="asset keys that the run was to make",
        ),
        sa.Column("first_session", sa.Date(), nullable=True, comment="of its partitions; NULL without any"),
        sa.Column("last_session", sa.Date(), nullable=True, comment="likewise"),
        sa.Column("status", sa.Text(), nullable=False, comment="SUCCESS, FAILURE or CANCELED"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="when it began, UTC"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="when it ended, UTC"),
        sa.Column("error", sa.Text(), nullable=True, comment="first error, without secrets"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_job_runs")),
        comment="Runs that ended; outlives Dagster's own history.",
    )
    op.create_table(
        "alerts",
        sa.Column(
            "alert_id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Kapman's own identity"
        ),
        sa.Column(
            "alert_key", sa.Text(), nullable=False, comment="what it is about, said once: session, subject, code"
        ),
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="signal: built-in condition; rule: a user's; system: operation"
        ),
        sa.Column("code", sa.Text(), nullable=False, comment="condition, such as BC_CRITICAL; RULE for a user's"),
        sa.Column("priority", sa.Text(), nullable=False, comment="CRITICAL, HIGH, MEDIUM, LOW or INFO"),
        sa.Column("rule_id", sa.Integer(), nullable=True, comment="rule that fired, see alert_rules; NULL for others"),
        sa.Column("user_id", sa.Text(), nullable=True, comment="whose rule; NULL: for everyone"),
        sa.Column("ticker_id", sa.Integer(), nullable=True, comment="the ticker; NULL for system"),
        sa.Column("symbol", sa.Text(), nullable=True, comment="the vendor's ticker; NULL for system"),
        sa.Column("value", sa.Double(), nullable=True, comment="number behind the condition, in its own unit"),
        sa.Column("title", sa.Text(), nullable=False, comment="one line"),
        sa.Column("message", sa.Text(), nullable=False, comment="what happened and what it asks for"),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="values that it was decided on"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was first stored, UTC",
        ),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True, comment="when a user took note, UTC"),
        sa.Column("acknowledged_by", sa.Text(), nullable=True, comment="which user"),
        sa.CheckConstraint("kind IN ('signal', 'rule', 'system')", name=op.f("ck_alerts_kind")),
        sa.CheckConstraint(
            "priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO')", name=op.f("ck_alerts_priority")
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_alerts_ticker_id")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("alert_key", name=op.f("uq_alerts_alert_key")),
        comment="Conditions that fired, once each. Delivery is in notifications.",
    )
    op.create_index(op.f("ix_alerts_date"), "alerts", ["date"], unique=False)
    op.create_table(
        "recommendation_rejections",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("attempt", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1 or 2"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="the vendor's ticker"),
        sa.Column("provider", sa.Text(), nullable=False, comment="whose answer it was"),
        sa.Column("model", sa.Text(), nullable=False, comment="model id, or version of the rules"),
        sa.Column("request_hash", sa.Text(), nullable=True, comment="see advisor_answers; NULL for rules"),
        sa.Column("answer", sa.Text(), nullable=False, comment="as received"),
        sa.Column(
            "problems",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what was wrong with it: code and sentence",
        ),
        sa.ForeignKeyConstraint(
            ["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_recommendation_rejections_ticker_id")
        ),
        sa.PrimaryKeyConstraint("date", "ticker_id", "attempt", name=op.f("pk_recommendation_rejections")),
        comment="Answers that were not believed, and why.",
    )
    op.create_table(
        "recommendations",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("symbol", sa.Text(), nullable=False, comment="the vendor's ticker"),
        sa.Column(
            "action",
            sa.Text(),
            nullable=False,
            comment="OPEN: a trade with legs; FORECAST: a direction where no chain can be traded; EXIT: close every position in the name; CAUTION: open none, tighten stops",
        ),
        sa.Column("direction", sa.Text(), nullable=False, comment="LONG, SHORT or NEUTRAL: what the confidence is of"),
        sa.Column(
            "strategy",
            sa.Text(),
            nullable=True,
            comment="LONG_CALL, LONG_PUT, CSP or VERTICAL_SPREAD; NULL without legs",
        ),
        sa.Column("signal_type", sa.Text(), nullable=False, comment="signal of the session that made it a candidate"),
        sa.Column("primary_event", sa.Text(), nullable=True, comment="Wyckoff event behind it"),
        sa.Column(
            "confidence", sa.Double(), nullable=False, comment="probability that the direction is right, raw, 0 to 1"
        ),
        sa.Column("justification", sa.Text(), nullable=False, comment="why, in words; its numbers are in inputs"),
        sa.Column(
            "entry_price",
            sa.Double(),
            nullable=True,
            comment="close of the session; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "stop_loss",
            sa.Double(),
            nullable=True,
            comment="where the idea is wrong; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "profit_target",
            sa.Double(),
            nullable=True,
            comment="where it has done its work; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "horizon_sessions", sa.Integer(), nullable=False, comment="sessions after which it is judged at the latest"
        ),
        sa.Column(
            "last_session", sa.Date(), nullable=False, comment="session of that judgement, or the first expiry before"
        ),
        sa.Column(
            "neutral_band", sa.Double(), nullable=False, comment="move that is no move, a fraction of the entry price"
        ),
        sa.Column(
            "net_price",
            sa.Double(),
            nullable=True,
            comment="USD a share of the legs together: paid is positive, received negative",
        ),
        sa.Column("max_loss", sa.Double(), nullable=True, comment="USD a unit, positive"),
        sa.Column("max_gain", sa.Double(), nullable=True, comment="USD a unit; NULL where it has no bound"),
        sa.Column(
            "reward_to_risk",
            sa.Double(),
            nullable=True,
            comment="gain at the target over loss at the stop, or max_gain over max_loss of a spread; ratio",
        ),
        sa.Column("probability_of_profit", sa.Double(), nullable=True, comment="at expiry, 0 to 1"),
        sa.Column("capital_required", sa.Double(), nullable=True, comment="USD a unit"),
        sa.Column(
            "break_evens",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="at expiry, USD a share of the underlying, ascending",
        ),
        sa.Column(
            "pop_method", sa.Text(), nullable=True, comment="what probability_of_profit comes from: delta or lognormal"
        ),
        sa.Column(
            "price_basis",
            sa.Text(),
            nullable=True,
            comment="least of the legs' price bases: quote_mid, last or day_close",
        ),
        sa.Column("asked_provider", sa.Text(), nullable=False, comment="AI_PROVIDER of the run"),
        sa.Column("provider", sa.Text(), nullable=False, comment="who answered: rules, claude or openai"),
        sa.Column(
            "fallback_reason", sa.Text(), nullable=True, comment="why another provider than the asked one answered"
        ),
        sa.Column("model", sa.Text(), nullable=False, comment="model id, or version of the rules"),
        sa.Column("prompt_version", sa.Text(), nullable=True, comment="NULL for rules"),
        sa.Column("prompt_hash", sa.Text(), nullable=True, comment="likewise"),
        sa.Column(
            "request_hash", sa.Text(), nullable=True, comment="answer that stood, see advisor_answers; NULL for rules"
        ),
        sa.Column(
            "inputs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the facts that it was made from, all of them",
        ),
        sa.Column(
            "validation",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="every attempt with the problems found in it",
        ),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True, comment="of all attempts, cached ones included"),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True, comment="of all attempts"),
        sa.Column("cost_usd", sa.Double(), nullable=True, comment="USD, all attempts"),
        sa.Column("latency_seconds", sa.Double(), nullable=True, comment="seconds, all attempts"),
        sa.Column("model_version", sa.Text(), nullable=True, comment="of the snapshot it rests on"),
        sa.Column("data_quality", sa.Text(), nullable=False, comment="of that snapshot"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.CheckConstraint("(action = 'OPEN') = (strategy IS NOT NULL)", name=op.f("ck_recommendations_legs")),
        sa.CheckConstraint(
            "(direction = 'LONG' AND stop_loss < entry_price AND entry_price < profit_target) OR (direction = 'SHORT' AND stop_loss > entry_price AND entry_price > profit_target) OR direction = 'NEUTRAL' OR action IN ('EXIT', 'CAUTION')",
            name=op.f("ck_recommendations_levels"),
        ),
        sa.CheckConstraint("action IN ('OPEN', 'FORECAST', 'EXIT', 'CAUTION')", name=op.f("ck_recommendations_action")),
        sa.CheckConstraint("direction IN ('LONG', 'SHORT', 'NEUTRAL')", name=op.f("ck_recommendations_direction")),
        sa.CheckConstraint("provider IN ('rules', 'claude', 'openai')", name=op.f("ck_recommendations_provider")),
        sa.CheckConstraint(
            "strategy IN ('LONG_CALL', 'LONG_PUT', 'CSP', 'VERTICAL_SPREAD')", name=op.f("ck_recommendations_strategy")
        ),
        sa.CheckConstraint("confidence > 0 AND confidence < 1", name=op.f("ck_recommendations_confidence")),
        sa.CheckConstraint("horizon_sessions > 0 AND neutral_band >= 0", name=op.f("ck_recommendations_judgement")),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_recommendations_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_recommendations")),
        comment="What was advised for a name in a session, checked against that session's facts before it was stored.",
    )
    op.create_table(
        "confidence_calibration",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("confidence", sa.Double(), nullable=False, comment="raw, as in recommendations"),
        sa.Column(
            "calibrated",
            sa.Double(),
            nullable=True,
            comment="isotonic, from outcomes known at the session; NULL with fewer than 100",
        ),
        sa.Column(
            "outcomes", sa.Integer(), nullable=False, comment="scored outcomes of the provider known at the session"
        ),
        sa.Column("brier_raw", sa.Double(), nullable=True, comment="mean over the last fifth of them, raw"),
        sa.Column("brier_calibrated", sa.Double(), nullable=True, comment="likewise, fitted on the four fifths before"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.ForeignKeyConstraint(
            ["date", "ticker_id"],
            ["recommendations.date", "recommendations.ticker_id"],
            name=op.f("fk_confidence_calibration_date"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_confidence_calibration_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", name=op.f("pk_confidence_calibration")),
        comment="Each recommendation's confidence as experience corrects it, out of sample.",
    )
    op.create_table(
        "notifications",
        sa.Column(
            "notification_id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Kapman's own identity",
        ),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=False,
            comment="message and channel; it goes with the message, so that a receiver can tell a repetition",
        ),
        sa.Column("alert_id", sa.BigInteger(), nullable=True, comment="alert that it tells; NULL for a summary"),
        sa.Column("kind", sa.Text(), nullable=False, comment="alert or summary"),
        sa.Column(
            "channel", sa.Text(), nullable=False, comment="short name of the address in NOTIFY_URLS, without secrets"
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="one line"),
        sa.Column("body_text", sa.Text(), nullable=False, comment="plain text"),
        sa.Column("body_html", sa.Text(), nullable=True, comment="the same as HTML; NULL where text is enough"),
        sa.Column(
            "status", sa.Text(), server_default="PENDING", nullable=False, comment="PENDING, SENDING, SENT, FAILED"
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="begun so far"),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="not before, UTC",
        ),
        sa.Column(
            "may_be_duplicate",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="an attempt before may have arrived: its process died, or its channel stopped answering",
        ),
        sa.Column("last_error", sa.Text(), nullable=True, comment="why the last attempt failed, without secrets"),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was put here, UTC",
        ),
        sa.Column(
            "sending_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the attempt that is under way began, UTC",
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True, comment="when the channel took it, UTC"),
        sa.CheckConstraint("kind IN ('alert', 'summary')", name=op.f("ck_notifications_kind")),
        sa.CheckConstraint("status IN ('PENDING', 'SENDING', 'SENT', 'FAILED')", name=op.f("ck_notifications_status")),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name=op.f("fk_notifications_alert_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_notifications_idempotency_key")),
        comment="Outbox: every message to be sent, one row a channel, stored in the transaction of what it tells.",
    )
    op.create_index(op.f("ix_notifications_alert_id"), "notifications", ["alert_id"], unique=False)
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'SENDING')"),
    )
    op.create_table(
        "recommendation_legs",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("leg", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1, 2, ..."),
        sa.Column(
            "contract", sa.Text(), nullable=False, comment="the vendor's contract ticker, in that session's chain"
        ),
        sa.Column("side", sa.Text(), nullable=False, comment="BUY or SELL"),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="contracts a unit"),
        sa.Column("contract_type", sa.Text(), nullable=False, comment="call or put"),
        sa.Column("strike", sa.Double(), nullable=False, comment="USD a share, as listed"),
        sa.Column("expiration_date", sa.Date(), nullable=False, comment="last day"),
        sa.Column("dte", sa.Integer(), nullable=False, comment="calendar days from the session to it"),
        sa.Column("multiplier", sa.Double(), nullable=False, comment="shares a contract"),
        sa.Column("price", sa.Double(), nullable=False, comment="USD a share that the economics rest on"),
        sa.Column("price_basis", sa.Text(), nullable=False, comment="quote_mid, last or day_close"),
        sa.Column("implied_volatility", sa.Double(), nullable=True, comment="decimal a year"),
        sa.Column("delta", sa.Double(), nullable=True, comment="per share"),
        sa.Column("open_interest", sa.Integer(), nullable=False, comment="contracts"),
        sa.CheckConstraint("side IN ('BUY', 'SELL')", name=op.f("ck_recommendation_legs_side")),
        sa.CheckConstraint(
            "quantity > 0 AND price >= 0 AND dte > 0 AND dte = expiration_date - date",
            name=op.f("ck_recommendation_legs_numbers"),
        ),
        sa.ForeignKeyConstraint(
            ["date", "ticker_id"],
            ["recommendations.date", "recommendations.ticker_id"],
            name=op.f("fk_recommendation_legs_date"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_recommendation_legs_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", "leg", name=op.f("pk_recommendation_legs")),
        comment="Contracts of each recommendation. A trigger refuses one that is not in the session's chain.",
    )
    op.create_table(
        "recommendation_outcomes",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("issued", sa.Date(), nullable=False, comment="session of the recommendation, its date there"),
        sa.Column("exit_reason", sa.Text(), nullable=False, comment="TARGET, STOP, EXPIRY, HORIZON, VOID or NO_BARS"),
        sa.Column(
            "entry_session",
            sa.Date(),
            nullable=True,
            comment="first with a bar after that of issue, at whose open it is entered",
        ),
        sa.Column(
            "entry_price_actual",
            sa.Double(),
            nullable=True,
            comment="open of the entry session; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "exit_price_actual",
            sa.Double(),
            nullable=True,
            comment="USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column("underlying_return", sa.Double(), nullable=True, comment="exit over entry less 1, decimal"),
        sa.Column(
            "favourable",
            sa.Double(),
            nullable=True,
            comment="largest move in the idea's direction while held, decimal, >= 0",
        ),
        sa.Column("adverse", sa.Double(), nullable=True, comment="largest move against it while held, decimal, >= 0"),
        sa.Column(
            "sessions_held", sa.Integer(), nullable=True, comment="sessions from the entry to the exit, both counted"
        ),
        sa.Column(
            "direction_correct", sa.Boolean(), nullable=True, comment="NULL inside the neutral band fixed at issue"
        ),
        sa.Column("predicted_confidence", sa.Double(), nullable=False, comment="as issued, 0 to 1"),
        sa.Column(
            "directional_brier",
            sa.Double(),
            nullable=True,
            comment="(predicted_confidence - direction_correct) squared; NULL if that is",
        ),
        sa.Column("option_pnl", sa.Double(), nullable=True, comment="USD a unit, from the price at issue"),
        sa.Column("return_on_risk", sa.Double(), nullable=True, comment="option_pnl over max_loss, ratio"),
        sa.Column("direction_score", sa.Double(), nullable=True, comment="1 right, 0 wrong, 0.5 inside the band"),
        sa.Column(
            "profitability_score", sa.Double(), nullable=True, comment="return_on_risk between -1 and 1 as 0 to 1"
        ),
        sa.Column("timing_score", sa.Double(), nullable=True, comment="favourable over favourable and adverse, 0 to 1"),
        sa.Column("success_score_v1", sa.Double(), nullable=True, comment="direction_score"),
        sa.Column(
            "success_score",
            sa.Double(),
            nullable=True,
            comment="direction, profitability and timing together, see docs/decisions-layer.md; 0 to 1",
        ),
        sa.Column(
            "option_pnl_basis", sa.Text(), nullable=True, comment="where the exit price is from: chain or intrinsic"
        ),
        sa.Column("outcome_status", sa.Text(), nullable=False, comment="WIN, LOSS, NEUTRAL or VOID"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.CheckConstraint(
            "exit_reason IN ('TARGET', 'STOP', 'EXPIRY', 'HORIZON', 'VOID', 'NO_BARS')",
            name=op.f("ck_recommendation_outcomes_exit_reason"),
        ),
        sa.CheckConstraint(
            "outcome_status IN ('WIN', 'LOSS', 'NEUTRAL', 'VOID')",
            name=op.f("ck_recommendation_outcomes_outcome_status"),
        ),
        sa.ForeignKeyConstraint(
            ["issued", "ticker_id"],
            ["recommendations.date", "recommendations.ticker_id"],
            name=op.f("fk_recommendation_outcomes_issued"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_recommendation_outcomes_ticker_id")
        ),
        sa.PrimaryKeyConstraint("date", "ticker_id", "issued", name=op.f("pk_recommendation_outcomes")),
        sa.UniqueConstraint("issued", "ticker_id", name=op.f("uq_recommendation_outcomes_issued")),
        comment="How each recommendation ended, in the session in which it did. Rules: docs/decisions-layer.md.",
    )
    op.create_table(
        "recommendation_reviews",
        sa.Column("date", sa.Date(), nullable=False, comment="session (XNYS trading day)"),
        sa.Column("ticker_id", sa.Integer(), autoincrement=False, nullable=False, comment="the ticker, see tickers"),
        sa.Column("issued", sa.Date(), nullable=False, comment="session of the recommendation, its date there"),
        sa.Column("verdict", sa.Text(), nullable=False, comment="HOLD, TIGHTEN or CLOSE"),
        sa.Column(
            "reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="code and sentence of each rule that spoke",
        ),
        sa.Column(
            "price",
            sa.Double(),
            nullable=True,
            comment="the session's close; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "signed_return", sa.Double(), nullable=True, comment="since the entry, in the idea's direction, decimal"
        ),
        sa.Column(
            "stop_loss",
            sa.Double(),
            nullable=True,
            comment="where the stop belongs now; USD a share of the underlying, raw, in the shares of the session of issue",
        ),
        sa.Column(
            "option_pnl",
            sa.Double(),
            nullable=True,
            comment="USD a unit at the session's chain; NULL without a price of each leg",
        ),
        sa.Column("sessions_held", sa.Integer(), nullable=False, comment="sessions since the one of issue"),
        sa.Column("dte", sa.Integer(), nullable=True, comment="calendar days to the first expiry"),
        sa.Column(
            "null_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="for each column that is NULL, the code of the reason",
        ),
        sa.CheckConstraint("verdict IN ('HOLD', 'TIGHTEN', 'CLOSE')", name=op.f("ck_recommendation_reviews_verdict")),
        sa.ForeignKeyConstraint(
            ["issued", "ticker_id"],
            ["recommendations.date", "recommendations.ticker_id"],
            name=op.f("fk_recommendation_reviews_issued"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["ticker_id"], ["tickers.ticker_id"], name=op.f("fk_recommendation_reviews_ticker_id")),
        sa.PrimaryKeyConstraint("date", "ticker_id", "issued", name=op.f("pk_recommendation_reviews")),
        comment="What the session says of each recommendation that is open in it. Outcomes do not depend on it.",
    )
    for statement in (_REQUIRE_REAL_CONTRACT, _REQUIRE_LEGS, *_TRIGGERS):
        op.execute(statement)

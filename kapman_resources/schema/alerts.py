"""Tables of the alerts domain: what should wake someone, the outbox of what is sent, and what ran."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from kapman_resources.schema.base import metadata


def _time(name: str, comment: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=f"{comment}, UTC", **options)  # type: ignore[arg-type]


alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("alert_id", sa.BigInteger, sa.Identity(), primary_key=True, comment="Kapman's own identity"),
    sa.Column(
        "alert_key", sa.Text, nullable=False, unique=True, comment="what it is about, said once: session, subject, code"
    ),
    sa.Column("date", sa.Date, nullable=False, index=True, comment="session (XNYS trading day)"),
    sa.Column("kind", sa.Text, nullable=False, comment="signal: built-in condition; rule: a user's; system: operation"),
    sa.Column("code", sa.Text, nullable=False, comment="condition, such as BC_CRITICAL; RULE for a user's"),
    sa.Column("priority", sa.Text, nullable=False, comment="CRITICAL, HIGH, MEDIUM, LOW or INFO"),
    # No foreign key to a rule: what was told stays when the rule is deleted.
    sa.Column("rule_id", sa.Integer, comment="rule that fired, see alert_rules; NULL for others"),
    sa.Column("user_id", sa.Text, comment="whose rule; NULL: for everyone"),
    sa.Column("ticker_id", sa.Integer, sa.ForeignKey("tickers.ticker_id"), comment="the ticker; NULL for system"),
    sa.Column("symbol", sa.Text, comment="the vendor's ticker; NULL for system"),
    sa.Column("value", sa.Double, comment="number behind the condition, in its own unit"),
    sa.Column("title", sa.Text, nullable=False, comment="one line"),
    sa.Column("message", sa.Text, nullable=False, comment="what happened and what it asks for"),
    sa.Column("facts", JSONB, nullable=False, comment="values that it was decided on"),
    _time("created_at", "when it was first stored", nullable=False, server_default=sa.func.now()),
    _time("acknowledged_at", "when a user took note"),
    sa.Column("acknowledged_by", sa.Text, comment="which user"),
    sa.CheckConstraint("kind IN ('signal', 'rule', 'system')", name="kind"),
    sa.CheckConstraint("priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO')", name="priority"),
    comment="Conditions that fired, once each. Delivery is in notifications.",
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("notification_id", sa.BigInteger, sa.Identity(), primary_key=True, comment="Kapman's own identity"),
    sa.Column(
        "idempotency_key",
        sa.Text,
        nullable=False,
        unique=True,
        comment="message and channel; it goes with the message, so that a receiver can tell a repetition",
    ),
    sa.Column(
        "alert_id",
        sa.BigInteger,
        sa.ForeignKey("alerts.alert_id", ondelete="CASCADE"),
        index=True,
        comment="alert that it tells; NULL for a summary",
    ),
    sa.Column("kind", sa.Text, nullable=False, comment="alert or summary"),
    sa.Column("channel", sa.Text, nullable=False, comment="short name of the address in NOTIFY_URLS, without secrets"),
    sa.Column("subject", sa.Text, nullable=False, comment="one line"),
    sa.Column("body_text", sa.Text, nullable=False, comment="plain text"),
    sa.Column("body_html", sa.Text, comment="the same as HTML; NULL where text is enough"),
    sa.Column("status", sa.Text, nullable=False, server_default="PENDING", comment="PENDING, SENDING, SENT, FAILED"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="begun so far"),
    _time("next_attempt_at", "not before", nullable=False, server_default=sa.func.now()),
    sa.Column(
        "may_be_duplicate",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="an attempt before may have arrived: its process died, or its channel stopped answering",
    ),
    sa.Column("last_error", sa.Text, comment="why the last attempt failed, without secrets"),
    _time("created_at", "when it was put here", nullable=False, server_default=sa.func.now()),
    _time("sending_since", "when the attempt that is under way began"),
    _time("sent_at", "when the channel took it"),
    sa.CheckConstraint("kind IN ('alert', 'summary')", name="kind"),
    sa.CheckConstraint("status IN ('PENDING', 'SENDING', 'SENT', 'FAILED')", name="status"),
    # The sender asks for what is due every few seconds.
    sa.Index("ix_notifications_due", "next_attempt_at", postgresql_where=sa.text("status IN ('PENDING', 'SENDING')")),
    comment="Outbox: every message to be sent, one row a channel, stored in the transaction of what it tells.",
)

daily_summaries = sa.Table(
    "daily_summaries",
    metadata,
    sa.Column("date", sa.Date, primary_key=True, comment="session (XNYS trading day)"),
    sa.Column("subject", sa.Text, nullable=False, comment="one line"),
    sa.Column("body_text", sa.Text, nullable=False, comment="plain text"),
    sa.Column("body_html", sa.Text, nullable=False, comment="the same as HTML"),
    comment="The evening's mail: what the session asks for, once its graph is complete.",
)

job_runs = sa.Table(
    "job_runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True, comment="Dagster's"),
    sa.Column("job", sa.Text, nullable=False, comment="job's name"),
    sa.Column("assets", JSONB, nullable=False, comment="asset keys that the run was to make"),
    sa.Column("first_session", sa.Date, comment="of its partitions; NULL without any"),
    sa.Column("last_session", sa.Date, comment="likewise"),
    sa.Column("status", sa.Text, nullable=False, comment="SUCCESS, FAILURE or CANCELED"),
    _time("started_at", "when it began"),
    _time("ended_at", "when it ended"),
    sa.Column("error", sa.Text, comment="first error, without secrets"),
    comment="Runs that ended; outlives Dagster's own history.",
)

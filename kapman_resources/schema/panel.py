"""Tables of the panel: what its users set for themselves."""

import sqlalchemy as sa

from kapman_resources.schema.base import metadata

user_settings = sa.Table(
    "user_settings",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True, comment="whose; local where there is one user"),
    sa.Column("equity", sa.Double, comment="account value that position sizes are taken from, USD; NULL: not said"),
    sa.Column(
        "risk_fraction",
        sa.Double,
        nullable=False,
        server_default="0.01",
        comment="share of equity that a trade may lose at its stop, decimal",
    ),
    sa.Column(
        "stop_atr", sa.Double, nullable=False, server_default="2", comment="distance of a stop, average true ranges"
    ),
    sa.Column(
        "alert_sound",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether a CRITICAL alert makes a sound",
    ),
    sa.Column(
        "updated_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="when the user last changed it, UTC",
    ),
    sa.CheckConstraint("equity > 0", name="equity"),
    sa.CheckConstraint("risk_fraction > 0 AND risk_fraction <= 0.1", name="risk_fraction"),
    sa.CheckConstraint("stop_atr > 0 AND stop_atr <= 10", name="stop_atr"),
    comment="A trader's own numbers for position sizes and stops.",
)

"""Panel: what each user sets for themselves. Rights of its role are granted after every upgrade, see panel_role.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "user_settings",
        sa.Column("user_id", sa.Text(), nullable=False, comment="whose; local where there is one user"),
        sa.Column(
            "equity", sa.Double(), comment="account value that position sizes are taken from, USD; NULL: not said"
        ),
        sa.Column(
            "risk_fraction",
            sa.Double(),
            server_default="0.01",
            nullable=False,
            comment="share of equity that a trade may lose at its stop, decimal",
        ),
        sa.Column(
            "stop_atr",
            sa.Double(),
            server_default="2",
            nullable=False,
            comment="distance of a stop, average true ranges",
        ),
        sa.Column(
            "alert_sound",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="whether a CRITICAL alert makes a sound",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the user last changed it, UTC",
        ),
        sa.CheckConstraint("equity > 0", name=op.f("ck_user_settings_equity")),
        sa.CheckConstraint("risk_fraction > 0 AND risk_fraction <= 0.1", name=op.f("ck_user_settings_risk_fraction")),
        sa.CheckConstraint("stop_atr > 0 AND stop_atr <= 10", name=op.f("ck_user_settings_stop_atr")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_settings")),
        comment="A trader's own numbers for position sizes and stops.",
    )

"""rules per agency, revocation answers and evidence, attachments sent as parts

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rules()


def _rules() -> None:
    op.create_table(
        "rule_override",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.CheckConstraint("severity IN ('refuse', 'warn', 'ignore')", name=op.f("ck_rule_override_severity")),
        sa.PrimaryKeyConstraint("agency_code", "rule", name=op.f("pk_rule_override")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not taken back: restore a backup instead")

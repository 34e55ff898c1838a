"""changes of the registry and of rights that take two people

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")
WAITING = sa.text("state IN ('asked', 'acted')")


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("arguments", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", INSTANT),
        sa.CheckConstraint(
            "state IN ('asked', 'confirmed', 'declined', 'acted', 'upheld', 'reverted', 'alone')",
            name=op.f("ck_proposal_state"),
        ),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_proposal_decided_at")),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (state IN ('asked', 'acted', 'alone'))", name=op.f("ck_proposal_decided")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR state IN ('declined', 'reverted') OR decided_by <> asked_by",
            name=op.f("ck_proposal_second_person"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index("ix_proposal_waiting", "proposal", ["asked_at"], postgresql_where=WAITING, sqlite_where=WAITING)

"""secrets of before that still count, rehearsals of next keys, certificates by their end, what proposals showed

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")
BOUND = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    op.add_column("proposal", sa.Column("shown", JSON, nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "system_secret",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_system_secret_system_id")),
        sa.PrimaryKeyConstraint("system_id", "sha256", name=op.f("pk_system_secret")),
    )
    op.create_table(
        "rehearsal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("answered_by", sa.Text()),
        sa.Column("answered_at", INSTANT),
        sa.CheckConstraint("state IN ('waiting', 'failed', 'passed')", name=op.f("ck_rehearsal_state")),
        sa.CheckConstraint("(answered_by IS NULL) = (answered_at IS NULL)", name=op.f("ck_rehearsal_answered")),
        sa.CheckConstraint("(answered_at IS NULL) = (state = 'waiting')", name=op.f("ck_rehearsal_waiting")),
        sa.ForeignKeyConstraint(["agency_code"], ["agency.code"], name=op.f("fk_rehearsal_agency_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsal")),
    )
    op.create_index("ix_rehearsal_certificate", "rehearsal", ["agency_code", "id"])
    op.create_index("ix_agency_certificate_agency", "agency_certificate", ["agency_code"])
    op.create_index(
        "ix_agency_certificate_end",
        "agency_certificate",
        ["not_after", "sha256", "agency_code"],
        postgresql_where=BOUND,
        sqlite_where=BOUND,
    )

"""second factors, recovery codes, sessions that can be told apart, links, lock-outs

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("person", sa.Column("factor_required", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("person", sa.Column("factor_secret", sa.LargeBinary()))
    op.add_column("person", sa.Column("factor_step", sa.BigInteger()))
    op.add_column("person", sa.Column("factor_since", INSTANT))
    op.add_column("person", sa.Column("seen_at", INSTANT))
    # sessions are not carried over: everybody signs in again
    op.drop_table("person_session")
    _session()
    op.create_table(
        "recovery_code",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("used_at", INSTANT),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")),
        sa.PrimaryKeyConstraint("person_id", "sha256", name=op.f("pk_recovery_code")),
    )
    _link()
    op.create_table(
        "login_failure",
        sa.Column("login_key", sa.Text(), nullable=False),
        sa.Column("browser_key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("login_key", "browser_key", name=op.f("pk_login_failure")),
    )
    op.create_index("ix_login_failure_failed_at", "login_failure", ["failed_at"])


def _session() -> None:
    op.create_table(
        "person_session",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("browser", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("offered", sa.LargeBinary()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("stage IN ('open', 'code', 'enrolment')", name=op.f("ck_person_session_stage")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_session_person_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_person_session")),
        sa.UniqueConstraint("id", name=op.f("uq_person_session_id")),
    )
    op.create_index(op.f("ix_person_session_person_id"), "person_session", ["person_id"], unique=False)


def _link() -> None:
    op.create_table(
        "person_link",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text()),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("purpose IN ('first', 'invitation', 'reset')", name=op.f("ck_person_link_purpose")),
        sa.CheckConstraint("(purpose = 'first') = (person_id IS NULL)", name=op.f("ck_person_link_first")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_link_person_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_person_link")),
    )
    op.create_index(op.f("ix_person_link_person_id"), "person_link", ["person_id"], unique=False)

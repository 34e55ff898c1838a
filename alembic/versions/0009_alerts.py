"""alerts and their notices, incidents

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")
EMPTY = sa.text("''")


def upgrade() -> None:
    _alert()
    _notice()
    op.create_table(
        "alert_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_alert_watch_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_watch")),
    )
    _incident()


def _alert() -> None:
    standing = sa.text("ended_at IS NULL")
    op.create_table(
        "alert",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False, server_default=sa.text("1")),
        sa.Column("again_at", INSTANT),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("note", sa.Text(), nullable=False, server_default=EMPTY),
        sa.Column("ended_at", INSTANT),
        sa.CheckConstraint("(acknowledged_by IS NULL) = (acknowledged_at IS NULL)", name=op.f("ck_alert_acknowledged")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(
        "uq_alert_standing",
        "alert",
        ["kind", "subject"],
        unique=True,
        postgresql_where=standing,
        sqlite_where=standing,
    )
    op.create_index("ix_alert_ended", "alert", ["ended_at"])


def _notice() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_table(
        "alert_notice",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False, server_default=sa.text("'waiting'")),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("error", sa.Text(), nullable=False, server_default=EMPTY),
        sa.CheckConstraint("reason IN ('raised', 'worse', 'again', 'ended')", name=op.f("ck_alert_notice_reason")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'given-up', 'dropped')", name=op.f("ck_alert_notice_state")),
        sa.CheckConstraint("(state = 'waiting') = (closed_at IS NULL)", name=op.f("ck_alert_notice_closed_at")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_notice_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notice")),
    )
    op.create_index(op.f("ix_alert_notice_alert_id"), "alert_notice", ["alert_id"])
    op.create_index(
        "ix_alert_notice_waiting", "alert_notice", ["next_at"], postgresql_where=waiting, sqlite_where=waiting
    )


def _incident() -> None:
    unclosed = sa.text("closed_at IS NULL")
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=False),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.Text()),
        sa.Column("closed_at", INSTANT),
        sa.Column("outcome", sa.Text(), nullable=False, server_default=EMPTY),
        sa.CheckConstraint(
            "category IN ('account', 'key', 'malware', 'leak', 'forgery', 'outage', 'other')",
            name=op.f("ck_incident_category"),
        ),
        sa.CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name=op.f("ck_incident_closed_at")),
        sa.CheckConstraint("(closed_by IS NULL) = (outcome = '')", name=op.f("ck_incident_outcome")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_agency", "incident", ["agency_code", "id"])
    op.create_index("ix_incident_open", "incident", ["id"], postgresql_where=unclosed, sqlite_where=unclosed)

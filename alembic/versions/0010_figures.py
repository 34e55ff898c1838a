"""monthly figures

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
MEASURES = (
    "sent", "sent_signed", "sent_electronic", "sent_paper", "addressed",
    "received", "received_signed", "received_electronic", "received_paper",
    "accepted", "finished", "confirmed_on_time", "confirmed_late", "finished_on_time", "finished_late",
    "returned", "undelivered", "withdrawn", "refused", "overdue",
)  # fmt: skip
OVERDUE = sa.text("overdue_from IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "figure_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _count("tx"),
        _count("seq"),
        _count("recounts"),
        sa.Column("counted_to", INSTANT),
        sa.Column("level_at", INSTANT),
        sa.Column("overdue_at", INSTANT),
        sa.CheckConstraint("id = 1", name=op.f("ck_figure_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_state")),
    )
    op.create_table(
        "figure_case",
        sa.Column("envelope_id", sa.Text(), nullable=False),
        sa.Column("recipient_code", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("status", sa.Text()),
        *(
            sa.Column(name, INSTANT)
            for name in ("confirm_by", "process_by", "arrived_at", "accepted_at", "finished_at", "overdue_from")
        ),
        sa.PrimaryKeyConstraint("envelope_id", "recipient_code", name=op.f("pk_figure_case")),
    )
    op.create_index(
        "ix_figure_case_overdue",
        "figure_case",
        ["overdue_from", "recipient_code"],
        postgresql_where=OVERDUE,
        sqlite_where=OVERDUE,
    )
    _monthly("figure_month", [], *(_count(name) for name in MEASURES))
    _monthly(
        "figure_time",
        ["span", "bucket"],
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        _count("letters"),
        sa.CheckConstraint("span IN ('arrive', 'accept', 'finish')", name=op.f("ck_figure_time_span")),
    )
    _monthly(
        "figure_code",
        ["kind", "code"],
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        _count("entries"),
    )
    op.create_table(
        "figure_overdue",
        sa.Column("agency_code", sa.Text(), nullable=False),
        _count("own"),
        _count("branch"),
        sa.PrimaryKeyConstraint("agency_code", name=op.f("pk_figure_overdue")),
    )


def _monthly(name: str, keys: list[str], *columns: sa.Column[object] | sa.CheckConstraint) -> None:
    """A table by agency, scope and month; ``keys`` are what else its key holds."""
    op.create_table(
        name,
        *(sa.Column(key, sa.Text(), nullable=False) for key in ("agency_code", "scope", "month")),
        *columns,
        sa.CheckConstraint("scope IN ('own', 'branch')", name=op.f(f"ck_{name}_scope")),
        sa.PrimaryKeyConstraint("agency_code", "scope", "month", *keys, name=op.f(f"pk_{name}")),
    )


def _count(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))

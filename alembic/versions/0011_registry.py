"""finding agencies by name, what was heard of systems, test documents

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from hub.language.collation import sort_key
from hub.ledger.finding import search_text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")
ROWS = 5000


def upgrade() -> None:
    for name in ("sort_key", "search"):
        op.add_column("agency", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    _fill()
    op.create_index("ix_agency_branch", "agency", ["parent_code", "sort_key", "code"])
    op.create_table(
        "system_seen",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("token_at", INSTANT),
        sa.Column("inbox_at", INSTANT),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_system_seen_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_system_seen")),
    )
    op.create_table(
        "system_test",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("findings", JSON, nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_system_test_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_system_test")),
    )
    op.create_table(
        "trial",
        sa.Column("envelope_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["agency_code"], ["agency.code"], name=op.f("fk_trial_agency_code")),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_trial_envelope_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_trial_system_id")),
        sa.PrimaryKeyConstraint("envelope_id", name=op.f("pk_trial")),
    )
    op.create_index("ix_trial_system", "trial", ["system_id", "envelope_id"])


def _fill() -> None:
    """The columns of the agencies that are there: neither store folds or sorts Vietnamese by itself."""
    work = op.get_bind()
    aliases: dict[str, list[str]] = {}
    for alias, code in work.execute(sa.text("SELECT alias, code FROM agency_alias ORDER BY alias")):
        aliases.setdefault(code, []).append(alias)
    known = [(row.code, row.name) for row in work.execute(sa.text("SELECT code, name FROM agency ORDER BY code"))]
    statement = sa.text("UPDATE agency SET sort_key = :sort_key, search = :search WHERE code = :code")
    for start in range(0, len(known), ROWS):
        part = known[start : start + ROWS]
        values = [
            {"code": code, "sort_key": sort_key(name), "search": search_text(code, name, aliases.get(code, ()))}
            for code, name in part
        ]
        work.execute(statement, values)

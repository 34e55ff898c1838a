"""what auditors ask: words of letters, entries by time; indexes that no question uses any more go

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SEPARATORS = '!"#$%&()*+,-./;:<=>?@[]^_`{|}~“”‘’–—…«»•·'


def upgrade() -> None:
    for name in ("at", "agency", "kind"):
        op.drop_index(f"ix_audit_entry_{name}", table_name="audit_entry")
    op.create_index("ix_audit_entry_at", "audit_entry", ["at", "seq"])
    op.create_index("ix_audit_entry_agency", "audit_entry", ["agency_code", "at", "seq"])
    for name, column, where in (
        ("kind", "kind", "kind NOT IN ('envelope.accepted', 'delivery.published', 'delivery.ready', "
         "'delivery.leased', 'delivery.settled', 'status.received')"),
        ("code", "code", "code <> ''"),
        ("person", "actor", "actor LIKE 'person:%'"),
    ):  # fmt: skip
        op.create_index(
            f"ix_audit_entry_{name}",
            "audit_entry",
            [column, "at", "seq"],
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )
    if op.get_bind().dialect.name == "postgresql":
        _words()


def _words() -> None:
    apart = f"translate($1, '''{SEPARATORS}', '{' ' * (len(SEPARATORS) + 1)}')"
    op.execute(
        sa.text(
            "CREATE FUNCTION search_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE"
            f" AS $body$SELECT string_to_array({apart}, ' ')$body$".replace(":", "\\:")
        )
    )
    op.create_index("ix_envelope_words", "envelope", [sa.text("search_words(search)")], postgresql_using="gin")

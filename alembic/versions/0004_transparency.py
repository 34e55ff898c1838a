"""the transparency log, keys, saved questions, holds and purges

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _tree()
    _watchers()
    _auditing()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE"
            " AS 'SELECT CAST(0 AS bigint)'"
        )


def _tree() -> None:
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("entry_tx", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("receipt_tx", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_leaf",
        sa.Column("number", SERIAL, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_leaf")),
        sa.UniqueConstraint("id", name=op.f("uq_log_leaf_id")),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_node")),
    )
    op.create_table(
        "log_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("entry_tx", sa.BigInteger(), nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), nullable=False),
        sa.Column("receipt_tx", sa.BigInteger(), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), nullable=False),
        sa.Column("round_at", INSTANT, nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_watch_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_watch")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", SERIAL, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_index(op.f("ix_log_checkpoint_at"), "log_checkpoint", ["at"], unique=False)
    op.create_index("ix_receipt_sealing", "receipt", ["tx", "seq"], unique=False)


def _watchers() -> None:
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["size"], ["log_checkpoint.size"], name=op.f("fk_log_cosignature_size")),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_log_cosignature")),
    )
    op.create_index("ix_log_cosignature_witness", "log_cosignature", ["witness", "size"], unique=False)
    op.create_table(
        "log_timestamp",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["size"], ["log_checkpoint.size"], name=op.f("fk_log_timestamp_size")),
        sa.PrimaryKeyConstraint("size", "authority", name=op.f("pk_log_timestamp")),
    )
    op.create_table(
        "log_trouble",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('rewritten', 'witness', 'timestamp')", name=op.f("ck_log_trouble_kind")),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_log_trouble")),
    )
    op.create_table(
        "witnessed_log",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_witnessed_log")),
    )
    op.create_table(
        "witness_evidence",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("earlier", sa.Text(), nullable=False),
        sa.Column("later", sa.Text(), nullable=False),
        sa.Column("proof", JSON, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('forked', 'unproven')", name=op.f("ck_witness_evidence_kind")),
        sa.PrimaryKeyConstraint("origin", "kind", "size", "root", name=op.f("pk_witness_evidence")),
    )
    op.create_table(
        "hub_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("jwk", JSON, nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.CheckConstraint("purpose IN ('receipts', 'log')", name=op.f("ck_hub_key_purpose")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_hub_key")),
    )


def _auditing() -> None:
    op.create_table(
        "saved_question",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("question", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_question")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_saved_question_owner_name")),
    )
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", JSON, nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", INSTANT, nullable=False),
        sa.Column("lift_asked_by", sa.Text(), nullable=True),
        sa.Column("lift_asked_at", INSTANT, nullable=True),
        sa.Column("lift_reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", INSTANT, nullable=True),
        sa.CheckConstraint("(lift_asked_by IS NULL) = (lift_asked_at IS NULL)", name=op.f("ck_legal_hold_lift_asked")),
        sa.CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_legal_hold_lifted")),
        sa.CheckConstraint(
            "lifted_by IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by <> lift_asked_by)",
            name=op.f("ck_legal_hold_second_person"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_table(
        "purge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scope", JSON, nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint("(decided_by IS NULL) = (state = 'asked')", name=op.f("ck_purge_decided")),
        sa.CheckConstraint("state IN ('asked', 'confirmed', 'declined', 'done')", name=op.f("ck_purge_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR state = 'declined' OR decided_by <> asked_by", name=op.f("ck_purge_second_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purge")),
    )
    op.create_table(
        "purge_item",
        sa.Column("purge_id", sa.Text(), nullable=False),
        sa.Column("envelope_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("policy_class", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("kept", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("going_at", INSTANT, nullable=True),
        sa.Column("purged_at", INSTANT, nullable=True),
        sa.CheckConstraint("going_at IS NULL OR kept = ''", name=op.f("ck_purge_item_going_or_kept")),
        sa.CheckConstraint("purged_at IS NULL OR going_at IS NOT NULL", name=op.f("ck_purge_item_going_first")),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_purge_item_envelope_id")),
        sa.ForeignKeyConstraint(["purge_id"], ["purge.id"], name=op.f("fk_purge_item_purge_id")),
        sa.PrimaryKeyConstraint("purge_id", "envelope_id", name=op.f("pk_purge_item")),
    )
    op.create_index("ix_purge_item_envelope", "purge_item", ["envelope_id"], unique=False)
    op.create_index(
        "uq_purge_item_going",
        "purge_item",
        ["envelope_id"],
        unique=True,
        postgresql_where=sa.text("going_at IS NOT NULL"),
        sqlite_where=sa.text("going_at IS NOT NULL"),
    )
    op.create_index("ix_envelope_sha256", "envelope", ["sha256"], unique=False)
    op.create_index("ix_envelope_part_sha256", "envelope_part", ["sha256"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not taken back: restore a backup instead")

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
    _revocation()
    _parts()


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


def _revocation() -> None:
    instant = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("this_update", instant, nullable=True),
        sa.Column("next_update", instant, nullable=True),
        sa.Column("added_at", instant, nullable=False),
        sa.CheckConstraint("kind IN ('certificate', 'crl', 'ocsp')", name=op.f("ck_evidence_kind")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence")),
    )
    op.create_table(
        "revocation_answer",
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("sha256", "certificate_sha256", "issuer_sha256")),
        sa.Column("source", sa.Text(), nullable=False),
        *(sa.Column(name, instant, nullable=False) for name in ("this_update", "next_update", "changed_at", "used_at")),
        *(
            sa.ForeignKeyConstraint([name], ["evidence.sha256"], name=op.f(f"fk_revocation_answer_{name}"))
            for name in ("sha256", "certificate_sha256", "issuer_sha256")
        ),
        sa.PrimaryKeyConstraint("authority", "serial", name=op.f("pk_revocation_answer")),
    )
    op.create_index(op.f("ix_revocation_answer_changed_at"), "revocation_answer", ["changed_at"], unique=False)
    op.create_table(
        "revocation_pending",
        sa.Column("envelope_id", sa.Text(), nullable=False),
        sa.Column("certificate_sha256", sa.Text(), nullable=False),
        sa.Column("issuer_sha256", sa.Text(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("evidence_sha256", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('', 'good', 'revoked')", name=op.f("ck_revocation_pending_status")),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (status = '')", name=op.f("ck_revocation_pending_settled_has_status")
        ),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_revocation_pending_envelope_id")),
        sa.PrimaryKeyConstraint("envelope_id", "certificate_sha256", name=op.f("pk_revocation_pending")),
    )
    op.create_index(
        "ix_revocation_pending_open",
        "revocation_pending",
        ["certificate_sha256", "envelope_id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
        sqlite_where=sa.text("settled_at IS NULL"),
    )


def _parts() -> None:
    op.add_column("system", sa.Column("inline_only", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("envelope", sa.Column("parts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("envelope", sa.Column("parts_size", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "envelope_part",
        sa.Column("envelope_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("content_type", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"], name=op.f("fk_envelope_part_envelope_id")),
        sa.PrimaryKeyConstraint("envelope_id", "number", name=op.f("pk_envelope_part")),
    )


def downgrade() -> None:
    raise RuntimeError("a ledger is not taken back: restore a backup instead")

"""attempts, breakers, deadlines, replays, changes of documents, duty contacts, arrival numbers

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
JSON = postgresql.JSONB().with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _constraints()
    _columns()
    _attempts()
    _replays()
    _changes()
    _contacts()
    _mails()


def _constraints() -> None:
    _unique("delivery", ["recipient_code", "envelope_id"], "round")
    _unique("envelope", ["sender_code", "document_id", "business_type"], "edition")
    old = "kind IN ('acknowledgement', 'refusal', 'delivery', 'status')"
    new = "kind IN ('acknowledgement', 'refusal', 'delivery', 'status', 'notice')"
    if op.get_bind().dialect.name == "sqlite":
        _rewritten("receipt", old, new)
    else:
        op.drop_constraint(op.f("ck_receipt_kind"), "receipt", type_="check")
        op.create_check_constraint(op.f("ck_receipt_kind"), "receipt", new)


def _unique(table: str, columns: list[str], added: str) -> None:
    """Make one more column part of a table's unique key; the column is added here."""
    kind = {"round": sa.Integer(), "edition": sa.Text()}[added]
    default = {"round": "1", "edition": "''"}[added]
    old = f"uq_{table}_{'_'.join(columns)}"
    if op.get_bind().dialect.name == "sqlite":
        op.add_column(table, sa.Column(added, kind, server_default=sa.text(default), nullable=False))
        listed = ", ".join(columns)
        _rewritten(table, f"{old} UNIQUE ({listed})", f"{old}_{added} UNIQUE ({listed}, {added})")
    else:
        op.add_column(table, sa.Column(added, kind, server_default=sa.text(default), nullable=False))
        op.drop_constraint(op.f(old), table, type_="unique")
        op.create_unique_constraint(op.f(f"{old}_{added}"), table, [*columns, added])


def _rewritten(table: str, old: str, new: str) -> None:
    """Change a constraint on SQLite, which cannot: a table with the new text takes over rows, name and indexes.

    The caller of the migration has switched foreign keys off and checks them before it commits.
    """
    bind = op.get_bind()
    [definition] = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table"), {"table": table}
    ).scalars()
    indexes = list(
        bind.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND sql IS NOT NULL"),
            {"table": table},
        ).scalars()
    )
    head = f"CREATE TABLE {table} "
    if old not in definition or not definition.startswith(head):
        raise RuntimeError(f"{table} is not as the last migration left it")
    op.execute(sa.text(_literal(definition.replace(head, f"CREATE TABLE {table}_rewritten ").replace(old, new))))
    op.execute(f"INSERT INTO {table}_rewritten SELECT * FROM {table}")  # noqa: S608 - names of this file
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_rewritten RENAME TO {table}")
    for index in indexes:
        op.execute(sa.text(_literal(index)))


def _literal(statement: str) -> str:
    """A colon in a statement is no parameter."""
    return statement.replace(":", r"\:")


def _columns() -> None:
    op.add_column("system", sa.Column("options", JSON, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("system", sa.Column("disabled_at", INSTANT, nullable=True))
    op.add_column("system", sa.Column("disabled_reason", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("envelope", sa.Column("previous_id", sa.Text(), nullable=True))
    op.add_column("envelope", sa.Column("paper", sa.Integer(), nullable=True))
    op.create_index(
        "ix_envelope_previous",
        "envelope",
        ["previous_id"],
        unique=False,
        postgresql_where=sa.text("previous_id IS NOT NULL"),
        sqlite_where=sa.text("previous_id IS NOT NULL"),
    )
    for name in ("superseded_by", "replay_id"):
        op.add_column("delivery", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("number", sa.BigInteger(), nullable=True))
    for name in ("not_before", "expires_at", "confirm_by", "process_by", "chase_at"):
        op.add_column("delivery", sa.Column(name, INSTANT, nullable=True))
    op.add_column("delivery", sa.Column("chase_step", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index(
        "ix_delivery_chase",
        "delivery",
        ["chase_at"],
        unique=False,
        postgresql_where=sa.text("chase_at IS NOT NULL"),
        sqlite_where=sa.text("chase_at IS NOT NULL"),
    )
    current = "superseded_by IS NULL AND state IN ('pending', 'published', 'ready', 'leased', 'settled')"
    unconfirmed = f"status_code IS NULL AND confirm_by IS NOT NULL AND {current}"
    unprocessed = f"process_by IS NOT NULL AND status_code NOT IN ('02', '06', '13', '15', '16') AND {current}"
    for name, column, condition in (
        ("ix_delivery_unconfirmed", "confirm_by", unconfirmed),
        ("ix_delivery_unprocessed", "process_by", unprocessed),
    ):
        where = sa.text(condition)
        op.create_index(name, "delivery", [column, "id"], unique=False, postgresql_where=where, sqlite_where=where)


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)


def _attempts() -> None:
    op.create_table(
        "attempt",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        _words("code"),
        _words("detail"),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'handed', 'transient', 'permanent', 'lapsed')", name=op.f("ck_attempt_outcome")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_attempt_delivery_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_delivery", "attempt", ["delivery_id", "seq"], unique=False)
    op.create_table(
        "circuit",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("retry_at", INSTANT, nullable=False),
        _words("code"),
        _words("detail"),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_circuit_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_circuit")),
    )
    op.create_table(
        "receipt_cursor",
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("retry_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_receipt_cursor_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_receipt_cursor")),
    )


def _replays() -> None:
    op.create_table(
        "replay",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("filter", JSON, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('asked', 'confirmed', 'declined')", name=op.f("ck_replay_state")),
        sa.CheckConstraint("(decided_by IS NULL) = (state = 'asked')", name=op.f("ck_replay_decided")),
        sa.CheckConstraint(
            "decided_by IS NULL OR state = 'declined' OR decided_by <> asked_by", name=op.f("ck_replay_two_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
    op.create_table(
        "replay_item",
        sa.Column("replay_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("state_then", sa.Text(), nullable=False),
        sa.Column("status_then", sa.Text(), nullable=True),
        sa.Column("new_delivery_id", sa.Text(), nullable=True),
        _words("skipped"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_replay_item_delivery_id")),
        sa.ForeignKeyConstraint(["replay_id"], ["replay.id"], name=op.f("fk_replay_item_replay_id")),
        sa.PrimaryKeyConstraint("replay_id", "delivery_id", name=op.f("pk_replay_item")),
    )
    op.create_index("ix_replay_item_delivery", "replay_item", ["delivery_id"], unique=False)


def _changes() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("request_envelope_id", sa.Text(), nullable=True),
        sa.Column("request_receipt_id", sa.Text(), nullable=True),
        sa.Column("asked_at", INSTANT, nullable=False),
        _words("reason"),
        sa.Column("state_then", sa.Text(), nullable=False),
        sa.Column("status_then", sa.Text(), nullable=True),
        sa.Column("acted_before", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('recall', 'update', 'replace', 'remove')", name=op.f("ck_change_kind")),
        sa.CheckConstraint("outcome IN ('withdrawn', 'asked', 'agreed', 'declined')", name=op.f("ck_change_outcome")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_change_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_delivery", "change", ["delivery_id", "asked_at"], unique=False)
    op.create_index("ix_change_request", "change", ["request_envelope_id"], unique=False)


def _contacts() -> None:
    op.create_table(
        "duty_contact",
        sa.Column("agency_code", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        _words("name"),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["agency_code"], ["agency.code"], name=op.f("fk_duty_contact_agency_code")),
        sa.PrimaryKeyConstraint("agency_code", "email", name=op.f("pk_duty_contact")),
    )
    op.create_table(
        "arrival",
        sa.Column("recipient_code", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recipient_code", name=op.f("pk_arrival")),
    )


def _mails() -> None:
    op.create_table(
        "mailing",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("mails", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _words("policy"),
        _words("reply"),
        sa.Column("accepted_at", INSTANT, nullable=True),
        sa.Column("bounced_at", INSTANT, nullable=True),
        _words("bounce"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_mailing_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_mailing")),
        sa.UniqueConstraint("token", name=op.f("uq_mailing_token")),
    )
    op.create_index(
        "ix_mailing_bounced",
        "mailing",
        ["bounced_at"],
        unique=False,
        postgresql_where=sa.text("bounced_at IS NOT NULL"),
        sqlite_where=sa.text("bounced_at IS NOT NULL"),
    )
    op.create_table(
        "fetch_link",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_fetch_link_delivery_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_fetch_link")),
    )
    op.create_index("ix_fetch_link_delivery", "fetch_link", ["delivery_id"], unique=False)


def downgrade() -> None:
    raise RuntimeError("a ledger is not taken back: restore a backup instead")

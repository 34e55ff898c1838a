"""Tables around the exchange log: auditors' saved questions and what answers them; holds and purges of octets."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import audit_entry, envelope, metadata


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


# ``owner``: ``person:<login>`` or a system's identifier, as in the log.
saved_question = Table(
    "saved_question",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("question", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("owner", "name"),
)

# What must not be purged, whatever the policy says. ``scope``: JSON by the names of the filter. One person proposes to
# lift it, another one lifts it.
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Json, nullable=False),
    _words("reason"),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("lift_asked_by", Text),
    Column("lift_asked_at", Instant),
    _words("lift_reason"),
    Column("lifted_by", Text),
    Column("lifted_at", Instant),
    CheckConstraint("(lift_asked_by IS NULL) = (lift_asked_at IS NULL)", name="lift_asked"),
    CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted"),
    CheckConstraint(
        "lifted_by IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by <> lift_asked_by)", name="second_person"
    ),
)

# Asked by one person, decided by another.
purge = Table(
    "purge",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("scope", Json, nullable=False),
    _words("reason"),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    CheckConstraint("state IN ('asked', 'confirmed', 'declined', 'done')", name="state"),
    CheckConstraint("(decided_by IS NULL) = (state = 'asked')", name="decided"),
    # whoever asked may take it back
    CheckConstraint("decided_by IS NULL OR state = 'declined' OR decided_by <> asked_by", name="second_person"),
)

# An envelope whose octets were chosen to go, and went. From ``going_at`` on nobody is given them; at ``purged_at`` the
# files are gone, but for those that another envelope names too.
purge_item = Table(
    "purge_item",
    metadata,
    Column("purge_id", Text, ForeignKey("purge.id"), primary_key=True),
    Column("envelope_id", Text, ForeignKey("envelope.id"), primary_key=True),
    Column("size", BigInteger, nullable=False),
    _words("policy_class"),
    _words("kept"),  # why it was left out after all
    Column("going_at", Instant),
    Column("purged_at", Instant),
    CheckConstraint("going_at IS NULL OR kept = ''", name="going_or_kept"),
    CheckConstraint("purged_at IS NULL OR going_at IS NOT NULL", name="going_first"),
    Index("ix_purge_item_envelope", "envelope_id"),
)

# an envelope goes once
Index(
    "uq_purge_item_going",
    purge_item.c.envelope_id,
    unique=True,
    postgresql_where=purge_item.c.going_at.is_not(None),
    sqlite_where=purge_item.c.going_at.is_not(None),
)

# What few entries have in common; what most have in common is found by the moment alone.
_RARE = {
    "kind": (
        "kind",
        "kind NOT IN ('envelope.accepted', 'delivery.published', 'delivery.ready', 'delivery.leased',"
        " 'delivery.settled', 'status.received')",
    ),
    "code": ("code", "code <> ''"),
    "person": ("actor", "actor LIKE 'person:%'"),
}
for _name, (_column, _where) in _RARE.items():
    Index(
        f"ix_audit_entry_{_name}",
        audit_entry.c[_column],
        audit_entry.c.at,
        audit_entry.c.seq,
        postgresql_where=text(_where),
        sqlite_where=text(_where),
    )

# search_words() is made by a migration: the words of envelope.search as hub.language.folding tells them apart
Index("ix_envelope_words", func.search_words(envelope.c.search), postgresql_using="gin").ddl_if(dialect="postgresql")

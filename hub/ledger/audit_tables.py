"""Tables around the exchange log: auditors' saved questions; holds and purges of octets."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import metadata


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

# What must not be purged, whatever the policy says. ``scope``: JSON by the names of the filter.
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Json, nullable=False),
    _words("reason"),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_at", Instant),
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
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="second_person"),
)

# An envelope whose octets were chosen to go, and went.
purge_item = Table(
    "purge_item",
    metadata,
    Column("purge_id", Text, ForeignKey("purge.id"), primary_key=True),
    Column("envelope_id", Text, ForeignKey("envelope.id"), primary_key=True),
    Column("size", BigInteger, nullable=False),
    _words("kept"),  # why it was left out after all
    Column("purged_at", Instant),
    Index("ix_purge_item_envelope", "envelope_id"),
)

"""Tables of what takes two people: asked by one, decided by another."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, text

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import metadata

# ``kind`` and ``arguments``: as ``hub.proposals`` names them. ``subject``: the agency, system or person it is about.
# asked → confirmed | declined. What could not wait was carried out at once: acted → upheld | reverted. ``alone``:
# carried out by one person because the hub knows nobody else who could decide.
proposal = Table(
    "proposal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("arguments", Json, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("state", Text, nullable=False),
    Column("seen", Text, nullable=False, server_default=text("''")),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
    # what whoever asked was shown: pairs of a label (a message id) and a value
    Column("shown", Json, nullable=False, server_default=text("'[]'"), default=list),
    CheckConstraint(
        "state IN ('asked', 'confirmed', 'declined', 'acted', 'upheld', 'reverted', 'alone')", name="state"
    ),
    CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at"),
    CheckConstraint("(decided_by IS NULL) = (state IN ('asked', 'acted', 'alone'))", name="decided"),
    # whoever asked may take it back, before and after
    CheckConstraint(
        "decided_by IS NULL OR state IN ('declined', 'reverted') OR decided_by <> asked_by", name="second_person"
    ),
)
Index(
    "ix_proposal_waiting",
    proposal.c.asked_at,
    postgresql_where=text("state IN ('asked', 'acted')"),
    sqlite_where=text("state IN ('asked', 'acted')"),
)

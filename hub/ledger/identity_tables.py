"""Tables of signing in at the province's identity provider. Their rows may be deleted."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from hub.ledger.columns import Instant
from hub.ledger.tables import metadata

# ``email`` stands for a subject that is not known yet: the first sign-in with this address, verified, brings it
person_identity = Table(
    "person_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("person.id"), primary_key=True),
    Column("subject", Text),
    Column("email", Text),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", Instant, nullable=False),
    UniqueConstraint("issuer", "subject"),
    UniqueConstraint("issuer", "email"),
    CheckConstraint("subject IS NOT NULL OR email IS NOT NULL", name="known"),
)

# one way to the provider and back: whoever comes back uses it up. Nothing here opens anything.
openid_journey = Table(
    "openid_journey",
    metadata,
    Column("state_sha256", Text, primary_key=True),
    Column("wanted", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_openid_journey_expires_at", "expires_at"),
)

"""Tables around registered systems: what was last heard of them, the last look at their channel, test documents."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text

from hub.ledger.columns import Instant, Json
from hub.ledger.tables import agency, envelope, metadata, system

# When a system last got a token and last looked into its inbox, to the minute.
system_seen = Table(
    "system_seen",
    metadata,
    Column("system_id", Text, ForeignKey(system.c.id), primary_key=True),
    Column("token_at", Instant),
    Column("inbox_at", Instant),
)

# The last look at a system's channel. ``findings``: pairs of a word and what was found, as the channel says them.
system_test = Table(
    "system_test",
    metadata,
    Column("system_id", Text, ForeignKey(system.c.id), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("works", Boolean, nullable=False),
    Column("findings", Json, nullable=False),
)

# A test document: made and signed by the hub, from one agency to itself. No figure counts it, nobody is chased for it.
trial = Table(
    "trial",
    metadata,
    Column("envelope_id", Text, ForeignKey(envelope.c.id), primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("system_id", Text, ForeignKey(system.c.id), nullable=False),
    Column("agency_code", Text, ForeignKey(agency.c.code), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Index("ix_trial_system", "system_id", "envelope_id"),
)

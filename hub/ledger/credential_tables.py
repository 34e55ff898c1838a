"""Tables of credentials that change: a system's secrets of before, and rehearsals of an agency's next key."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from hub.ledger.columns import Instant
from hub.ledger.tables import agency_certificate, metadata

# A secret that was replaced and still counts until ``ends_at``; the one that counts without end is in ``system``.
system_secret = Table(
    "system_secret",
    metadata,
    Column("system_id", Text, ForeignKey("system.id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("added_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
)

# ``der``: the certificate that the signature has to fit, which may be proposed only. waiting → failed → passed: who
# failed may try again. ``answered_by``: the system or person that brought the signature.
rehearsal = Table(
    "rehearsal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agency_code", Text, ForeignKey("agency.code"), nullable=False),
    Column("sha256", Text, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("answered_by", Text),
    Column("answered_at", Instant),
    CheckConstraint("state IN ('waiting', 'failed', 'passed')", name="state"),
    CheckConstraint("(answered_by IS NULL) = (answered_at IS NULL)", name="answered"),
    CheckConstraint("(answered_at IS NULL) = (state = 'waiting')", name="waiting"),
)
Index("ix_rehearsal_certificate", rehearsal.c.agency_code, rehearsal.c.id)

Index("ix_agency_certificate_agency", agency_certificate.c.agency_code)
# what ends next, of all agencies
Index(
    "ix_agency_certificate_end",
    agency_certificate.c.not_after,
    agency_certificate.c.sha256,
    agency_certificate.c.agency_code,
    postgresql_where=agency_certificate.c.withdrawn_at.is_(None),
    sqlite_where=agency_certificate.c.withdrawn_at.is_(None),
)

"""Tables of what verdicts rest on: certificates, revocation lists, OCSP answers; and what is still to be answered."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, text

from hub.ledger.columns import Instant
from hub.ledger.tables import metadata


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"))


trust_anchor = Table(
    "trust_anchor",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("der", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("added_at", Instant, nullable=False),
)

revocation_list = Table(
    "revocation_list",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("der", LargeBinary, nullable=False),
    Column("this_update", Instant, nullable=False),
    Column("next_update", Instant),
    Column("added_at", Instant, nullable=False),
)

# Octets by their digest. There is no statement that changes or deletes a row.
evidence = Table(
    "evidence",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("der", LargeBinary, nullable=False),
    _words("subject"),  # of a certificate; of the issuer of a list; of the certificate an answer is about
    _words("source"),
    Column("this_update", Instant),
    Column("next_update", Instant),
    Column("added_at", Instant, nullable=False),
    CheckConstraint("kind IN ('certificate', 'crl', 'ocsp')", name="kind"),
)

# The newest answer of an authority (SHA-256 of its name and key): a list, or about one certificate.
revocation_answer = Table(
    "revocation_answer",
    metadata,
    Column("authority", Text, primary_key=True),
    Column("serial", Text, primary_key=True),  # hexadecimal; empty: a list
    Column("sha256", Text, ForeignKey("evidence.sha256"), nullable=False),
    # the certificate whose addresses were asked, and its issuer's
    Column("certificate_sha256", Text, ForeignKey("evidence.sha256"), nullable=False),
    Column("issuer_sha256", Text, ForeignKey("evidence.sha256"), nullable=False),
    Column("source", Text, nullable=False),
    Column("this_update", Instant, nullable=False),
    Column("next_update", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False, index=True),
    # raised now and then while somebody judges by it: what nobody uses is not renewed
    Column("used_at", Instant, nullable=False),
)

# An envelope accepted before it was known whether a certificate of its signer was revoked.
revocation_pending = Table(
    "revocation_pending",
    metadata,
    Column("envelope_id", Text, ForeignKey("envelope.id"), primary_key=True),
    Column("certificate_sha256", Text, primary_key=True),
    Column("issuer_sha256", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("settled_at", Instant),
    _words("status"),
    Column("evidence_sha256", Text),
    CheckConstraint("status IN ('', 'good', 'revoked')", name="status"),
    CheckConstraint("(settled_at IS NULL) = (status = '')", name="settled_has_status"),
)

Index(
    "ix_revocation_pending_open",
    revocation_pending.c.certificate_sha256,
    revocation_pending.c.envelope_id,
    postgresql_where=revocation_pending.c.settled_at.is_(None),
    sqlite_where=revocation_pending.c.settled_at.is_(None),
)

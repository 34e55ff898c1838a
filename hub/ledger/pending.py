"""Envelopes accepted before it was known whether their signer's certificate was revoked, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from sqlalchemy import select, update

from hub.audit import Entry, Event
from hub.clock import rfc3339
from hub.ledger import exchange_log
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.revocation_tables import evidence, revocation_pending
from hub.ledger.tables import envelope
from hub.problems import Finding
from hub.signatures.revocation.standing import Standing

BATCH = 500
ACTOR = "sweep"


@dataclass(frozen=True, slots=True)
class _Question:
    certificate_sha256: str
    issuer_sha256: str


def questions(transaction: Transaction) -> list[tuple[x509.Certificate, x509.Certificate]]:
    """(certificate, issuer) of every certificate that open envelopes wait for: few, however many envelopes.

    One step through the index for each certificate, because DISTINCT would read every open row.
    """
    found: list[_Question] = []
    columns = revocation_pending.c
    while True:
        after = found[-1].certificate_sha256 if found else ""
        row = transaction.execute(
            select(columns.certificate_sha256, columns.issuer_sha256)
            .where(columns.settled_at.is_(None), columns.certificate_sha256 > after)
            .order_by(columns.certificate_sha256)
            .limit(1)
        ).one_or_none()
        if row is None:
            break
        found.append(_Question(row.certificate_sha256, row.issuer_sha256))
    octets = _octets(transaction, {name for one in found for name in (one.certificate_sha256, one.issuer_sha256)})
    load = x509.load_der_x509_certificate
    return [
        (load(octets[one.certificate_sha256]), load(octets[one.issuer_sha256]))
        for one in found
        if one.certificate_sha256 in octets and one.issuer_sha256 in octets
    ]


def _octets(transaction: Transaction, digests: set[str]) -> dict[str, bytes]:
    rows = transaction.execute(select(evidence.c.sha256, evidence.c.der).where(evidence.c.sha256.in_(sorted(digests))))
    return {row.sha256: row.der for row in rows}


def settle(transaction: Transaction, found: Standing, at: datetime) -> int:
    """Write for a batch of open envelopes what is known now, in their rows and in the exchange log; how many."""
    columns = revocation_pending.c
    rows = transaction.execute(
        select(
            columns.envelope_id,
            columns.since,
            *(envelope.c[name] for name in ("sender_code", "sender_system_id", "document_id", "sha256", "size")),
        )
        .join(envelope, envelope.c.id == columns.envelope_id)
        .where(columns.certificate_sha256 == found.certificate, columns.settled_at.is_(None))
        .order_by(columns.envelope_id)
        .limit(BATCH)
        .with_for_update(of=revocation_pending, skip_locked=True)
    ).all()
    if not rows:
        return 0
    chosen = columns.envelope_id.in_([row.envelope_id for row in rows])
    transaction.execute(
        update(revocation_pending)
        .where(chosen, columns.certificate_sha256 == found.certificate)
        .values(settled_at=at, status=found.status, evidence_sha256=found.evidence)
    )
    exchange_log.append(transaction, [_entry(row, found, at) for row in rows])
    exchange_log.append(transaction, [_alert(row, found, at) for row in rows if _was_revoked(row, found)])
    return len(rows)


def _was_revoked(row: Any, found: Standing) -> bool:
    """Whether the certificate was revoked already when the letter was accepted: then it should not have been."""
    return found.revoked is not None and found.revoked.at <= row.since


def _alert(row: Any, found: Standing, at: datetime) -> Entry:
    """In the form in which intake alerts."""
    finding = Finding("certificate-revoked", f"{found.subject}, {found.reason}")
    detail = {"findings": [asdict(finding)], "sha256": row.sha256, "size": row.size, "system": row.sender_system_id}
    return Entry(
        Event.OPERATOR_ALERTED,
        at,
        actor=row.sender_system_id,
        agency_code=row.sender_code,
        envelope_id=row.envelope_id,
        document_id=row.document_id,
        code=finding.code,
        detail=detail,
    )


def _entry(row: Any, found: Standing, at: datetime) -> Entry:
    detail: dict[str, Any] = {**found.facts(at), "accepted_at": rfc3339(row.since)}
    if found.revoked is not None:
        detail |= {
            "revoked_at": rfc3339(found.revoked.at),
            "revoked_because": found.revoked.reason,
            "revoked_before_acceptance": _was_revoked(row, found),
        }
    return Entry(
        Event.REVOCATION_SETTLED,
        at,
        actor=ACTOR,
        agency_code=row.sender_code,
        envelope_id=row.envelope_id,
        document_id=row.document_id,
        code="certificate-revoked" if found.revoked is not None else "",
        detail=detail,
    )


@dataclass(frozen=True, slots=True)
class LedgerPending:
    """``revocation.upkeep.Pending`` over the ledger."""

    ledger: Ledger

    async def questions(self) -> Sequence[tuple[x509.Certificate, x509.Certificate]]:
        return await self.ledger.read(questions)

    async def settle(self, found: Standing, at: datetime) -> int:
        return await self.ledger.write(settle, found, at)

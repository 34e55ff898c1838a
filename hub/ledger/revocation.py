"""Revocation answers and the evidence of verdicts: octets by their digest, kept for ever; which answer is newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.engine import Ledger, Transaction
from hub.ledger.revocation_tables import evidence, revocation_answer
from hub.signatures.chain import fingerprint
from hub.signatures.revocation.answers import Held
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.port import Due, Kept, Subject, When

# how exactly it is known when an answer was last used
USE_NOTED_EVERY = timedelta(hours=1)


def keep_evidence(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Keep octets; what is there already stays as it is."""
    unique = {row["sha256"]: row for row in rows}
    known = select(evidence.c.sha256).where(evidence.c.sha256.in_(list(unique)))
    there = set(transaction.execute(known).scalars())
    new = [row for sha256, row in unique.items() if sha256 not in there]
    if new:
        dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
        transaction.execute(dialect.insert(evidence).on_conflict_do_nothing(), new)


def of_certificate(certificate: x509.Certificate, at: datetime, source: str = "") -> dict[str, Any]:
    """The row of evidence that a certificate is."""
    return {
        "sha256": fingerprint(certificate),
        "kind": "certificate",
        "der": certificate.public_bytes(Encoding.DER),
        "subject": certificate.subject.rfc4514_string(),
        "source": source,
        "this_update": None,
        "next_update": None,
        "added_at": at,
    }


def of_answer(held: Held, subject: str, at: datetime) -> dict[str, Any]:
    """The row of evidence that a list or an OCSP answer is."""
    answer = held.answer
    return {
        "sha256": answer.sha256,
        "kind": answer.kind,
        "der": answer.der,
        "subject": subject,
        "source": held.source,
        "this_update": answer.this_update,
        "next_update": answer.next_update,
        "added_at": at,
    }


def keep(transaction: Transaction, about: Subject, held: Held, at: datetime) -> bool:
    """Keep the octets, and make them the current answer unless a newer one is. Returns whether they are."""
    answer = held.answer
    named = about.issuer if about.kind == "crl" else about.certificate
    certificates = [of_certificate(one, at) for one in (about.certificate, about.issuer)]
    keep_evidence(transaction, [*certificates, of_answer(held, named.subject.rfc4514_string(), at)])
    if isinstance(answer, RevocationList) and _is_behind(transaction, about, answer):
        return False
    values = {
        "sha256": answer.sha256,
        "certificate_sha256": fingerprint(about.certificate),
        "issuer_sha256": fingerprint(about.issuer),
        "source": held.source,
        "this_update": answer.this_update,
        "next_update": answer.next_update,
        "changed_at": at,
    }
    dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
    row = {"authority": about.authority, "serial": about.serial, **values, "used_at": at}
    inserting = dialect.insert(revocation_answer).values(row)
    newest = inserting.on_conflict_do_update(
        index_elements=["authority", "serial"],
        set_=values,
        where=revocation_answer.c.this_update <= inserting.excluded.this_update,
    ).returning(revocation_answer.c.sha256)
    return transaction.execute(newest).scalar_one_or_none() is not None


def _is_behind(transaction: Transaction, about: Subject, answer: RevocationList) -> bool:
    """Whether the number of a list is below that of the current one; times alone can be set back by a mistake."""
    kept = _current(transaction, about.authority, "")
    return kept is not None and answer.goes_back_behind(RevocationList.load(kept.der))


def _current(transaction: Transaction, authority: str, serial: str) -> Any:
    return transaction.execute(
        select(evidence.c.kind, evidence.c.der, revocation_answer.c.source, revocation_answer.c.used_at)
        .join(evidence, evidence.c.sha256 == revocation_answer.c.sha256)
        .where(revocation_answer.c.authority == authority, revocation_answer.c.serial == serial)
    ).one_or_none()


def changed(transaction: Transaction, since: datetime) -> list[tuple[str, str, str]]:
    """(authority, serial, SHA-256) of the answers that were replaced since then."""
    columns = revocation_answer.c
    rows = transaction.execute(
        select(columns.authority, columns.serial, columns.sha256).where(columns.changed_at >= since)
    )
    return [(row.authority, row.serial, row.sha256) for row in rows]


def note_use(transaction: Transaction, authority: str, serial: str, at: datetime) -> None:
    chosen = (revocation_answer.c.authority == authority) & (revocation_answer.c.serial == serial)
    transaction.execute(update(revocation_answer).where(chosen).values(used_at=at))


def due(transaction: Transaction, when: When) -> list[Due]:
    """Answers in use that are to be had again; the next to end first."""
    columns = revocation_answer.c
    certificate, issuer = evidence.alias("certificate"), evidence.alias("issuer")
    ending = and_(columns.next_update < when.ends_before, columns.changed_at < when.asked_before)
    rows = transaction.execute(
        select(columns.serial, columns.source, certificate.c.der.label("leaf"), issuer.c.der.label("authority"))
        .join(certificate, certificate.c.sha256 == columns.certificate_sha256)
        .join(issuer, issuer.c.sha256 == columns.issuer_sha256)
        .where(columns.used_at >= when.used_since, or_(columns.changed_at < when.older_than, ending))
        .order_by(columns.next_update)
    )
    load = x509.load_der_x509_certificate
    return [Due("ocsp" if row.serial else "crl", load(row.leaf), load(row.authority), row.source) for row in rows]


@dataclass(frozen=True, slots=True)
class LedgerAnswers:
    """``revocation.port.Store`` over the ledger."""

    ledger: Ledger

    async def current(self, authority: str, serial: str, at: datetime) -> Kept | None:
        row = await self.ledger.read(_current, authority, serial)
        if row is None:
            return None
        if row.used_at < at - USE_NOTED_EVERY:
            await self.ledger.write(note_use, authority, serial, at)
        return Kept(authority, serial, row.kind, row.der, row.source)

    async def changed(self, since: datetime) -> Sequence[tuple[str, str, str]]:
        return await self.ledger.read(changed, since)

    async def keep(self, about: Subject, held: Held, at: datetime) -> bool:
        return await self.ledger.write(keep, about, held, at)

    async def keep_evidence(
        self, certificates: Sequence[x509.Certificate], lists: Sequence[Held], at: datetime
    ) -> None:
        rows = [of_certificate(one, at) for one in certificates]
        rows += [of_answer(one, _issuer(one), at) for one in lists]
        await self.ledger.write(keep_evidence, rows)

    async def due(self, when: When) -> list[Due]:
        return await self.ledger.read(due, when)


def _issuer(held: Held) -> str:
    assert isinstance(held.answer, RevocationList), "only lists are configured"
    return held.answer.crl.issuer.rfc4514_string()


__all__ = ["LedgerAnswers", "due", "keep", "keep_evidence", "of_answer", "of_certificate"]

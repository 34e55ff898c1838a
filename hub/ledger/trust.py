"""Trust anchors and configured revocation lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, insert, select

from hub.ledger import revocation
from hub.ledger.agencies import raise_revision, revision
from hub.ledger.engine import Transaction
from hub.ledger.revocation_tables import evidence, revocation_answer, revocation_list, trust_anchor
from hub.problems import Refused
from hub.signatures.chain import Link, TrustStore
from hub.signatures.revocation.answers import SKEW, Held, is_fresh
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.judging import CONFIGURED


def add_anchor(transaction: Transaction, certificate: x509.Certificate, at: datetime) -> str:
    """Trust an authority; a second time changes nothing. Returns the certificate's SHA-256."""
    sha256 = certificate.fingerprint(hashes.SHA256()).hex()
    if transaction.execute(select(trust_anchor.c.sha256).where(trust_anchor.c.sha256 == sha256)).first() is None:
        transaction.execute(
            insert(trust_anchor).values(
                sha256=sha256,
                der=certificate.public_bytes(Encoding.DER),
                subject=certificate.subject.rfc4514_string(),
                not_after=certificate.not_valid_after_utc,
                added_at=at,
            )
        )
        raise_revision(transaction)
    return sha256


@dataclass(frozen=True, slots=True)
class AddedList:
    """``verified`` is false while no certificate of its authority is known; nobody is judged by the list until then."""

    issuer: str
    sha256: str
    verified: bool


def add_list(transaction: Transaction, crl: x509.CertificateRevocationList, at: datetime) -> AddedList:
    """Keep a revocation list; it replaces the older one of its issuer's key. Its octets are kept for ever.

    Raises ``Refused``: ``registry-conflict`` for a list older than the one kept (going back would un-revoke),
    ``registry-invalid`` for one that must not be relied on or that its known authority did not sign.
    """
    found = RevocationList.load(crl.public_bytes(Encoding.DER))
    issuer = crl.issuer.rfc4514_string()
    if found.defect or found.this_update > at + SKEW:
        raise Refused("registry-invalid", f"list of {issuer}: {found.defect or 'from the future'}", "crl")
    verified = _verified(transaction, found)
    row = _row_of(transaction, issuer, found)
    revocation.keep_evidence(transaction, [revocation.of_answer(Held(found, CONFIGURED), issuer, at)])
    transaction.execute(delete(revocation_list).where(revocation_list.c.issuer == row))
    transaction.execute(
        insert(revocation_list).values(
            issuer=row, der=found.der, this_update=found.this_update, next_update=found.next_update, added_at=at
        )
    )
    raise_revision(transaction)
    return AddedList(issuer, found.sha256, verified)


def _row_of(transaction: Transaction, issuer: str, new: RevocationList) -> str:
    """The row that the list belongs into: an authority that changed its key has a list for each of its keys."""
    key = _key_identifier(new)
    row = issuer if key is None else f"{issuer} · {key.hex()}"
    kept = transaction.execute(
        select(revocation_list.c.issuer, revocation_list.c.der).where(revocation_list.c.issuer.in_([issuer, row]))
    ).all()
    for one in kept:
        old = RevocationList.load(one.der)
        if key is not None and _key_identifier(old) not in (None, key):
            continue
        if new.goes_back_behind(old):
            raise Refused("registry-conflict", f"a newer list of {issuer} is kept", "crl")
        return str(one.issuer)
    return row if any(one.issuer == issuer for one in kept) else issuer


def _key_identifier(found: RevocationList) -> bytes | None:
    named = [one.value for one in found.crl.extensions if isinstance(one.value, x509.AuthorityKeyIdentifier)]
    return named[0].key_identifier if named else None


def _verified(transaction: Transaction, found: RevocationList) -> bool:
    """Whether a known authority signed the list; false when none of its name and key is known yet."""
    known = authorities(transaction, {found.crl.issuer.rfc4514_string()})
    namesakes = [one for one in known if one.subject.public_bytes() == found.issuer]
    if any(found.signed_by(one) for one in namesakes):
        return True
    key = _key_identifier(found)
    for one in namesakes:
        own = [e.value.digest for e in one.extensions if isinstance(e.value, x509.SubjectKeyIdentifier)]
        if key is None or key in own:
            raise Refused("registry-invalid", f"the list is not signed by {one.subject.rfc4514_string()}", "crl")
    return False


def authorities(transaction: Transaction, names: set[str]) -> list[x509.Certificate]:
    """Certificates of these subjects (RFC 4514): anchors, and those of paths that held for a registered signer."""
    held = select(evidence.c.der).where(evidence.c.kind == "certificate", evidence.c.subject.in_(sorted(names)))
    anchors = select(trust_anchor.c.der).where(trust_anchor.c.subject.in_(sorted(names)))
    ders = {*transaction.execute(anchors).scalars(), *transaction.execute(held).scalars()}
    return [x509.load_der_x509_certificate(der) for der in ders]


def store(transaction: Transaction) -> TrustStore:
    """Anchors and lists as of now, with the revision they belong to."""
    anchors = [x509.load_der_x509_certificate(der) for der in transaction.execute(select(trust_anchor.c.der)).scalars()]
    lists = [RevocationList.load(der) for der in transaction.execute(select(revocation_list.c.der)).scalars()]
    return TrustStore(tuple(anchors), revision(transaction), tuple(lists))


def listing(transaction: Transaction) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Anchors and lists for people."""
    anchors = transaction.execute(
        select(trust_anchor.c.sha256, trust_anchor.c.subject, trust_anchor.c.not_after).order_by(trust_anchor.c.subject)
    )
    lists = transaction.execute(
        select(revocation_list.c.issuer, revocation_list.c.this_update, revocation_list.c.next_update).order_by(
            revocation_list.c.issuer
        )
    )
    return [dict(row._mapping) for row in anchors], [dict(row._mapping) for row in lists]


@dataclass(frozen=True, slots=True)
class ListState:
    """How a list stands: its authority's subject, where it is from, until when, and whether it may be relied on."""

    issuer: str
    source: str
    next_update: datetime
    state: Literal["fresh", "stale", "unverified"]


def list_states(transaction: Transaction, at: datetime, max_age: timedelta | None = None) -> list[ListState]:
    """Every list that somebody may be judged by; a stale one beside a fresh one of the same authority is left out."""
    fetched = transaction.execute(
        select(revocation_answer.c.authority, revocation_answer.c.source, evidence.c.der)
        .join(evidence, evidence.c.sha256 == revocation_answer.c.sha256)
        .where(revocation_answer.c.serial == "")
    ).all()
    found: list[tuple[str, Held]] = [(row.authority, Held(RevocationList.load(row.der), row.source)) for row in fetched]
    configured = store(transaction).lists
    known = authorities(transaction, {one.crl.issuer.rfc4514_string() for one in configured})
    for one in configured:
        signer = next((authority for authority in known if one.signed_by(authority)), None)
        found.append(("" if signer is None else Link(signer, signer).authority, Held(one, CONFIGURED)))
    fresh = {authority for authority, held in found if authority and is_fresh(held.answer, at, max_age)}
    states = []
    for authority, held in found:
        is_good = is_fresh(held.answer, at, max_age)
        if not is_good and authority in fresh:
            continue
        state: Literal["fresh", "stale", "unverified"] = (
            "stale" if not is_good else "fresh" if authority else "unverified"
        )
        assert isinstance(held.answer, RevocationList), "only lists are looked at"
        name = held.answer.crl.issuer.rfc4514_string()
        states.append(ListState(name, held.source, held.answer.next_update, state))
    return states

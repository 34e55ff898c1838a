"""Trust anchors and revocation lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, insert, select

from hub.ledger.agencies import raise_revision, revision
from hub.ledger.engine import Transaction
from hub.ledger.tables import revocation_list, trust_anchor
from hub.problems import Refused
from hub.signatures.chain import RevocationList, TrustStore


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


def add_list(transaction: Transaction, crl: x509.CertificateRevocationList, at: datetime) -> str:
    """Keep a revocation list; it replaces the older one of its issuer. Returns the issuer.

    Raises ``Refused('registry-conflict')`` for a list older than the one kept: going back would un-revoke.
    """
    issuer = crl.issuer.rfc4514_string()
    kept = transaction.execute(
        select(revocation_list.c.this_update).where(revocation_list.c.issuer == issuer)
    ).scalar_one_or_none()
    if kept is not None and crl.last_update_utc < kept:
        raise Refused("registry-conflict", f"a newer list of {issuer} is kept", "crl")
    transaction.execute(delete(revocation_list).where(revocation_list.c.issuer == issuer))
    transaction.execute(
        insert(revocation_list).values(
            issuer=issuer,
            der=crl.public_bytes(Encoding.DER),
            this_update=crl.last_update_utc,
            next_update=crl.next_update_utc,
            added_at=at,
        )
    )
    raise_revision(transaction)
    return issuer


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

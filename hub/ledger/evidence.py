"""What the verdict on an envelope rests on, to be handed out: certificates of the path, lists and OCSP answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from hub.ledger.engine import Transaction
from hub.ledger.revocation_tables import evidence, revocation_pending
from hub.ledger.tables import envelope


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets and what they are: ``kind`` is ``certificate``, ``crl`` or ``ocsp``, ``name`` a file's name.

    ``role``: ``signer``, ``authority``, ``anchor``, ``revocation``, or ``settlement`` for what was learnt later.
    """

    name: str
    kind: str
    role: str
    sha256: str
    source: str
    this_update: datetime | None
    next_update: datetime | None
    added_at: datetime
    der: bytes


def of_envelope(transaction: Transaction, envelope_id: str) -> list[Piece]:
    """Everything that was used, chain first, leaf to anchor; empty for an envelope that nobody knows."""
    details = transaction.execute(select(envelope.c.details).where(envelope.c.id == envelope_id)).scalar_one_or_none()
    if details is None:
        return []
    settled = select(revocation_pending.c.evidence_sha256).where(
        revocation_pending.c.envelope_id == envelope_id, revocation_pending.c.evidence_sha256.is_not(None)
    )
    roles = _roles(details.get("signer", {}))
    for sha256 in transaction.execute(settled).scalars():
        roles.setdefault(sha256, "settlement")
    rows = transaction.execute(select(evidence).where(evidence.c.sha256.in_(list(roles)))).mappings()
    found = {row["sha256"]: row for row in rows}
    return [
        _piece(number, found[sha256], role) for number, (sha256, role) in enumerate(roles.items(), 1) if sha256 in found
    ]


def _roles(signer: dict[str, Any]) -> dict[str, str]:
    """Digest of every piece, in the order of the path, with its role."""
    chain = list(signer.get("chain", ()))
    roles = dict.fromkeys(chain, "authority")
    roles |= dict.fromkeys(chain[-1:], "anchor") | dict.fromkeys(chain[:1], "signer")
    used = [one["sha256"] for one in signer.get("revocations", ()) if one.get("sha256")]
    return roles | dict.fromkeys(used, "revocation")


def _piece(number: int, row: Any, role: str) -> Piece:
    suffix = {"certificate": "cer", "crl": "crl", "ocsp": "ors"}[row["kind"]]
    return Piece(
        f"{number:02d}-{role}.{suffix}",
        row["kind"],
        role,
        row["sha256"],
        row["source"],
        row["this_update"],
        row["next_update"],
        row["added_at"],
        row["der"],
    )

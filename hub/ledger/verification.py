"""What the verdict on a letter's signature rests on, as JSON, for anybody to repeat it later."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from hub.clock import rfc3339
from hub.ledger import envelopes, evidence, journey
from hub.ledger.engine import Transaction
from hub.ledger.evidence import Piece


def of_envelope(transaction: Transaction, envelope_id: str) -> dict[str, Any] | None:
    """Signer, what was settled later, and the octets (base64) of everything used; None for an unknown envelope."""
    record = envelopes.find(transaction, envelope_id)
    if record is None:
        return None
    return {
        "envelope": record.id,
        "sha256": record.sha256,
        "received_at": rfc3339(record.received_at),
        "signer": record.details.get("signer"),
        # what became known later of certificates that were pending at acceptance
        "settlements": [entry.detail for entry in journey.settlements(transaction, envelope_id)],
        "evidence": [_piece(piece) for piece in evidence.of_envelope(transaction, envelope_id)],
    }


def _piece(piece: Piece) -> dict[str, Any]:
    return {
        "name": piece.name,
        "kind": piece.kind,
        "role": piece.role,
        "sha256": piece.sha256,
        "source": piece.source,
        "this_update": _moment(piece.this_update),
        "next_update": _moment(piece.next_update),
        "der": base64.b64encode(piece.der).decode(),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)

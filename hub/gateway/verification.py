"""``/v1/envelopes/{id}/verification``: what the verdict on a signature rests on, for anybody to repeat it later."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub.clock import rfc3339
from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.ledger import Transaction, envelopes, evidence, journey
from hub.ledger.evidence import Piece
from hub.problems import Refused
from hub.registry.model import System

router = APIRouter(tags=["envelopes"])


@router.get(
    "/v1/envelopes/{envelope_id}/verification",
    summary="Certificates, revocation lists and OCSP answers that the verdict rests on",
)
async def verification(request: Request, envelope_id: str, caller: Caller) -> Response:
    """For the sender, the recipients and auditors: the octets themselves are public in nature."""
    found = await gateway(request).ledger.read(_found, envelope_id, caller)
    if found is None:
        raise Refused("not-found", envelope_id)
    return JSONResponse(found)


def _found(transaction: Transaction, envelope_id: str, caller: System) -> dict[str, Any] | None:
    if envelopes.visible_payload(transaction, envelope_id, None if caller.auditor else caller.id) is None:
        return None
    record = envelopes.find(transaction, envelope_id)
    assert record is not None, "what is visible is there"
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

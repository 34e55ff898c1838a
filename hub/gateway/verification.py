"""``/v1/envelopes/{id}/verification``: what the verdict on a signature rests on, for anybody to repeat it later."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.ledger import Transaction, envelopes
from hub.ledger import verification as rests_on
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
    return rests_on.of_envelope(transaction, envelope_id)

"""What people take along of a letter: its receipts as they were signed, and what the verdict on it rests on."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.dashboard.desk import Desk
from hub.ledger import Transaction, journey, letter_receipts, verification
from hub.ledger.journey import Letter
from hub.problems import Refused

IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class LetterFileScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/envelopes/{envelope_id}/verification", self.verification, methods=["GET"])
        router.add_api_route("/envelopes/{envelope_id}/receipts/{receipt_id}", self.receipt, methods=["GET"])

    async def verification(self, request: Request) -> Response:
        """What was kept of the verdict on the signature, as ``/v1/envelopes/{id}/verification`` gives it to systems."""
        visitor, envelope_id = self.desk.visitor(request), identifier_of(request)
        found = await self.desk.ledger.read(_verification, envelope_id, visitor.own_agency)
        headers = {"Content-Disposition": f'attachment; filename="{envelope_id}-verification.json"'}
        return JSONResponse(found, headers=headers)

    async def receipt(self, request: Request) -> Response:
        """A receipt as it was signed (RFC 7515 §7.1, compact): whoever has the hub's keys can check it."""
        visitor, receipt_id = self.desk.visitor(request), request.path_params["receipt_id"]
        if IDENTIFIER.fullmatch(receipt_id) is None:
            raise Refused("not-found")
        jws = await self.desk.ledger.read(_receipt, identifier_of(request), receipt_id, visitor.own_agency)
        headers = {"Content-Disposition": f'attachment; filename="{receipt_id}.jws"'}
        return Response(jws, headers=headers, media_type="application/jose")


def identifier_of(request: Request) -> str:
    """The envelope that the address names. Raises ``Refused('not-found')`` when that is no identifier."""
    envelope_id: str = request.path_params["envelope_id"]
    if IDENTIFIER.fullmatch(envelope_id) is None:
        raise Refused("not-found")
    return envelope_id


def seen(transaction: Transaction, envelope_id: str, own_agency: str | None) -> Letter:
    """Raises ``Refused('not-found')`` also for a letter that the reader may not see."""
    found = journey.letter(transaction, envelope_id, own_agency)
    if found is None:
        raise Refused("not-found")
    return found


def _verification(transaction: Transaction, envelope_id: str, own_agency: str | None) -> dict[str, Any] | None:
    seen(transaction, envelope_id, own_agency)
    return verification.of_envelope(transaction, envelope_id)


def _receipt(transaction: Transaction, envelope_id: str, receipt_id: str, own_agency: str | None) -> str:
    found = letter_receipts.signed(transaction, envelope_id, receipt_id, own_agency)
    if found is None:
        raise Refused("not-found", receipt_id)
    return found

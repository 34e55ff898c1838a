"""``POST /v1/rehearsals``: an agency's system brings a challenge signed with the key that is to sign next."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from hub.gateway.authentication import Caller
from hub.gateway.body import json_body, json_content
from hub.gateway.characters import Line
from hub.gateway.context import gateway
from hub.ledger import Transaction, agencies, rehearsals
from hub.problems import Refused
from hub.signatures.rehearsing import LONGEST_SIGNATURE

router = APIRouter(tags=["rehearsals"])


class RehearsalBody(BaseModel):
    """``rehearsal`` stands in the challenge; ``signature`` is base64 of the signature over the challenge's octets."""

    model_config = ConfigDict(extra="forbid")
    rehearsal: Annotated[Line, StringConstraints(max_length=64)]
    signature: Annotated[Line, StringConstraints(max_length=2 * LONGEST_SIGNATURE)]


@router.post(
    "/v1/rehearsals",
    summary="Show that the next key of an agency of mine signs",
    responses={
        404: {"description": "not-found: no challenge for an agency of this system"},
        409: {"description": "rehearsal-over: passed before, older than 24 hours, or tried too often"},
        422: {"description": "rehearsal-failed: the signature does not fit the certificate; the detail says why"},
    },
    openapi_extra=json_content(RehearsalBody),
)
async def answer(request: Request, caller: Caller) -> Response:
    body = await json_body(request, RehearsalBody)
    try:
        signature = base64.b64decode(body.signature, validate=True)
    except ValueError as error:
        raise Refused("request-invalid", "not base64", "/signature") from error

    def judged(transaction: Transaction) -> str:
        codes = frozenset(agencies.codes_of_system(transaction, caller.id))
        return rehearsals.answer(transaction, body.rehearsal, signature, caller.id, codes)

    # a failure is recorded, too: what it is refused for is said afterwards
    if why := await gateway(request).ledger.write(judged):
        raise Refused("rehearsal-failed", why, "/signature")
    return JSONResponse({"rehearsal": body.rehearsal, "outcome": "passed"})

"""``/v1/envelopes/{id}/receipts`` and ``/v1/receipts``: what happened to what I sent (or was asked to give back)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from hub import clock
from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.ledger import envelopes, receipts
from hub.ledger.feed import Cursor
from hub.problems import Refused
from hub.receipts.showing import shown

router = APIRouter(tags=["receipts"])


@router.get("/v1/envelopes/{envelope_id}/receipts", summary="Receipts of one envelope")
async def of_envelope(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)
    system_id = None if caller.auditor else caller.id
    if await context.ledger.read(envelopes.visible_payload, envelope_id, system_id) is None:
        raise Refused("not-found", envelope_id)
    found = await context.ledger.read(receipts.of_envelope, envelope_id, system_id)
    return JSONResponse({"receipts": [shown(one) for one in found]})


@router.get("/v1/receipts", summary="Feed of all receipts for the calling system")
async def feed(
    request: Request,
    caller: Caller,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    wait: Annotated[int, Query(ge=0, le=60, description="seconds to wait for the first")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    context = gateway(request)
    cursor = Cursor.parse(after)
    deadline = clock.monotonic() + min(wait, context.settings.long_poll_seconds)
    found, last = await context.feed.next(caller.id, cursor, limit, deadline)
    body = {"receipts": [shown(one) for one in found], "next": "" if last is None else str(last)}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})

"""``/v1/envelopes/{id}/receipts`` and ``/v1/receipts``: what happened to what I sent (or was asked to give back)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from hub import clock
from hub.gateway.authentication import Caller
from hub.gateway.conditional import UNCHANGED, is_known, tagged
from hub.gateway.context import gateway
from hub.ledger import Transaction, envelopes, fingerprints, receipts
from hub.ledger.feed import Cursor
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Refused
from hub.receipts.showing import shown

router = APIRouter(tags=["receipts"])


@router.get("/v1/envelopes/{envelope_id}/receipts", summary="Receipts of one envelope", responses=UNCHANGED)
async def of_envelope(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)
    system_id = None if caller.auditor else caller.id

    def look(transaction: Transaction) -> tuple[str, list[ReceiptRecord] | None]:
        if envelopes.visible_payload(transaction, envelope_id, system_id) is None:
            raise Refused("not-found", envelope_id)
        etag = tagged(fingerprints.of_receipts(transaction, envelope_id, system_id))
        return etag, None if is_known(request, etag) else receipts.of_envelope(transaction, envelope_id, system_id)

    etag, found = await context.ledger.read(look)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if found is None:
        return Response(status_code=304, headers=headers)
    return JSONResponse({"receipts": [shown(one) for one in found]}, headers=headers)


@router.get("/v1/receipts", summary="Feed of all receipts for the calling system", responses=UNCHANGED)
async def feed(
    request: Request,
    caller: Caller,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    wait: Annotated[int, Query(ge=0, le=60, description="seconds to wait for the first")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    context = gateway(request)
    cursor = Cursor.parse(after)
    if wait == 0 and "if-none-match" in request.headers:
        # a poller's question, answered from the keys alone when nothing is new
        etag = tagged(await context.ledger.read(fingerprints.of_feed, caller.id, cursor, limit))
        if is_known(request, etag):
            return Response(status_code=304, headers=_feed_headers(etag))
    deadline = clock.monotonic() + min(wait, context.settings.long_poll_seconds)
    found, last = await context.feed.next(caller.id, cursor, limit, deadline)
    body = {"receipts": [shown(one) for one in found], "next": "" if last is None else str(last)}
    return JSONResponse(body, headers=_feed_headers(tagged(fingerprints.of_page(cursor, len(found), last))))


def _feed_headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, no-cache"}

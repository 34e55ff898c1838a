"""``/v1/envelopes/{id}/receipts`` and ``/v1/receipts``: what happened to what I sent (or was asked to give back)."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from hub import clock
from hub.audit.sealer import Rewritten
from hub.gateway.authentication import Caller
from hub.gateway.conditional import UNCHANGED, is_known, tagged
from hub.gateway.context import Gateway, gateway
from hub.ledger import Transaction, envelopes, fingerprints, log_proofs, receipts
from hub.ledger.feed import Cursor
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Refused
from hub.receipts.showing import shown

router = APIRouter(tags=["receipts"])


_Proofs = Annotated[
    bool, Query(description="each receipt with `log`: its leaf and proof (as /v1/log/proof), null while it is pending")
]


@router.get("/v1/envelopes/{envelope_id}/receipts", summary="Receipts of one envelope", responses=UNCHANGED)
async def of_envelope(request: Request, envelope_id: str, caller: Caller, proofs: _Proofs = False) -> Response:
    context = gateway(request)
    system_id = None if caller.auditor else caller.id

    def look(transaction: Transaction) -> tuple[str, list[ReceiptRecord] | None]:
        if envelopes.visible_payload(transaction, envelope_id, system_id) is None:
            raise Refused("not-found", envelope_id)
        etag = tagged(fingerprints.of_receipts(transaction, envelope_id, system_id))
        known = not proofs and is_known(request, etag)
        return etag, None if known else receipts.of_envelope(transaction, envelope_id, system_id)

    etag, found = await context.ledger.read(look)
    if found is None:
        return Response(status_code=304, headers=_headers(etag))
    if proofs:
        return _unless_known(request, {"receipts": await _with_proofs(context, found)})
    return JSONResponse({"receipts": [shown(one) for one in found]}, headers=_headers(etag))


@router.get("/v1/receipts", summary="Feed of all receipts for the calling system", responses=UNCHANGED)
async def feed(
    request: Request,
    caller: Caller,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    wait: Annotated[int, Query(ge=0, le=60, description="seconds to wait for the first")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    proofs: _Proofs = False,
) -> Response:
    context = gateway(request)
    cursor = Cursor.parse(after)
    if wait == 0 and not proofs and "if-none-match" in request.headers:
        # a poller's question, answered from the keys alone when nothing is new
        etag = tagged(await context.ledger.read(fingerprints.of_feed, caller.id, cursor, limit))
        if is_known(request, etag):
            return Response(status_code=304, headers=_headers(etag))
    deadline = clock.monotonic() + min(wait, context.settings.long_poll_seconds)
    found, last = await context.feed.next(caller.id, cursor, limit, deadline)
    end = "" if last is None else str(last)
    if proofs:
        return _unless_known(request, {"receipts": await _with_proofs(context, found), "next": end})
    body = {"receipts": [shown(one) for one in found], "next": end}
    return JSONResponse(body, headers=_headers(tagged(fingerprints.of_page(cursor, len(found), last))))


async def _with_proofs(context: Gateway, found: list[ReceiptRecord]) -> list[dict[str, Any]]:
    try:
        proved = await context.ledger.read(log_proofs.inclusions, [one.id for one in found])
    except Rewritten as error:
        raise Refused("log-rewritten", str(error)) from error
    return [{**shown(one), "log": proved[one.id].shown() if one.id in proved else None} for one in found]


def _unless_known(request: Request, body: dict[str, Any]) -> Response:
    """Tagged by what it says: a receipt is sealed, and a witness cosigns, without any receipt being new."""
    octets = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    etag = tagged(hashlib.sha256(octets).hexdigest()[:32])
    if is_known(request, etag):
        return Response(status_code=304, headers=_headers(etag))
    return Response(octets, media_type="application/json", headers=_headers(etag))


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, no-cache"}

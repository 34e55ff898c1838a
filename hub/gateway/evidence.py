"""``/v1/evidence/{envelope}``: everything about a letter in one file that can be checked without this hub."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from hub.evidence.container import MEDIA_TYPE
from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.ledger.case import Reader

router = APIRouter(tags=["evidence"])
SEAL = "/.well-known/lienthong-evidence.pem"


@router.get(
    "/v1/evidence/{envelope_id}",
    summary="The evidence pack (ASiC-E) of an envelope",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {}}}},
)
async def pack(request: Request, envelope_id: str, caller: Caller) -> Response:
    """A sender's and an auditor's pack is complete; a recipient's has its own deliveries only."""
    reader = Reader() if caller.auditor else Reader(system_id=caller.id)
    made = await gateway(request).evidence.take(envelope_id, reader, caller.id)
    headers = {
        "Content-Length": str(made.size),
        "Content-Disposition": f'attachment; filename="{made.name}"',
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(iter(made), headers=headers, media_type=made.media_type)


@router.get(
    SEAL,
    summary="The certificate that seals evidence packs",
    response_class=Response,
    responses={200: {"content": {"application/x-pem-file": {}}}},
)
async def seal(request: Request) -> Response:
    certificate = gateway(request).evidence.seal.certificate_pem
    return Response(certificate, media_type="application/x-pem-file", headers={"Cache-Control": "max-age=300"})

"""``/v1/envelopes``: submit, check, look at, get the original octets."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from hub import language
from hub.clock import rfc3339
from hub.gateway import metrics
from hub.gateway.authentication import Caller
from hub.gateway.body import check_head, streamed
from hub.gateway.conditional import is_known
from hub.gateway.context import Gateway, gateway
from hub.gateway.handed import Octets
from hub.gateway.problem_details import problem
from hub.gateway.trace import traceparent
from hub.intake import Admitted, Rejected
from hub.ledger import Transaction, deliveries, envelopes
from hub.ledger.deliveries import MatrixRow
from hub.problems import Deferred, Finding, Refused, explain
from hub.registry.model import System

router = APIRouter(tags=["envelopes"])
XML = ("application/xml", "text/xml")
# read at once below this; streamed from the file above it
AT_ONCE = 256 * 1024


class FileContent(FileResponse):
    """A file in pieces of half a MiB: every piece is a hop to a thread."""

    chunk_size = 512 * 1024


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/xml": {"schema": {"type": "string"}}}}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"description": "document-conflict: the document id was used for other octets"},
    413: {"description": "request-too-large"},
    422: {"description": "refused: the findings say what to mend; `refusal` is the signed proof"},
    503: {"description": "deferred: repeat after Retry-After"},
}


@router.post(
    "/v1/envelopes",
    status_code=201,
    summary="Submit a signed envelope",
    responses={200: {"description": "an exact repeat: the first acknowledgement"}, **_REFUSED},
    openapi_extra=_BODY,
)
async def submit(request: Request, caller: Caller) -> Response:
    context = gateway(request)
    limit = context.settings.max_envelope_bytes
    try:
        check_head(request, XML, limit)
        async with streamed(request, context.payloads, limit) as body:
            outcome = await context.intake.submit(body, caller, traceparent(request))
    except Refused as refusal:  # turned away before there was a body to judge; what is judged comes back as a value
        await context.intake.turn_away(caller, refusal)
        raise
    if isinstance(outcome, Rejected):
        return problem(request, outcome.findings, members={"refusal": outcome.refusal})
    return _admitted(outcome, request)


def _admitted(outcome: Admitted, request: Request) -> Response:
    stored, envelope = outcome.stored, outcome.envelope
    (metrics.ACCEPTED if stored.new else metrics.REPEATED).inc()
    location = f"/v1/envelopes/{stored.envelope_id}"
    body = {
        "id": stored.envelope_id,
        "document_id": envelope.content.document_id,
        "business_type": envelope.business_type,
        "sender": envelope.sender.code,
        "sha256": stored.sha256,
        "size": stored.size,
        "received_at": rfc3339(stored.received_at),
        "recipients": [{"code": code, "delivery": delivery} for code, delivery in stored.deliveries],
        "warnings": [_finding(one, request) for one in envelope.warnings],
        "acknowledgement": stored.acknowledgement,
        "links": _links(stored.envelope_id),
    }
    return JSONResponse(body, 201 if stored.new else 200, headers={"Location": location})


def _links(envelope_id: str) -> dict[str, str]:
    base = f"/v1/envelopes/{envelope_id}"
    return {"self": base, "content": f"{base}/content", "receipts": f"{base}/receipts"}


@router.post("/v1/envelopes:check", summary="Ask for the verdict; nothing is stored", openapi_extra=_BODY)
async def check(request: Request, caller: Caller) -> Response:
    context = gateway(request)
    limit = context.settings.max_envelope_bytes
    check_head(request, XML, limit)
    async with streamed(request, context.payloads, limit) as body:
        report = await context.intake.check(body, caller.id, language.choose(request.headers.get("accept-language")))
    return JSONResponse(report)


def _finding(finding: Finding, request: Request) -> dict[str, Any]:
    spoken = language.choose(request.headers.get("accept-language"))
    row = explain(finding.code)
    return {**asdict(finding), "title": row.title(spoken), "remedy": row.remedy(spoken)}


@router.get("/v1/envelopes/{envelope_id}", summary="Header and per-recipient matrix")
async def show(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)
    found = await context.ledger.read(_show, envelope_id, caller)
    if found is None:
        raise Refused("not-found", envelope_id)
    return JSONResponse(found)


def _show(transaction: Transaction, envelope_id: str, caller: System) -> dict[str, Any] | None:
    record = envelopes.find(transaction, envelope_id)
    rows = [] if record is None else deliveries.matrix(transaction, envelope_id)
    sees_all = record is not None and (caller.auditor or record.sender_system_id == caller.id)
    if not sees_all:
        # a recipient sees its own rows only: whom else a letter went to is the sender's to tell
        rows = [row for row in rows if row.system_id == caller.id]
    if record is None or not (sees_all or rows):
        return None
    return {
        "id": record.id,
        "document_id": record.document_id,
        "business_type": record.business_type,
        "sender": record.sender_code,
        "sender_name": record.sender_name,
        "number": record.number,
        "notation": record.notation,
        "promulgation_date": record.promulgated_on.isoformat(),
        "document_type": record.document_type,
        "subject": record.subject,
        "priority": record.priority,
        "due_on": None if record.due_on is None else record.due_on.isoformat(),
        "sha256": record.sha256,
        "size": record.size,
        "received_at": rfc3339(record.received_at),
        "signer": record.details.get("signer"),
        "attachments": record.details.get("attachments", []),
        "warnings": record.details.get("warnings", []),
        "recipients": [_matrix_row(row) for row in rows],
        "links": _links(record.id),
    }


def _matrix_row(row: MatrixRow) -> dict[str, Any]:
    status = None
    if row.status_code is not None and row.status_at is not None:
        status = {"code": row.status_code, "description": row.status_description, "at": rfc3339(row.status_at)}
    return {
        "code": row.code,
        "name": row.name,
        "delivery": row.delivery_id,
        "state": row.state,
        "since": rfc3339(row.since),
        "attempts": row.attempts,
        "reason": row.reason,
        "business_status": status,
    }


@router.get(
    "/v1/envelopes/{envelope_id}/content",
    summary="The original octets",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}}},
)
async def content(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)
    sha256, size = context.handed.octets(envelope_id, caller.id) or await _visible(context, envelope_id, caller)
    headers = {
        "ETag": f'"{sha256}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
        "Content-Disposition": f'attachment; filename="{envelope_id}.edxml"',
        "Cache-Control": "private, immutable",
    }
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        path = context.payloads.path(sha256, size)
        if size <= AT_ONCE:
            return Response(path.read_bytes(), headers=headers, media_type="application/xml")
    except OSError as error:
        raise Deferred("payload-unavailable", "the document's file cannot be read") from error
    return FileContent(path, headers=headers, media_type="application/xml")


async def _visible(context: Gateway, envelope_id: str, caller: System) -> Octets:
    found = await context.ledger.read(envelopes.visible_payload, envelope_id, None if caller.auditor else caller.id)
    if found is None:
        raise Refused("not-found", envelope_id)
    sha256, size, _document_id = found
    return Octets(sha256, size)

"""``/v1/envelopes``: submit, check, look at."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub import clock, language
from hub.clock import rfc3339
from hub.gateway import metrics
from hub.gateway.authentication import Caller
from hub.gateway.conditional import UNCHANGED, is_known, tagged
from hub.gateway.context import gateway
from hub.gateway.multipart import BODY, submission
from hub.gateway.plain import PlainRoute
from hub.gateway.problem_details import problem
from hub.gateway.trace import traceparent
from hub.intake import Admitted, Rejected
from hub.ledger import Transaction, answering, changes, deliveries, envelopes, fingerprints, purged
from hub.ledger.changes import ChangeRow
from hub.ledger.dead_letters import next_attempt
from hub.ledger.deliveries import MatrixRow
from hub.ledger.purged import Purged
from hub.problems import Finding, Refused, explain
from hub.receipts.chasing import overdue
from hub.registry.model import System

router = APIRouter(tags=["envelopes"], route_class=PlainRoute)
_FINDING = tuple(one.name for one in fields(Finding))

_REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"description": "document-conflict: the document id was used for other octets"},
    400: {"description": "multipart-malformed, multipart-root, request-invalid"},
    413: {"description": "request-too-large, attachment-too-large"},
    422: {"description": "refused: the findings say what to mend; `refusal` is the signed proof"},
    503: {"description": "deferred, or hub-busy: repeat after Retry-After"},
}


@router.post(
    "/v1/envelopes",
    status_code=201,
    summary="Submit a signed envelope",
    responses={200: {"description": "an exact repeat: the first acknowledgement"}, **_REFUSED},
    openapi_extra=BODY,
)
async def submit(request: Request, caller: Caller) -> Response:
    context = gateway(request)
    context.admission.check(caller.id)
    try:
        async with submission(request, context) as sent, context.admission.turn(caller.id, sent.octets):
            outcome = await context.intake.submit(sent.body, caller, traceparent(request), sent.parts)
    except Refused as refusal:  # turned away before there was a body to judge; what is judged comes back as a value
        await context.intake.turn_away(caller, refusal)
        raise
    if isinstance(outcome, Rejected):
        return problem(request, outcome.findings, members={"refusal": outcome.refusal})
    return _admitted(outcome, request)


def _admitted(outcome: Admitted, request: Request) -> Response:
    stored = outcome.stored
    (metrics.ACCEPTED if stored.new else metrics.REPEATED).inc()
    location = f"/v1/envelopes/{stored.envelope_id}"
    body = {
        "id": stored.envelope_id,
        "document_id": outcome.document_id,
        "business_type": outcome.business_type,
        "sender": outcome.sender,
        "sha256": stored.sha256,
        "size": stored.size,
        "received_at": rfc3339(stored.received_at),
        "recipients": [{"code": code, "delivery": delivery} for code, delivery in stored.deliveries],
        "warnings": [_finding(one, request) for one in outcome.warnings],
        "acknowledgement": stored.acknowledgement,
        "links": _links(stored.envelope_id),
    }
    return JSONResponse(body, 201 if stored.new else 200, headers={"Location": location})


def _links(envelope_id: str) -> dict[str, str]:
    base = f"/v1/envelopes/{envelope_id}"
    return {"self": base, "content": f"{base}/content", "receipts": f"{base}/receipts"}


@router.post("/v1/envelopes:check", summary="Ask for the verdict; nothing is stored", openapi_extra=BODY)
async def check(request: Request, caller: Caller) -> Response:
    context = gateway(request)
    spoken = language.choose(request.headers.get("accept-language"))
    context.admission.check(caller.id)
    async with submission(request, context) as sent, context.admission.turn(caller.id, sent.octets):
        report = await context.intake.check(sent.body, caller.id, spoken, sent.parts)
    return JSONResponse(report)


def _finding(finding: Finding, request: Request) -> dict[str, Any]:
    spoken = language.choose(request.headers.get("accept-language"))
    row = explain(finding.code)
    told = {name: getattr(finding, name) for name in _FINDING}
    return {**told, "title": row.title(spoken), "remedy": row.remedy(spoken)}


@router.get("/v1/envelopes/{envelope_id}", summary="Header and per-recipient matrix", responses=UNCHANGED)
async def show(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)

    def look(transaction: Transaction) -> tuple[str, dict[str, Any] | None]:
        now = clock.now()
        etag = tagged(fingerprints.of_envelope(transaction, envelope_id, caller.id, now, auditor=caller.auditor))
        return etag, None if not etag or is_known(request, etag) else _show(transaction, envelope_id, caller)

    etag, found = await context.ledger.read(look)
    if not etag:
        raise Refused("not-found", envelope_id)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return Response(status_code=304, headers=headers) if found is None else JSONResponse(found, headers=headers)


def _show(transaction: Transaction, envelope_id: str, caller: System) -> dict[str, Any] | None:
    record = envelopes.find(transaction, envelope_id)
    rows = [] if record is None else deliveries.matrix(transaction, envelope_id)
    sees_all = record is not None and (caller.auditor or record.sender_system_id == caller.id)
    if not sees_all:
        # a recipient sees its own rows only: whom else a letter went to is the sender's to tell
        rows = [row for row in rows if row.system_id == caller.id and (row.state != "withdrawn" or row.attempts)]
    if record is None or not (sees_all or rows):
        return None
    reader = answering.ALL if caller.auditor else answering.Reader(caller.id)
    seen = answering.visible(transaction, reader, [record.previous_id] if record.previous_id else [])
    asked = changes.of_envelope(transaction, envelope_id, None if sees_all else [row.code for row in rows])
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
        "form": "related" if record.parts else "inline",
        "content_size": record.size + record.parts_size,
        "received_at": rfc3339(record.received_at),
        "paper": record.paper,
        "not_before": record.details.get("not_before"),
        "business": record.details.get("business"),
        "previous": record.previous_id if record.previous_id in seen else None,
        "response_for": answering.answered(transaction, reader, record.details.get("response_for", [])),
        "signer": record.details.get("signer"),
        "attachments": record.details.get("attachments", []),
        "warnings": record.details.get("warnings", []),
        "purged": _purged(purged.of_envelope(transaction, envelope_id)),
        "recipients": [
            {**_matrix_row(row), "changes": [_change(one) for one in asked.get(row.code, ())]} for row in rows
        ],
        "links": _links(record.id),
    }


def _purged(found: Purged | None) -> dict[str, str] | None:
    """Since when the octets are gone, and by which purge; null while they are there."""
    return None if found is None else {"at": rfc3339(found.at), "purge": found.purge_id}


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
        "next_attempt_at": _moment(next_attempt(row.state, row.attempts, row.available_at)),
        "round": row.round,
        "reason": row.reason,
        "business_status": status,
        "deadlines": _deadlines(row),
    }


def _change(one: ChangeRow) -> dict[str, Any]:
    """What was asked, by which envelope (else by a status report), and how it stood before: was it acted on?"""
    return {
        "kind": one.kind,
        "asked_at": rfc3339(one.asked_at),
        "reason": one.reason,
        "outcome": one.outcome,
        "answered_at": _moment(one.answered_at),
        "state_then": one.state_then,
        "status_then": one.status_then,
        "acted_before": one.acted_before,
        "request": one.request_envelope_id or one.request_receipt_id,
        "delivery": one.delivery_id,
        "envelope": one.envelope_id,
    }


def _deadlines(row: MatrixRow) -> dict[str, Any]:
    """``overdue``: unconfirmed or unprocessed, the first that was missed; null when none is."""
    return {
        "confirm_by": _moment(row.confirm_by),
        "process_by": _moment(row.process_by),
        "expires_at": _moment(row.expires_at),
        "overdue": overdue(row.state, row.status_code, row.confirm_by, row.process_by, clock.now()) or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)

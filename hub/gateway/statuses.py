"""``POST /v1/statuses``: a business status, as an edXML status message or as JSON by delivery id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.model import ReceivedEnvelope
from hub.gateway.authentication import Caller
from hub.gateway.body import check_head, media_type, streamed, validated
from hub.gateway.characters import Line
from hub.gateway.context import Gateway, gateway
from hub.ledger import exchange_log
from hub.problems import Refused
from hub.receipts.statuses import MAX_DESCRIPTION, Reported, StatusReport
from hub.registry.model import System
from hub.validation import judge_status

router = APIRouter(tags=["statuses"])
LONGEST = 256 * 1024


class StatusBody(BaseModel):
    """A report in JSON. ``at`` is when it happened at the office, with its offset."""

    model_config = ConfigDict(extra="forbid")
    delivery: Annotated[Line, StringConstraints(max_length=64)]
    code: Annotated[Line, StringConstraints(max_length=2)]
    description: Annotated[Line, StringConstraints(max_length=MAX_DESCRIPTION)] = ""
    at: AwareDatetime | None = None


@router.post(
    "/v1/statuses",
    status_code=201,
    summary="Report a business status",
    responses={
        200: {"description": "an exact repeat: the first receipt"},
        403: {"description": "status-reporter-mismatch"},
        422: {"description": "status-code-invalid, status-document-unknown, …"},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": StatusBody.model_json_schema()},
                "application/xml": {"schema": {"type": "string"}},
            },
        }
    },
)
async def report(request: Request, caller: Caller) -> Response:
    context = gateway(request)
    check_head(request, ("application/json", "application/xml", "text/xml"), LONGEST)
    async with streamed(request, context.payloads, LONGEST) as writer:
        received = ReceivedEnvelope(writer.read(), writer.sha256, caller.id, clock.now())
    try:
        reported = await _report(context, caller, media_type(request), received)
    except Refused as refusal:
        await context.ledger.write(exchange_log.append, [_refused(received, refusal)])
        raise
    body = {
        "id": reported.receipt_id,
        "envelope": reported.envelope_id,
        "delivery": reported.delivery_id,
        "code": reported.code,
        "receipt": reported.jws,
    }
    return JSONResponse(body, 201 if reported.new else 200)


async def _report(context: Gateway, caller: System, kind: str, received: ReceivedEnvelope) -> Reported:
    if kind != "application/json":
        status = await judge_status(received, context.directory, context.intake.policy)
        return await context.statuses.report_message(caller.id, status, received.body)
    body = validated(StatusBody, received.body)
    moment: datetime | None = body.at
    return await context.statuses.report(caller.id, StatusReport(body.delivery, body.code, body.description, moment))


def _refused(received: ReceivedEnvelope, refusal: Refused) -> Entry:
    return Entry(
        Event.STATUS_REFUSED,
        received.received_at,
        actor=received.system_id,
        code=refusal.code,
        detail={
            "findings": [
                {"code": one.code, "detail": one.detail, "location": one.location} for one in refusal.findings
            ],
            "sha256": received.sha256,
            "system": received.system_id,
        },
    )

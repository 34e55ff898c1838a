"""``/v1/audit/completeness``: all letters from A to B in a time, and the stretch of the log that proves it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from hub import clock
from hub.audit import Entry, Event
from hub.audit.sealer import Rewritten
from hub.gateway.authentication import Auditor
from hub.gateway.context import gateway
from hub.ledger import completeness, exchange_log, log_export
from hub.ledger.questions import LONGEST, Question
from hub.problems import Refused

router = APIRouter(tags=["audit"])

Code = Annotated[str, Query(min_length=1, max_length=LONGEST)]


@router.get(
    "/v1/audit/completeness",
    summary="All letters from A to B in a time, provably complete: for `lienthong verify-log`",
    response_class=StreamingResponse,
    responses={200: {"content": {log_export.MEDIA_TYPE: {}}}},
)
async def complete(
    request: Request,
    auditor: Auditor,
    sender: Annotated[Code, Query(alias="from")],
    recipient: Annotated[Code, Query(alias="to")],
    since: Annotated[str, Query(max_length=40, description="inclusive; a time (RFC 3339), or a day (Vietnam's)")],
    until: Annotated[str, Query(max_length=40, description="exclusive; or a day, with its end")],
) -> Response:
    """``lienthong-log/1`` whose ``question`` lists the envelopes; every leaf of the time and an hour around it."""
    context = gateway(request)
    asked = Question.of({"from": sender, "to": recipient, "since": since, "until": until})
    if asked.since is None or asked.until is None:
        raise Refused("request-invalid", "a time has a beginning and an end", "since")
    try:
        opened = await context.ledger.read(
            completeness.opening, asked.sender, asked.recipient, asked.since, asked.until
        )
    except Rewritten as error:
        raise Refused("log-rewritten", str(error)) from error
    detail = {"what": "completeness", "filters": asked.filters(), "from": opened.start, "to": opened.end}
    entry = Entry(Event.LOG_EXPORTED, clock.now(), actor=auditor.id, detail=detail)
    await context.ledger.write(exchange_log.append, [entry])
    name = f"complete-{opened.start}-{opened.end}.ndjson"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(
        log_export.lines(context.ledger, opened), headers=headers, media_type=log_export.MEDIA_TYPE
    )

"""``/v1/audit/entries``: the exchange log, for auditors. Every query is itself an entry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from hub import clock
from hub.audit import Entry, Event
from hub.clock import rfc3339
from hub.gateway.authentication import Auditor
from hub.gateway.context import gateway
from hub.ledger import exchange_log
from hub.ledger.exchange_log import LogQuery
from hub.ledger.feed import Cursor

router = APIRouter(tags=["audit"])

Text = Annotated[str | None, Query(max_length=200)]


@router.get("/v1/audit/entries", summary="Entries of the exchange log in commit order")
async def entries(
    request: Request,
    auditor: Auditor,
    since: Annotated[AwareDatetime | None, Query(description="inclusive")] = None,
    until: Annotated[AwareDatetime | None, Query(description="exclusive")] = None,
    agency: Text = None,
    document_id: Text = None,
    envelope: Text = None,
    kind: Text = None,
    code: Text = None,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    context = gateway(request)
    cursor = Cursor.parse(after)
    wanted = LogQuery(since, until, agency, document_id, envelope, kind, code)
    found, last = await context.ledger.read(exchange_log.query, wanted, cursor, limit)
    await context.ledger.write(exchange_log.append, [_queried(auditor.id, wanted, len(found))])
    body = {"entries": [_shown(row) for row in found], "next": "" if last is None else str(last)}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": rfc3339(row["at"]),
        "kind": row["kind"],
        "actor": row["actor"],
        "agency": row["agency_code"],
        "envelope": row["envelope_id"],
        "delivery": row["delivery_id"],
        "document_id": row["document_id"],
        "code": row["code"],
        "detail": row["detail"],
    }


def _queried(actor: str, wanted: LogQuery, count: int) -> Entry:
    filters = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in (
            ("since", wanted.since),
            ("until", wanted.until),
            ("agency", wanted.agency),
            ("document_id", wanted.document_id),
            ("envelope_id", wanted.envelope_id),
            ("kind", wanted.kind),
            ("code", wanted.code),
        )
        if value is not None
    }
    return Entry(Event.LOG_QUERIED, clock.now(), actor=actor, detail={"filters": filters, "entries": count})

"""``/v1/audit``: entries of the exchange log, messages, and both as files; for auditors. Every query is an entry."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from hub import language
from hub.audit import sheets
from hub.clock import rfc3339
from hub.gateway.asking import Asked, queried
from hub.gateway.authentication import Auditor
from hub.gateway.context import gateway
from hub.ledger import exchange_log, exporting, question_entries, question_messages
from hub.ledger.exporting import Export
from hub.ledger.journey import Entry
from hub.ledger.question_messages import Message

router = APIRouter(tags=["audit"])

NOT_KEPT = {"Cache-Control": "no-store"}
OF_PAGE = "`next` of the page before"
Order = Annotated[
    Literal["commit", "newest"], Query(description="`commit`: a feed that misses nothing; `newest`: newest first")
]


@router.get("/v1/audit/entries", summary="Entries of the exchange log; a page may be short with `more` behind it")
async def entries(
    request: Request,
    auditor: Auditor,
    asked: Asked,
    order: Order = "commit",
    after: Annotated[str | None, Query(max_length=64, description=OF_PAGE)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """In commit order the caller's own reading of the log is left out, unless ``kind`` asks for it: a page that is
    read would otherwise make the next one."""
    ledger = gateway(request).ledger
    found = await ledger.read(
        question_entries.page, asked, order=order, after=after or "", limit=limit, asker=auditor.id
    )
    await ledger.write(exchange_log.append, [queried(auditor.id, "entries", asked, len(found.rows))])
    body = {"entries": [shown(row) for row in found.rows], "next": found.next, "more": found.more}
    return JSONResponse(body, headers=NOT_KEPT)


@router.get(
    "/v1/audit/messages",
    summary="One row for each envelope and recipient, newest first; a page may be short with `next` behind it",
)
async def messages(
    request: Request,
    auditor: Auditor,
    asked: Asked,
    after: Annotated[str | None, Query(max_length=300, description=OF_PAGE)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    ledger = gateway(request).ledger
    found = await ledger.read(question_messages.page, asked, before=after or "", limit=limit)
    await ledger.write(exchange_log.append, [queried(auditor.id, "messages", asked, len(found.rows))])
    body = {"messages": [_message(row) for row in found.rows], "next": found.older, "more": bool(found.older)}
    return JSONResponse(body, headers=NOT_KEPT)


@router.get(
    "/v1/audit/export",
    summary="The whole of a list as a file, as it stands now",
    response_class=Response,
    responses={
        200: {"content": {one.partition(";")[0]: {} for one in sheets.MEDIA_TYPES.values()}},
        429: {"description": "export-limit: others are being written; after Retry-After"},
    },
)
async def export(
    request: Request,
    auditor: Auditor,
    asked: Asked,
    format: Annotated[Literal["ndjson", "csv", "xlsx"], Query()] = "ndjson",
    what: Annotated[Literal["entries", "messages"], Query()] = "entries",
    order: Order = "commit",
) -> Response:
    spoken = language.choose(request.headers.get("accept-language"))
    wanted = Export(what, format, asked, order, asker=auditor.id, language=spoken)
    ledger = gateway(request).ledger
    body = await exporting.started(ledger, wanted)
    await ledger.write(exchange_log.append, [wanted.entry()])
    headers = NOT_KEPT | {"Content-Disposition": f'attachment; filename="{wanted.file_name}"'}
    return StreamingResponse(body, media_type=sheets.MEDIA_TYPES[format], headers=headers)


def shown(row: Entry) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "kind": row.kind,
        "actor": row.actor,
        "agency": row.agency_code,
        "envelope": row.envelope_id,
        "delivery": row.delivery_id,
        "document_id": row.document_id,
        "code": row.code,
        "detail": row.detail,
    }


def _message(row: Message) -> dict[str, Any]:
    return {name: sheets.plain(value) for name, value in row.named().items()}

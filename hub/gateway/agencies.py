"""``/v1/agencies``: the directory, as a search and as a delta feed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from hub.gateway.authentication import Caller
from hub.gateway.conditional import is_known
from hub.gateway.context import gateway
from hub.ledger import agencies
from hub.ledger.agencies import DirectoryEntry
from hub.problems import Refused

router = APIRouter(tags=["directory"])


def _shown(entry: DirectoryEntry) -> dict[str, Any]:
    return {
        "code": entry.code,
        "name": entry.name,
        "parent": entry.parent,
        "level": entry.level,
        "aliases": list(entry.aliases),
        "active": entry.active,
        "channel": entry.channel,
        "inline_only": entry.inline_only,
    }


def _position(after: str | None) -> tuple[int, str] | None:
    if not after:
        return None
    revision, dash, code = after.partition("-")
    if not dash or not (revision.isascii() and revision.isdigit()) or len(revision) > 18:
        raise Refused("request-invalid", "not a cursor", "after")
    return int(revision), code


@router.get("/v1/agencies", summary="Directory; keep `next` and ask again for what changed since")
async def listing(
    request: Request,
    _caller: Caller,
    after: Annotated[str | None, Query(max_length=64)] = None,
    q: Annotated[str | None, Query(max_length=100, description="part of the name or code")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    position = _position(after)
    context = gateway(request)
    etag = f'"{await context.ledger.read(agencies.revision)}"'
    if is_known(request, etag):
        return Response(status_code=304, headers={"ETag": etag})
    found = await context.ledger.read(agencies.page, position, q, limit)
    last = f"{found[-1].revision}-{found[-1].code}" if found else (after or "")
    return JSONResponse({"agencies": [_shown(one) for one in found], "next": last}, headers={"ETag": etag})


@router.get("/v1/agencies/{code}", summary="One agency by code or alias")
async def one(request: Request, code: str, _caller: Caller) -> Response:
    found = await gateway(request).ledger.read(agencies.entry, code)
    if found is None:
        raise Refused("not-found", code)
    return JSONResponse(_shown(found))

"""``/v1/envelopes/{id}/content`` and ``/attachments/{content_id}``: the octets of what was accepted, untouched.

A document that came with attachments beside it is given back in that form, made again from the store: the same parts
under the same identifiers, in the manifest's order. ``Accept: application/xml`` gives the document alone. Once the
octets were purged, the answer is 410 with ``content-purged``, for ever.
"""

from __future__ import annotations

import base64
import io
from functools import partial
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from hub.envelope import related
from hub.gateway.authentication import Caller
from hub.gateway.conditional import is_known
from hub.gateway.context import Gateway, gateway
from hub.gateway.handed import Octets
from hub.gateway.plain import PlainRoute
from hub.ledger import envelopes, purged
from hub.ledger.envelopes import PartRecord
from hub.problems import Deferred, Refused
from hub.registry.model import System

router = APIRouter(tags=["envelopes"], route_class=PlainRoute)
# read at once below this; streamed from the file above it
AT_ONCE = 256 * 1024


class FileContent(FileResponse):
    """A file in pieces of half a MiB: every piece is a hop to a thread."""

    chunk_size = 512 * 1024


@router.get(
    "/v1/envelopes/{envelope_id}/content",
    summary="The original octets",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}, related.MEDIA_TYPE: {}}}},
)
async def content(request: Request, envelope_id: str, caller: Caller) -> Response:
    context = gateway(request)
    found = context.handed.octets(envelope_id, caller.id) or await _visible(context, envelope_id, caller)
    beside = found.parts > 0 and _wants_parts(request.headers.get("accept", ""))
    headers = {
        "ETag": f'"{found.sha256}-related"' if beside else f'"{found.sha256}"',
        "Content-Disposition": f'attachment; filename="{envelope_id}.{"mime" if beside else "edxml"}"',
        "Cache-Control": "private, immutable",
    }
    if found.parts:
        headers["Vary"] = "Accept"
    if not beside:
        headers["Repr-Digest"] = _digest(found.sha256)
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if beside:
        return await _with_parts(context, envelope_id, found, headers)
    path = _path(context, found.sha256, found.size)
    if found.size <= AT_ONCE:
        try:
            return Response(path.read_bytes(), headers=headers, media_type="application/xml")
        except OSError as error:
            raise Deferred("payload-unavailable", "the document's file cannot be read") from error
    return FileContent(path, headers=headers, media_type="application/xml")


async def _with_parts(context: Gateway, envelope_id: str, found: Octets, headers: dict[str, str]) -> Response:
    """The whole as one body. Its length is known; every part's head tells the digest of that part."""
    parts = await context.ledger.read(envelopes.parts_of, envelope_id)
    body = related.Related(
        found.sha256,
        _octets(context, found.sha256, found.size),
        tuple(
            related.OutgoingPart(one.content_id, _octets(context, one.sha256, one.size), one.content_type, one.sha256)
            for one in parts
        ),
    )
    headers["Content-Length"] = str(body.length)
    return StreamingResponse(iter(body), headers=headers, media_type=body.media_type)


@router.get(
    "/v1/envelopes/{envelope_id}/attachments/{content_id}",
    summary="One attachment that came beside the document",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, 206: {"description": "a range (RFC 9110 §14)"}},
)
async def attachment(request: Request, envelope_id: str, content_id: str, caller: Caller) -> Response:
    context = gateway(request)
    await _visible(context, envelope_id, caller)
    parts = await context.ledger.read(envelopes.parts_of, envelope_id)
    part = next((one for one in parts if one.content_id == content_id), None)
    if part is None:
        raise Refused("not-found", f"{content_id}: an attachment inside the document comes with its content")
    headers = _part_headers(part)
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileContent(_path(context, part.sha256, part.size), headers=headers)


def _part_headers(part: PartRecord) -> dict[str, str]:
    return {
        "Content-Type": related.simple_type(part.content_type),  # as sent: its charset is not known here
        "ETag": f'"{part.sha256}"',
        "Repr-Digest": _digest(part.sha256),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(part.name or part.content_id, safe='')}",
        "Cache-Control": "private, immutable",
        "X-Content-Type-Options": "nosniff",
    }


def _digest(sha256: str) -> str:
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"  # RFC 9530 §3


def _octets(context: Gateway, sha256: str, size: int) -> related.Octets:
    return related.Octets(size, partial(io.FileIO, _path(context, sha256, size)))


def _path(context: Gateway, sha256: str, size: int) -> Path:
    try:
        return context.payloads.path(sha256, size)
    except OSError as error:
        raise Deferred("payload-unavailable", "the document's file cannot be read") from error


async def _visible(context: Gateway, envelope_id: str, caller: System) -> Octets:
    found = await context.ledger.read(envelopes.visible_payload, envelope_id, None if caller.auditor else caller.id)
    if found is None:
        raise Refused("not-found", envelope_id)
    if found.gone:
        await context.ledger.read(purged.require_octets, envelope_id)
    return Octets(found.sha256, found.size, found.parts)


def _wants_parts(accept: str) -> bool:
    """Whether the whole is wanted rather than the document alone (RFC 9110 §12.5.1); so it is when nothing is said."""
    return not accept.strip() or _weight(accept, related.MEDIA_TYPE) >= _weight(accept, "application/xml")


def _weight(accept: str, media_type: str) -> float:
    """The quality that a field gives a media type: by its own name, else by its family, else by ``*/*``."""
    ranges = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    best = (-1, 0.0)
    for item in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in item.split(";"))
        if name in ranges:
            quality = next((one[2:].strip() for one in parameters if one.startswith("q=")), "1")
            try:
                best = max(best, (ranges.index(name), min(1.0, max(0.0, float(quality)))))
            except ValueError:
                continue  # a quality that is no number says nothing about this range
    return best[1]

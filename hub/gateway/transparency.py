"""``/v1/log``: the transparency log as others read it.

Checkpoints, hashes and keys are for everybody: from hashes nobody learns what was exchanged. Entries are for auditors,
a proof is for those who are a party to what it proves. Implements: C2SP tlog-tiles, tlog-checkpoint, tlog-proof.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from hub import clock
from hub.audit import Entry, Event, merkle, tiles
from hub.audit.sealer import Rewritten
from hub.audit.tiles import Place, TilePlace
from hub.gateway.authentication import Auditor, Caller
from hub.gateway.context import Gateway, gateway
from hub.ledger import Transaction, exchange_log, log_export, log_proofs, log_troubles, transparency
from hub.ledger.log_proofs import Inclusion
from hub.ledger.transparency import CheckpointRecord, Tree
from hub.problems import Deferred, Refused
from hub.registry.model import System

T = TypeVar("T")

router = APIRouter(tags=["log"])

_FOR_EVER = "max-age=31536000, immutable"
_OCTETS: dict[int | str, dict[str, Any]] = {
    200: {"content": {tiles.MEDIA_TYPE: {}}},
    404: {"description": "not-found: the log has no such tile yet"},
}
_Size = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get(
    "/v1/log/checkpoint", summary="The newest checkpoint, with its cosignatures", response_class=PlainTextResponse
)
async def checkpoint(request: Request) -> Response:
    note = await gateway(request).ledger.read(
        lambda transaction: log_proofs.cosigned(transaction, _newest(transaction))
    )
    return PlainTextResponse(note, headers={"Cache-Control": "public, max-age=2"})


@router.get("/v1/log/key", summary="The log's verifier keys, one a line", response_class=PlainTextResponse)
async def key(request: Request) -> Response:
    """To compare with what was given out another way: a key from the log itself proves nothing about the log."""
    keys = await log_keys(gateway(request))
    return PlainTextResponse("".join(f"{one}\n" for one in keys), headers={"Cache-Control": "public, max-age=300"})


@router.get("/v1/log/consistency", summary="The proof that the log of one size begins with that of another")
async def consistency(request: Request, old: Annotated[int, Query(ge=0, lt=2**63)], size: _Size = None) -> Response:
    """RFC 9162 §2.1.4; ``size`` is that of the newest checkpoint when absent."""

    def look(transaction: Transaction) -> dict[str, Any]:
        newest = _newest(transaction)
        wanted = newest.size if size is None else size
        if not old <= wanted <= newest.size:
            raise Refused("request-invalid", f"old ≤ size ≤ {newest.size}", "old" if old > wanted else "size")
        path = merkle.consistency_proof(old, wanted, Tree(transaction, newest.size))
        return {"old": old, "size": wanted, "proof": [base64.b64encode(one).decode() for one in path]}

    body = await _sound(gateway(request), look)
    # between two fixed sizes the proof never changes
    return JSONResponse(body, headers={"Cache-Control": f"public, {'max-age=2' if size is None else _FOR_EVER}"})


@router.get(
    "/v1/log/tile/entries/{place:path}",
    summary="Entries of the log as they were hashed, for auditors",
    response_class=Response,
    responses=_OCTETS,
)
async def bundle(
    request: Request, auditor: Auditor, place: Annotated[str, Path(description="N or N.p/W (C2SP tlog-tiles)")]
) -> Response:
    wanted = _parsed(Place.parse, place)
    context = gateway(request)
    first = wanted.number * merkle.WIDTH

    def look(transaction: Transaction) -> list[bytes]:
        if not TilePlace(0, wanted).within(_newest(transaction).size):
            raise Refused("not-found", place)
        found = log_proofs.entries(transaction, first, wanted.width)
        if found is None:
            raise Rewritten(f"an entry of {first} to {first + wanted.width - 1} is gone")
        return found

    found = await _sound(context, look)
    await _log(context, auditor, {"leaves": f"{first}…{first + wanted.width - 1}"}, len(found))
    return Response(
        tiles.bundle(found), media_type=tiles.MEDIA_TYPE, headers={"Cache-Control": f"private, {_FOR_EVER}"}
    )


@router.get("/v1/log/tile/{place:path}", summary="Hashes of the tree", response_class=Response, responses=_OCTETS)
async def tile(
    request: Request, place: Annotated[str, Path(description="L/N or L/N.p/W (C2SP tlog-tiles)")]
) -> Response:
    wanted = _parsed(TilePlace.parse, place)
    context = gateway(request)

    def look(transaction: Transaction) -> bytes:
        if not wanted.within(_newest(transaction).size):
            raise Refused("not-found", place)
        return b"".join(transparency.tile(transaction, wanted.level, wanted.place.number, wanted.place.width))

    octets = context.tiles.find(wanted)
    if octets is None:
        octets = await _sound(context, look)
        context.tiles.keep(wanted, octets)
    return Response(octets, media_type=tiles.MEDIA_TYPE, headers={"Cache-Control": f"public, {_FOR_EVER}"})


@router.get(
    "/v1/log/proof/{leaf_id}",
    summary="The proof that an entry or a receipt is in the log, for those who are a party to it",
    responses={404: {"description": "not-found: no such entry or receipt, or not the caller's to see"}},
)
async def proof(
    request: Request,
    leaf_id: str,
    caller: Caller,
    size: Annotated[
        int | None,
        Query(ge=1, lt=2**63, description="of a signed checkpoint; the first that covers the leaf when absent"),
    ] = None,
) -> Response:
    """503 ``log-pending`` with ``Retry-After`` while it is not sealed."""
    context = gateway(request)

    def look(transaction: Transaction) -> Inclusion:
        if not log_proofs.known(transaction, leaf_id, None if caller.auditor else caller.id):
            raise Refused("not-found", leaf_id)
        found = log_proofs.inclusions(transaction, [leaf_id]).get(leaf_id)
        if found is None:
            raise _pending(leaf_id)
        if size is not None:
            found = log_proofs.inclusion_at(transaction, leaf_id, size)
        if found is None:
            raise Refused("not-found", f"no checkpoint of size {size} that covers {leaf_id}", "size")
        return found

    found = await _sound(context, look)
    if caller.auditor:
        await _log(context, caller, {"id": leaf_id}, 1)
    body = {"id": leaf_id, "origin": context.settings.log_name, **found.shown()}
    return JSONResponse(body, headers={"Cache-Control": "private, no-cache"})


@router.get(
    "/v1/log/export",
    summary="Leaves of the log with all that proves them, for `lienthong verify-log`",
    response_class=StreamingResponse,
    responses={200: {"content": {log_export.MEDIA_TYPE: {}}}},
)
async def export(
    request: Request,
    auditor: Auditor,
    start: Annotated[int, Query(alias="from", ge=0, lt=2**63)] = 0,
    end: Annotated[int | None, Query(alias="to", ge=1, lt=2**63, description="exclusive; all when absent")] = None,
) -> Response:
    """``lienthong-log/1``. Ends short where a leaf is not what was sealed."""
    context = gateway(request)
    opened = await _sound(context, lambda transaction: log_export.opening(transaction, start, end))
    detail = {"what": "leaves", "from": opened.start, "to": opened.end}
    entry = Entry(Event.LOG_EXPORTED, clock.now(), actor=auditor.id, detail=detail)
    await context.ledger.write(exchange_log.append, [entry])
    name = f"log-{opened.start}-{opened.end}.ndjson"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_alarmed(context, opened), headers=headers, media_type=log_export.MEDIA_TYPE)


async def _alarmed(context: Gateway, opened: log_export.Written) -> AsyncIterator[bytes]:
    """The file; that it cannot be written is for all to see."""
    try:
        async for piece in log_export.lines(context.ledger, opened):
            yield piece
    except Rewritten as error:
        await context.ledger.write(log_troubles.note, "rewritten", "", str(error), clock.now())
        raise


async def log_keys(context: Gateway) -> list[str]:
    """Those that sign, and those that once did: old proofs are checked by them."""
    return await context.ledger.read(log_proofs.verifier_keys, context.settings.log_name)


def _newest(transaction: Transaction) -> CheckpointRecord:
    found = transparency.newest(transaction)
    if found is None:
        raise _pending("the log is empty")
    return found


def _pending(what: str) -> Deferred:
    return Deferred("log-pending", what, retry_after=2)


def _parsed(parse: Callable[[str], T], path: str) -> T:
    try:
        return parse(path)
    except ValueError as error:
        raise Refused("not-found", str(error), "path") from error


async def _sound(context: Gateway, look: Callable[[Transaction], T]) -> T:
    """What ``look`` finds. Raises ``Refused('log-rewritten')`` where the stored tree has holes."""
    try:
        return await context.ledger.read(look)
    except Rewritten as error:
        raise Refused("log-rewritten", str(error)) from error


async def _log(context: Gateway, auditor: System, filters: dict[str, str], count: int) -> None:
    """What auditors read of the log is itself an entry."""
    entry = Entry(Event.LOG_QUERIED, clock.now(), actor=auditor.id, detail={"filters": filters, "entries": count})
    await context.ledger.write(exchange_log.append, [entry])

"""A witness of other logs over HTTP (C2SP tlog-witness): part of a hub, or a program by itself.

Public both times: what authenticates a request is the signature of the log.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from hub.audit.witness import LONGEST_BODY, Witness
from hub.gateway import problem_details
from hub.gateway.body import blocks
from hub.gateway.characters import WithoutNul
from hub.gateway.patience import Patience
from hub.gateway.stopping import Stopping
from hub.gateway.trace import TraceContext
from hub.problems import Refused

SIZE = "text/x.tlog.size"
# of the plain program
HEAD_SECONDS, PAUSE_SECONDS, BYTES_PER_SECOND, MOST_REQUESTS = 10.0, 10.0, 1024, 256
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "an old size line, consistency proof lines, an empty line, a signed checkpoint",
        "content": _TEXT,
    }
}


def router(prefix: str) -> APIRouter:
    """The routes below ``prefix``; the witness is ``app.state.witness``, or None where nothing is witnessed."""
    made = APIRouter(prefix=prefix, tags=["witness"])
    made.add_api_route(
        "/add-checkpoint",
        add_checkpoint,
        methods=["POST"],
        summary="Cosign a checkpoint of a watched log, if it continues the last one (C2SP tlog-witness)",
        openapi_extra=_BODY,
        response_class=PlainTextResponse,
        responses={
            200: {"description": "signature lines (C2SP tlog-cosignature v1)", "content": _TEXT},
            400: {"description": "checkpoint-malformed"},
            403: {"description": "checkpoint-unsigned: no known key of the log signed it"},
            404: {"description": "checkpoint-log-unknown, or not-found: this hub watches no logs"},
            409: {"description": f"the size of the last cosigned checkpoint, as {SIZE}"},
            422: {"description": "checkpoint-inconsistent: the proof does not verify"},
        },
    )
    made.add_api_route(
        "/key",
        key,
        methods=["GET"],
        summary="The verifier keys of this witness, one a line (C2SP signed-note)",
        response_class=PlainTextResponse,
        responses={
            200: {"description": "verifier keys", "content": _TEXT},
            404: {"description": "not-found: this hub watches no logs"},
        },
    )
    return made


def _witness(request: Request) -> Witness:
    found: Witness | None = request.app.state.witness
    if found is None:
        raise Refused("not-found", "this hub watches no logs")
    return found


async def add_checkpoint(request: Request) -> Response:
    found = _witness(request)
    body = b"".join([block async for block in blocks(request, LONGEST_BODY)])
    answer = await found.add_checkpoint(body)
    if answer.conflict:
        # as it stands: as a media type it would get a charset
        return Response(answer.text, 409, headers={"Content-Type": SIZE})
    return PlainTextResponse(answer.text)


async def key(request: Request) -> Response:
    return PlainTextResponse("".join(f"{one.text}\n" for one in _witness(request).keys))


def application(witness: Witness) -> FastAPI:
    """The application of the plain program."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.witness = witness
    app.include_router(router(""))
    problem_details.install(app)
    for middleware in (WithoutNul, Stopping, TraceContext):
        app.add_middleware(middleware)
    app.add_middleware(Patience, PAUSE_SECONDS, BYTES_PER_SECOND, MOST_REQUESTS)
    return app

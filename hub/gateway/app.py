"""The application: routes, problem details, trace context, OpenAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from hub import __version__
from hub.gateway import (
    agencies,
    audit,
    capabilities,
    chases,
    completeness,
    content,
    deliveries,
    description,
    docs,
    envelopes,
    evidence,
    inbox,
    incidents,
    oauth2,
    operations,
    problem_details,
    profiles,
    push,
    questions,
    receipts,
    rehearsals,
    statuses,
    transparency,
    verification,
    witness,
)
from hub.gateway.characters import WithoutNul
from hub.gateway.context import Gateway
from hub.gateway.patience import Patience
from hub.gateway.stopping import Stopping
from hub.gateway.trace import TraceContext

# one after the other is asked whether a path is its own: first those that every letter passes
ROUTERS = (
    envelopes.router,
    content.router,
    inbox.router,
    receipts.router,
    deliveries.router,
    oauth2.router,
    verification.router,
    evidence.router,
    chases.router,
    statuses.router,
    incidents.router,
    rehearsals.router,
    push.router,
    agencies.router,
    audit.router,
    completeness.router,
    questions.router,
    transparency.router,
    capabilities.router,
    profiles.router,
    witness.router("/v1/witness"),
    operations.router,
)

Application = FastAPI
PageForPeople = Callable[[Request, str], Response]


def create(context: Gateway, pages: Sequence[APIRouter] = (), page_for_people: PageForPeople | None = None) -> FastAPI:
    """The HTTP application over a built hub, with the routers of the people's pages.

    ``page_for_people(request, code)`` answers a browser at an address that nothing answers to.
    """
    app = FastAPI(
        title="Liên Thông",
        version=__version__,
        description="Exchange of signed official documents between government agencies.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.gateway = context
    app.state.witness = context.witness
    for router in (*ROUTERS, *pages):
        app.include_router(router)
    docs.install(app)
    problem_details.install(app)
    description.install(app)
    if page_for_people is not None:
        app.add_exception_handler(HTTPException, _for_people_or_systems(page_for_people))
    settings = context.settings
    app.add_middleware(WithoutNul)
    app.add_middleware(Stopping)
    app.add_middleware(TraceContext)
    app.add_middleware(Patience, settings.body_pause_seconds, settings.body_bytes_per_second, settings.max_uploads)
    return app


def _for_people_or_systems(page: PageForPeople) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        for_systems = request.url.path.startswith(("/v1/", "/oauth2/"))
        if for_systems or "text/html" not in request.headers.get("accept", ""):
            return await problem_details.on_http_exception(request, error)
        found = isinstance(error, HTTPException) and error.status_code != 404
        return page(request, "request-invalid" if found else "not-found")

    return answer


def _operation_id(route: APIRoute) -> str:
    """Stable names for generated clients: ``<resource>_<function>``."""
    return f"{route.tags[0] if route.tags else 'page'}_{route.name}"

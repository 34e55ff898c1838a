"""The application: routes, problem details, trace context, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from hub import __version__
from hub.gateway import (
    agencies,
    audit,
    capabilities,
    docs,
    envelopes,
    inbox,
    oauth2,
    operations,
    problem_details,
    receipts,
    statuses,
)
from hub.gateway.context import Gateway
from hub.gateway.trace import TraceContext

ROUTERS = (
    oauth2.router,
    envelopes.router,
    inbox.router,
    statuses.router,
    receipts.router,
    agencies.router,
    audit.router,
    capabilities.router,
    operations.router,
)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create(context: Gateway, lifespan: Lifespan | None = None) -> FastAPI:
    """The HTTP application over a built hub. Wiring adds the people's pages."""
    app = FastAPI(
        title="Liên Thông",
        version=__version__,
        description="Exchange of signed official documents between government agencies.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.gateway = context
    for router in ROUTERS:
        app.include_router(router)
    docs.install(app)
    problem_details.install(app)
    app.add_middleware(TraceContext)
    return app


def _operation_id(route: APIRoute) -> str:
    """Stable names for generated clients: ``<resource>_<function>``."""
    return f"{route.tags[0] if route.tags else 'page'}_{route.name}"

"""Nobody reaches anything under ``/v1`` without saying who he is, and nothing is read from him before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hub import wiring
from hub.gateway.authentication import calling_auditor, calling_system
from hub.settings import Settings

# what a document system must be able to read before it has credentials
PUBLIC = {
    "/v1/capabilities",
    # and what witnesses and courts need, who never have any
    "/v1/log/checkpoint",
    "/v1/log/consistency",
    "/v1/log/key",
    "/v1/log/tile/{place:path}",
    # a witness: logs sign what they send
    "/v1/witness/add-checkpoint",
    "/v1/witness/key",
}
# for those who run the hub, for those who get a token, for those who verify, and for people (who log in by a form)
OUTSIDE_V1 = {
    "/oauth2/token",
    "/.well-known/jwks.json",
    "/.well-known/lienthong-evidence.pem",
    "/livez",
    "/readyz",
    "/metrics",
}
AUDITORS_ONLY = {
    "/v1/audit/entries",
    "/v1/audit/messages",
    "/v1/audit/export",
    "/v1/audit/completeness",
    "/v1/audit/questions",
    "/v1/audit/questions/{question_id}",
    "/v1/log/tile/entries/{place:path}",
    "/v1/log/export",
}


def api_routes(routes: Iterable[object]) -> Iterator[APIRoute]:
    """Every route, those of included routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(router := getattr(route, "original_router", None), APIRouter):
            yield from api_routes(router.routes)


def depends_on(dependant: Dependant) -> set[object]:
    found: set[object] = {dependant.call}
    for one in dependant.dependencies:
        found |= depends_on(one)
    return found


def unguarded(routes: Iterable[APIRoute], allowed: set[str]) -> list[str]:
    """Paths under ``/v1`` that any caller reaches."""
    return [
        route.path
        for route in routes
        if route.path.startswith("/v1/")
        and route.path not in allowed
        and calling_system not in depends_on(route.dependant)
    ]


def reading_first(routes: Iterable[APIRoute]) -> list[str]:
    """Paths whose body the framework reads whole before it asks any dependency, the caller's identity included."""
    return [route.path for route in routes if route.body_field is not None]


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    hub = wiring.build(Settings(data_dir=Path(tmp_path_factory.mktemp("routes"))))
    yield hub.application
    hub.ledger.close()


def test_every_route_under_v1_asks_who_is_calling(application: FastAPI) -> None:
    routes = list(api_routes(application.routes))
    assert len([route for route in routes if route.path.startswith("/v1/")]) >= 15
    assert unguarded(routes, PUBLIC) == []


def test_the_public_list_holds_nothing_that_does_not_exist(application: FastAPI) -> None:
    paths = {route.path for route in api_routes(application.routes)}
    assert paths >= PUBLIC | OUTSIDE_V1 | AUDITORS_ONLY


def test_the_exchange_log_asks_for_an_auditor(application: FastAPI) -> None:
    guarded = {route.path for route in api_routes(application.routes) if calling_auditor in depends_on(route.dependant)}
    assert guarded == AUDITORS_ONLY
    audit = {route.path for route in api_routes(application.routes) if route.path.startswith("/v1/audit")}
    assert audit <= AUDITORS_ONLY


def test_no_route_lets_the_framework_read_a_body(application: FastAPI) -> None:
    assert reading_first(api_routes(application.routes)) == []


def test_what_is_outside_v1_is_a_page_or_on_the_list(application: FastAPI) -> None:
    described = {
        route.path
        for route in api_routes(application.routes)
        if route.include_in_schema and not route.path.startswith("/v1/")
    }
    assert described == OUTSIDE_V1


def test_the_rules_bite() -> None:
    router = APIRouter()

    @router.post("/v1/open")
    async def opened(body: dict[str, str]) -> None:
        del body

    app = FastAPI()
    app.include_router(router)
    assert unguarded(api_routes(app.routes), set()) == ["/v1/open"]
    assert unguarded(api_routes(app.routes), {"/v1/open"}) == []
    assert reading_first(api_routes(app.routes)) == ["/v1/open"]

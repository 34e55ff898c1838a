"""Which routes go the short way, and that nobody gets in by it who would not by the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.testclient import TestClient

from hub import wiring
from hub.gateway import content, inbox
from hub.gateway.authentication import Auditor, Caller
from hub.gateway.plain import PlainRoute, is_plain
from hub.ledger import migration
from hub.settings import Settings

SHORT = ("/content", ":settle", ":release", ":extend", ":refuse", "/attachments/{content_id}")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    hub = wiring.build(Settings(data_dir=Path(tmp_path_factory.mktemp("plain"))))
    migration.upgrade(hub.ledger)
    yield hub.application
    hub.ledger.close()


def plain_routes() -> list[PlainRoute]:
    routes = [*content.router.routes, *inbox.router.routes]
    return [route for route in routes if isinstance(route, PlainRoute) and is_plain(route.dependant)]


def test_what_is_called_for_every_document_goes_the_short_way() -> None:
    paths = [route.path for route in plain_routes()]
    assert all(any(path.endswith(end) for path in paths) for end in SHORT)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer none.of.ours"}, {"Authorization": "Basic YTpi"}])
def test_who_does_not_say_who_it_is_gets_nothing_by_the_short_way(application: FastAPI, header: dict[str, str]) -> None:
    client = TestClient(application)
    for route in plain_routes():
        for method in route.methods:
            answer = client.request(method, route.path, headers=header)
            assert answer.status_code == 401, route.path
            assert answer.headers["content-type"] == "application/problem+json"


async def _with_query(request: Request, caller: Caller, limit: Annotated[int, Query()] = 1) -> Response: ...
async def _with_number(request: Request, number: int, caller: Caller) -> Response: ...
async def _for_auditors(request: Request, caller: Auditor) -> Response: ...
async def _for_anybody(request: Request) -> Response: ...


@pytest.mark.parametrize(
    ("path", "work"),
    [("/a", _with_query), ("/a/{number}", _with_number), ("/a", _for_auditors), ("/a", _for_anybody)],
)
def test_a_route_that_asks_for_more_goes_the_ordinary_way(path: str, work: object) -> None:
    router = APIRouter(route_class=PlainRoute)
    router.get(path, response_class=Response)(work)
    [route] = router.routes
    assert isinstance(route, PlainRoute)
    assert not is_plain(route.dependant)

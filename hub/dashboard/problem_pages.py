"""The catalogue of problems for people: the addresses that problem documents name as their type (RFC 9457 §3.1.1)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard.context import DashboardContext
from hub.dashboard.desk import desk_of
from hub.dashboard.router import route_class
from hub.problems import CATALOGUE, Refused


def problem_pages(context: DashboardContext) -> APIRouter:
    """``/problems`` and ``/problems/{code}``: public, in the reader's language; to be included without a prefix."""
    desk = desk_of(context)
    router = APIRouter(route_class=route_class(desk), include_in_schema=False)

    async def index(request: Request) -> Response:
        return desk.page(request, "problems/index.html", {"problems": list(CATALOGUE.values())})

    async def one(request: Request) -> Response:
        problem = CATALOGUE.get(request.path_params["code"])
        if problem is None:
            raise Refused("not-found")
        return desk.page(request, "problems/one.html", {"problem": problem})

    router.add_api_route("/problems", index, methods=["GET"])
    router.add_api_route("/problems/{code}", one, methods=["GET"])
    return router

"""The pages as one router, and what surrounds each of them: language, origin, errors as pages, security headers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import language
from hub.dashboard.access import Right, right_of
from hub.dashboard.assets import add_assets
from hub.dashboard.context import DashboardContext
from hub.dashboard.desk import Desk, LoginRequired, desk_of, login_address
from hub.dashboard.headers import harden, require_same_origin
from hub.dashboard.preferences import preferences_of
from hub.dashboard.screens import add_screens
from hub.problems import Deferred, HubError

log = logging.getLogger("hub.dashboard")

Answer = Callable[[Request], Coroutine[Any, Any, Response]]
_CODE_OF_STATUS = {401: "authentication-required", 403: "forbidden", 404: "not-found", 405: "method-not-allowed"}


def pages(context: DashboardContext) -> APIRouter:
    """All pages for people, to be included without a prefix. They are not part of the systems' contract."""
    desk = desk_of(context)
    router = APIRouter(route_class=route_class(desk), include_in_schema=False)
    add_assets(router)
    add_screens(router, desk)
    return router


def error_page(context: DashboardContext, request: Request, code: str, detail: str = "") -> Response:
    """A page for a person about a problem outside the pages (an address that nothing answers to, say)."""
    token = language.current.set(preferences_of(request).language)
    try:
        return harden(desk_of(context).problem(request, code, detail), secure=context.secure)
    finally:
        language.current.reset(token)


def route_class(desk: Desk) -> type[APIRoute]:
    class PageRoute(APIRoute):
        def get_route_handler(self) -> Answer:
            return _around(super().get_route_handler(), desk, right_of(self.methods or (), self.path))

    return PageRoute


def _around(answer: Answer, desk: Desk, right: Right) -> Answer:
    async def page(request: Request) -> Response:
        token = language.current.set(preferences_of(request).language)
        try:
            return harden(await _answered(answer, desk, right, request), secure=desk.context.secure)
        finally:
            language.current.reset(token)

    return page


async def _answered(answer: Answer, desk: Desk, right: Right, request: Request) -> Response:
    try:
        require_same_origin(request)
        await desk.admit(request, right)
        return await answer(request)
    except LoginRequired as wanted:
        return RedirectResponse(login_address(wanted.address), 303)
    except HubError as error:
        response = desk.problem(request, error.code)
        if isinstance(error, Deferred):
            log.warning("page deferred: %s", error)
            response.headers["Retry-After"] = str(error.retry_after)
        return response
    except HTTPException as error:
        return desk.problem(request, _CODE_OF_STATUS.get(error.status_code, "request-invalid"))
    except Exception:
        # the reader gets a page, the operator the whole story
        log.exception("page failed: %s %s", request.method, request.url.path)
        return desk.problem(request, "hub-internal")

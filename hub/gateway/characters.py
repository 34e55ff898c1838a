"""NUL never reaches the rooms: PostgreSQL has no text with it, and no identifier or search contains it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import StringConstraints
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.gateway.problem_details import problem
from hub.problems import Finding

Line = Annotated[str, StringConstraints(pattern="^[^\u0000]*$")]


class WithoutNul:
    """ASGI middleware: refuses a path or query with NUL in it (``request-invalid``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            where = "path" if "\0" in scope["path"] else "query"
            answer = problem(Request(scope), [Finding("request-invalid", "a NUL character", where)])
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

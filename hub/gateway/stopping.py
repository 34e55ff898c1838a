"""A hub that is stopped while it still works on a request asks the caller to repeat, instead of answering 500."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.gateway.problem_details import problem
from hub.problems import Finding

RETRY_AFTER = "10"


class Stopping:
    """ASGI middleware: 503 and Retry-After for a request that the server ends before its answer began.

    Repeating is safe: what was accepted meanwhile gets its first acknowledgement.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            if begun:
                raise
            answer = problem(Request(scope), [Finding("hub-stopping")], headers={"Retry-After": RETRY_AFTER})
            await answer(scope, receive, send)

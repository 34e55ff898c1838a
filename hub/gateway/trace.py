"""W3C Trace Context: adopted when a caller sends one, made when not, given back on every answer."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import clock

# identifiers of zeros alone are invalid (Trace Context §3.2.2.3, §3.2.2.4)
_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class TraceContext:
    """ASGI middleware; the value stands in ``scope["traceparent"]``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
        parent = given if _FORM.fullmatch(given) else _new()
        scope["traceparent"] = parent

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"traceparent", parent.encode())]
            await send(message)

        await self._app(scope, receive, answer)


def _new() -> str:
    trace, parent = (clock.new_id().replace("-", "") for _ in range(2))
    return f"00-{trace}-{parent[16:]}-01"


def traceparent(request: Request) -> str:
    return str(request.scope.get("traceparent", ""))


def trace_id(request: Request) -> str:
    """The 32 hexadecimal digits by which an operator finds this request in the logs."""
    return traceparent(request)[3:35]

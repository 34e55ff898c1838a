"""Slow bodies: how long this hub waits for the rest of a request, and how it ends one that it does not read.

Only the time spent waiting for the client counts, not what the hub itself takes. A body may pause, but not for longer
than ``pause`` seconds, nor come at less than ``rate`` octets a second once that is used up. Who is answered before the
whole body was read is told ``Connection: close``, and what still comes is thrown away for some seconds: a connection
that is closed on unread octets is reset, and the answer with it (RFC 9112 §9.6).
"""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import clock
from hub.gateway.metrics import UPLOADS
from hub.problems import Deferred, Refused

log = structlog.get_logger()
LINGER_SECONDS = 5.0
# of a body that has arrived, but that nobody asked for: thrown away at once, so that the connection can stay
UNASKED = 256 * 1024
# from here on a body counts as an upload of its system
LARGE = 256 * 1024
# where in the scope authentication notes who is calling
SYSTEM = "lienthong.system"


class Patience:
    """ASGI middleware; a body that is too slow raises ``Refused("request-timeout")`` where it is read.

    A large one that comes while ``most`` of the same system are coming already raises ``Deferred("upload-limit")``.
    """

    def __init__(self, app: ASGIApp, pause: float, rate: float, most: int) -> None:
        self._app = app
        self._pause = pause
        self._rate = rate
        self._most = most
        self._coming: Counter[str] = Counter()  # large bodies, by system

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        upload = _Upload(scope, receive, send, self._pause, self._rate)
        system = ""

        async def received() -> Message:
            nonlocal system
            message = await upload.receive()
            if not system and upload.octets > LARGE:
                system = self._enter(scope)
            return message

        try:
            await self._app(scope, received, upload.send)
        finally:
            if system:
                self._leave(system)

    def _enter(self, scope: Scope) -> str:
        system = str(scope.get(SYSTEM, "nobody"))
        if self._coming[system] >= self._most:
            raise Deferred("upload-limit", f"{self._most} at once", retry_after=10)
        self._coming[system] += 1
        UPLOADS.inc()
        return system

    def _leave(self, system: str) -> None:
        self._coming[system] -= 1
        if not self._coming[system]:
            del self._coming[system]
        UPLOADS.dec()


def _announces_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


class _Upload:
    """The body of one request, and the answer to it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, pause: float, rate: float) -> None:
        self._receive = receive
        self._send = send
        self._pause = pause
        self._rate = rate
        self._waited = 0.0
        self.octets = 0
        self._complete = False
        # 100 Continue goes out when the body is first asked for: not after an answer
        self._expects = any(name == b"expect" for name, _ in scope["headers"])
        self._lingers = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        since = clock.monotonic()
        left = self._pause + self.octets / self._rate - self._waited
        try:
            async with asyncio.timeout(min(self._pause, left)):
                return await self._take()
        except TimeoutError as error:
            waited = self._waited + clock.monotonic() - since
            raise Refused("request-timeout", f"{self.octets} octets in {waited:.0f} s") from error
        finally:
            self._waited += clock.monotonic() - since

    async def _take(self) -> Message:
        message = await self._receive()
        self.octets += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self._complete:
                await self._discard_what_has_come()
            if not self._complete:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
                self._lingers = any(name == b"content-length" for name, _ in message["headers"])
        elif self._lingers and not message.get("more_body", False):
            # by its Content-Length the client sees that this is all; the connection is ours until the empty rest
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _discard_what_has_come(self) -> None:
        begun = self.octets
        if self._expects and not begun:
            return
        try:
            async with asyncio.timeout(0):
                while not self._complete and self.octets - begun < UNASKED:
                    await self._take()
        except TimeoutError:
            log.debug("request.unread", octets=self.octets)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._complete:
                    await self._take()
        except TimeoutError:
            log.debug("request.cut", octets=self.octets)

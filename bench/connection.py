"""One HTTP/1.1 connection for one request at a time: as little processor time as a driver can take.

It shares two cores with what it measures, so a general client would measure itself. It speaks only what the hub
answers: ``Content-Length`` bodies, keep-alive.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PATIENCE_SECONDS = 30.0


class AnswerUnusable(Exception):
    """The hub closed the connection, or answered what no operation of the bench expects."""


class Connection(asyncio.Protocol):
    """``request`` from one task at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._pieces: list[bytes] = []
        self._received = 0
        self._expected = -1
        self._status = 0

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(AnswerUnusable(f"connection lost: {error}"))

    def data_received(self, data: bytes) -> None:
        if self._expected < 0:
            whole = b"".join((*self._pieces, data))
            end = whole.find(b"\r\n\r\n")
            if end < 0:
                self._pieces = [whole]
                return
            self._read_head(whole[:end])
            data = whole[end + 4 :]
            self._pieces = []
        self._pieces.append(data)
        self._received += len(data)
        if self._received >= self._expected:
            self._finish()

    def _read_head(self, head: bytes) -> None:
        self._status = int(head[9:12])
        length = _LENGTH.search(head)
        self._expected = int(length.group(1)) if length else 0

    def _finish(self) -> None:
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._received, self._expected = [], 0, -1
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._status, body))

    async def request(self, method: str, path: str, headers: bytes, body: Sequence[bytes] = ()) -> tuple[int, bytes]:
        """Status and body. ``headers`` are whole lines. Raises ``AnswerUnusable``, ``TimeoutError``."""
        assert self._transport is not None
        length = sum(map(len, body))
        head = b"%s %s HTTP/1.1\r\nhost: bench\r\n%scontent-length: %d\r\n\r\n" % (
            method.encode(),
            path.encode(),
            headers,
            length,
        )
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            raise AnswerUnusable("the connection is closed")
        self._transport.writelines([head, *body])
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._answer

    async def expect(self, statuses: tuple[int, ...], *request: Any) -> bytes:
        """``request``, and its body if the status is one of these. Raises ``AnswerUnusable`` with the problem."""
        status, body = await self.request(*request)
        if status not in statuses:
            raise AnswerUnusable(f"{request[0]} {request[1]}: {status} {body[:500]!r}")
        return body

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def token(connection: Connection, client_id: str, secret: str) -> bytes:
    """The header line that authenticates a system."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    headers = b"content-type: application/x-www-form-urlencoded\r\n"
    body = await connection.expect((200,), "POST", "/oauth2/token", headers, [urlencode(form).encode()])
    return b"authorization: Bearer %s\r\n" % json.loads(body)["access_token"].encode()

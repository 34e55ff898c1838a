"""One connection of a client: heads that are slow, endless or no HTTP, which uvicorn alone waits for without end.

Implements: RFC 6585 §5 (431), RFC 9110 §15.5.9 (408).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hub.gateway.metrics import REFUSALS
from hub.problems import explain

LONGEST_HEAD = 64 * 1024
MOST_HEADERS = 200
LINGER_SECONDS = 2.0


class HeadTooLarge(Exception):
    """Raised inside the parser, which then gives up."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with a time and a size for heads; what it refuses is a problem document as everywhere."""

    head_seconds = 15.0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._overdue: asyncio.TimerHandle | None = None
        self._head_began = False
        self._head_octets = 0
        self._wrong = "request-malformed"
        self._ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        super().data_received(data)
        between_requests = self.cycle is None or self.cycle.response_complete
        if between_requests and not (self._ended or self.transport.is_closing()):
            if self._overdue is None:
                self._await_head()
            self._head_octets += len(data)
            if self._head_octets > LONGEST_HEAD:
                self._refuse("request-head-too-large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_began = True

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._wrong = "request-head-too-large"
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed. Behind a whole request that is still being answered, it ends the connection later."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and (cycle.response_started or not cycle.more_body):
            cycle.keep_alive = False
            self.flow.pause_reading()
        else:
            self._refuse(self._wrong)

    def _await_head(self) -> None:
        self._overdue = self.loop.call_later(self.head_seconds, self._head_late)

    def _head_came(self) -> None:
        self._head_began = False
        self._head_octets = 0
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _head_late(self) -> None:
        """A client that began is told why; one that only holds the connection open is not spoken to."""
        self._overdue = None
        if self._head_began:
            self._refuse("request-timeout")
        else:
            self.transport.close()

    def _refuse(self, code: str) -> None:
        self._head_came()
        if self.transport.is_closing():
            return
        row = explain(code)
        REFUSALS.labels(code).inc()
        body = {
            "type": f"/problems/{code}",
            "title": row.title("vi"),
            "status": row.status,
            "code": code,
            "retryable": row.retryable,
            "remedy": row.remedy("vi"),
        }
        content = json.dumps(body, ensure_ascii=False).encode()
        head = (
            f"content-type: application/problem+json\r\ncontent-length: {len(content)}\r\n"
            "content-language: vi\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[row.status] + head.encode() + content)
        self._end()

    def _end(self) -> None:
        """Close once the client has had time to read the answer: closing on unread octets resets it (RFC 9112 §9.6)."""
        self._ended = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def patient_for(seconds: float) -> type[Connection]:
    """The protocol that waits so long for a head."""
    return type("PatientConnection", (Connection,), {"head_seconds": seconds})

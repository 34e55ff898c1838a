"""A receiver of pushes: a real HTTP or HTTPS server on a port of its own, told how to misbehave."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Push:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> str:
        return self.headers["lienthong-event"]


@dataclass(frozen=True, slots=True)
class Say:
    """How to answer. ``hang``: seconds before anything is said; ``drip``: seconds between octets of the answer's body;
    ``broken``: the connection is closed after so many octets of the request's body, with no answer; ``early``: the
    answer goes out after so many octets of it, and the connection is closed. ``head_drip``: as ``drip``, for the lines
    of the answer's head. ``raw``: these octets instead of an answer."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drip: float = 0.0
    broken: int | None = None
    early: int | None = None
    raw: bytes = b""
    head_drip: float = 0.0


class Receiver:
    """``script`` is used up answer by answer; then ``otherwise`` is given. ``pushes``: whole requests, in order."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self.script: list[Say] = []
        self.otherwise: Callable[[Push], Say] = lambda _push: Say()
        self.pushes: list[Push] = []
        self.connections = 0
        self._port = 0
        self._tls = (certificate, key)
        self._let_go = threading.Event()
        self.open()

    @property
    def scheme(self) -> str:
        return "http" if self._tls[0] is None else "https"

    @property
    def port(self) -> int:
        return self._port

    def url(self, host: str = "127.0.0.1", path: str = "/in") -> str:
        return f"{self.scheme}://{host}:{self._port}{path}"

    def held(self) -> dict[str, str]:
        """Digest of the octets of every document taken whole, by delivery."""
        return {push.id: hashlib.sha256(push.body).hexdigest() for push in self.pushes}

    def open(self) -> None:
        receiver = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def get_request(self) -> tuple[socket.socket, object]:
                receiver.connections += 1
                accepted, address = super().get_request()
                receiver._accepted.append(accepted)
                return accepted, address

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients hang up here by intention."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Tests look at ``pushes`` instead."""

        self._let_go.clear()
        self._accepted: list[socket.socket] = []
        self._server = Server(("127.0.0.1", self._port), Handler)
        certificate, key = self._tls
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            # handshakes in the connections' own threads, or one bad client would hold up all
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        for connection in self._accepted:
            with suppress(OSError):  # its thread was faster
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        say = self.script.pop(0) if self.script else None
        partly = None if say is None else say.broken if say.broken is not None else say.early
        body = handler.rfile.read(length if partly is None else min(partly, length))
        push = Push(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        if partly is None:
            self.pushes.append(push)
        self._say(handler, say or self.otherwise(push), partly is not None)

    def _say(self, handler: BaseHTTPRequestHandler, say: Say, ended: bool) -> None:
        if say.hang:
            self._let_go.wait(say.hang)
        if ended:
            handler.close_connection = True
        if say.broken is not None:
            return
        if say.raw:
            handler.wfile.write(say.raw)
            handler.close_connection = True
            return
        handler.send_response(say.status)
        for name, value in {"Content-Length": str(len(say.body)), **say.headers}.items():
            handler.send_header(name, value)
            if say.head_drip:
                handler.flush_headers()
                time.sleep(say.head_drip)
        handler.end_headers()
        for octet in say.body if say.drip else ():
            handler.wfile.write(bytes([octet]))
            handler.wfile.flush()
            time.sleep(say.drip)
        if not say.drip and say.status not in (204, 304):
            handler.wfile.write(say.body)

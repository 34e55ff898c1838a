"""A small HTTP server that plays an authority: lists, OCSP answers, and every way of failing to give them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers; ``pause`` seconds before it begins, ``drip`` between the octets."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    drip: float = 0.0


Answerer = Callable[[bytes], Reply]


class Issuer:
    """Serves what ``paths`` says on a loopback port; ``asked`` counts the requests of each path."""

    def __init__(self) -> None:
        self.paths: dict[str, Answerer] = {}
        self.asked: dict[str, int] = {}
        self._lock = threading.Lock()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer._reply(self, b"")

            def do_POST(self) -> None:
                issuer._reply(self, self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def log_message(self, format: str, *args: object) -> None:
                """Tests look at ``asked`` instead."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path: str, answerer: Answerer | bytes) -> str:
        """Answer requests for ``path`` so from now on; its URL."""
        self.paths[path] = answerer if callable(answerer) else lambda _body: Reply(answerer)
        return self.url + path

    def _reply(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._lock:
            self.asked[handler.path] = self.asked.get(handler.path, 0) + 1
        answerer = self.paths.get(handler.path)
        reply = Reply(status=404) if answerer is None else answerer(body)
        time.sleep(reply.pause)
        try:
            handler.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            if not reply.drip:
                handler.wfile.write(reply.body)
            else:
                for octet in reply.body:
                    handler.wfile.write(bytes([octet]))
                    time.sleep(reply.drip)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client had enough, as it should

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""A bare connection to a hub: what is written goes out as it is, what comes back is read as answers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hub.problems import CATALOGUE
from tests.world import Office, World

JSON = "application/problem+json"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == JSON, self
        document: dict[str, Any] = json.loads(self.content)
        assert document["status"] == self.status == CATALOGUE[document["code"]].status
        assert document["type"] == f"/problems/{document['code']}"
        assert document["title"]
        assert document["remedy"]
        return document


class Line:
    """A bare connection: what is written goes out, what comes is read as answers."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def write(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def end(self) -> None:
        """No more from this side."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer:
        status_line = self._file.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(status_line.split()[1]), headers, self._file.read(int(headers.get("content-length", "0"))))

    def is_closed(self) -> bool:
        """Whether the hub ends the connection without another word; waits for it."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def dribble(self, octet: bytes, every: float, seconds: float) -> None:
        """One piece after another until the hub has had enough."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.write(octet)
            except (BrokenPipeError, ConnectionResetError):
                return
            time.sleep(every)


@contextmanager
def line(world: World) -> Iterator[Line]:
    opened = Line(world.port)
    try:
        yield opened
    finally:
        opened.close()


def head(office: Office, *, path: str = "/v1/envelopes", kind: str = "application/xml", **fields: object) -> bytes:
    named = {
        "Host": "hub",
        "Authorization": f"Bearer {office.client.access_token()}",
        "Content-Type": kind,
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    ).encode()

"""A process of our own that looks into hostile files, and the socket to it: one question, one answer, in bounded time.

A question is a line of JSON and the octets, an answer is a line of JSON. Nothing that the hub knows is in the process:
no environment, no descriptors but its socket.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

WALL_SECONDS = 10.0
PIECE = 256 * 1024
AT_ONCE = 128 * 1024  # below this, reading and sending cost less than a thread
LONGEST_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom PDF signatures are checked against: DER. ``revision`` changes whenever any of it does."""

    revision: int
    certificates: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """``asked`` with ``op`` and whatever belongs to it; ``content`` opens its ``size`` octets."""

    size: int
    content: Callable[[], BinaryIO]
    asked: dict[str, Any]
    anchors: Anchors | None = None

    def line(self, cpu_seconds: float) -> bytes:
        more: dict[str, Any] = {"size": self.size, "cpu_seconds": cpu_seconds}
        if self.anchors is not None:
            for name, ders in (("anchors", self.anchors.certificates), ("lists", self.anchors.lists)):
                more[name] = [base64.b64encode(der).decode() for der in ders]
        return json.dumps(self.asked | more).encode() + b"\n"


class Process:
    """A process that runs ``module`` and the socket to it. Raises ``OSError`` when it cannot be started.

    It gets the socket as its standard input and ``largest``, how many octets it may keep in a file, as its argument.
    """

    def __init__(self, module: str, largest: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - modules of our own
                [sys.executable, "-I", "-m", module, str(largest)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},  # nothing that the hub knows is for a process that reads hostile files
            )
        self.pid = self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    async def ask(self, question: Question, cpu_seconds: float, wall_seconds: float = WALL_SECONDS) -> dict[str, Any]:
        """One question. Raises ``OSError`` (it ended or is late), ``ValueError`` (no JSON)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(wall_seconds):
            await self._send(loop, question, cpu_seconds)
            answer = b""
            while not answer.endswith(b"\n"):
                piece = await loop.sock_recv(self._socket, PIECE)
                answer += piece
                if not piece or len(answer) > LONGEST_ANSWER:
                    raise OSError("the process ended")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed

    async def _send(self, loop: asyncio.AbstractEventLoop, question: Question, cpu_seconds: float) -> None:
        line = question.line(cpu_seconds)
        with question.content() as octets:
            if question.size <= AT_ONCE:
                await loop.sock_sendall(self._socket, line + _exactly(octets, question.size))
                return
            await loop.sock_sendall(self._socket, line)
            for place in range(0, question.size, PIECE):
                piece = await asyncio.to_thread(_exactly, octets, min(PIECE, question.size - place))
                await loop.sock_sendall(self._socket, piece)

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def end(self) -> None:
        self.kill()
        self._socket.close()


def _exactly(octets: BinaryIO, size: int) -> bytes:
    piece = octets.read(size)
    if len(piece) != size:
        raise OSError("the attachment is shorter than it was")
    return piece

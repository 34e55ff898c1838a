"""Asking the worker processes about PDFs: started when first needed, ended when they do not answer, answers kept.

The same file goes out in many envelopes: answers are kept by SHA-256, and who asks while the same question is under way
waits for its answer. No thread is needed for a small file: that would cost more than asking.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import socket
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Literal

import structlog

from hub import clock

log = structlog.get_logger()

LARGEST_PDF = 64 * 1024 * 1024
CPU_SECONDS = 1.0
WALL_SECONDS = 10.0
KEPT = 8192
KEPT_FAILURE_SECONDS = 600.0  # a file that went over the limits is not tried again at once, but once the load is gone
PIECE = 256 * 1024
AT_ONCE = 128 * 1024  # below this, reading and sending cost less than a thread
LONGEST_ANSWER = 1024 * 1024

Key = tuple[Any, ...]
Outcome = Literal["read", "encrypted", "unreadable", "over-limits", "too-large"]


@dataclass(frozen=True, slots=True)
class Pdf:
    """What could be told. ``pages`` is None unless ``outcome`` is ``read``."""

    outcome: Outcome
    pages: int | None = None
    detail: str = ""
    signatures: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom PDF signatures are checked against: DER. ``revision`` changes whenever any of it does."""

    revision: int
    certificates: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()


class Inspector:
    """``processes`` at most; ``close`` ends them. One event loop at a time."""

    def __init__(self, processes: int = 2, *, largest: int = LARGEST_PDF, cpu_seconds: float = CPU_SECONDS) -> None:
        self._most = processes
        self.largest = largest
        self._cpu_seconds = cpu_seconds
        self._processes: set[_Process] = set()
        self._starting = 0
        self._closed = False
        self._idle: list[_Process] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._kept: OrderedDict[Key, tuple[float, Pdf]] = OrderedDict()
        self._flying: dict[Key, asyncio.Task[Pdf]] = {}

    async def pages(self, sha256: str, size: int, content: Callable[[], BinaryIO]) -> Pdf:
        """How many pages a PDF has. Never raises: what cannot be told is an outcome."""
        return await self._ask(("pages", sha256), _Question(size, content, {"op": "pages"}))

    async def signatures(
        self, sha256: str, size: int, content: Callable[[], BinaryIO], anchors: Anchors, at: datetime
    ) -> Pdf:
        """The signatures in a PDF at a moment (an answer is kept for its day). Never raises."""
        key = ("signatures", sha256, anchors.revision, at.date())
        return await self._ask(key, _Question(size, content, {"op": "signatures", "at": at.isoformat()}, anchors))

    def close(self) -> None:
        """End the processes for good; questions under way and later ones are answered ``over-limits``."""
        self._closed = True
        idle, self._idle = self._idle, []
        for process in idle:
            self._drop(process)
        for process in self._processes:
            process.kill()  # who asks it sees that, and drops it
        while self._waiting:
            self._wake()

    @property
    def process_ids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def _ask(self, key: Key, question: _Question) -> Pdf:
        if question.size > self.largest:
            return Pdf("too-large", detail=f"{question.size} octets; up to {self.largest} are looked into")
        kept = self._kept.get(key)
        if kept is not None and clock.monotonic() < kept[0]:
            self._kept.move_to_end(key)
            return kept[1]
        flying = self._flying.get(key)
        if flying is None or flying.get_loop() is not asyncio.get_running_loop():
            flying = self._flying[key] = asyncio.create_task(self._fly(key, question))
        return await asyncio.shield(flying)  # who gives up waiting takes the answer from nobody else

    async def _fly(self, key: Key, question: _Question) -> Pdf:
        try:
            answer = await self._put(question)
        finally:
            if self._flying.get(key) is asyncio.current_task():
                del self._flying[key]
        until = float("inf") if answer.outcome != "over-limits" else clock.monotonic() + KEPT_FAILURE_SECONDS
        self._kept[key] = (until, answer)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return answer

    async def _put(self, question: _Question) -> Pdf:
        try:
            process = await self._process()
        except OSError as error:
            return self._gave_up(question, error)
        whole = False
        try:
            answer = await process.ask(question, self._cpu_seconds)
            whole = "spent" not in answer
        except (OSError, ValueError) as error:  # it ended, does not answer, answered nonsense
            return self._gave_up(question, error)
        finally:
            if whole:
                self._give_back(process)
            else:
                self._drop(process)
        return _read(answer)

    def _gave_up(self, question: _Question, error: Exception) -> Pdf:
        log.warning("inspection.gave_up", op=question.asked["op"], size=question.size, reason=repr(error))
        return Pdf("over-limits", detail="reading it took too long or too much memory")

    async def _process(self) -> _Process:
        """An idle process, a new one, or, when there are as many as may be, the next that becomes idle."""
        while not self._closed:
            while self._idle:
                process = self._idle.pop()
                if process.running():
                    return process
                self._drop(process)
            if len(self._processes) + self._starting < self._most:
                return await self._start()
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                self._wake()  # in case it had been this one's turn
                raise
        raise OSError("closed")

    async def _start(self) -> _Process:
        self._starting += 1
        try:
            process = await asyncio.to_thread(_Process, self.largest)
        except BaseException:
            self._wake()  # nobody gives back a process that never was
            raise
        finally:
            self._starting -= 1
        self._processes.add(process)
        if self._closed:
            self._drop(process)
            raise OSError("closed")
        return process

    def _give_back(self, process: _Process) -> None:
        if self._closed:
            self._drop(process)
        else:
            self._idle.append(process)
            self._wake()

    def _drop(self, process: _Process) -> None:
        self._processes.discard(process)
        process.end()
        self._wake()

    def _wake(self) -> None:
        """Let the one who has waited longest look again; who gave up, or whose event loop is gone, waits no more."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done() and waiting.get_loop().is_running():
                waiting.set_result(None)
                return


def _read(answer: dict[str, Any]) -> Pdf:
    if "spent" in answer:
        return Pdf("over-limits", detail="reading it took too much memory")
    if "encrypted" in answer:
        return Pdf("encrypted", detail=str(answer["encrypted"]))
    if "unreadable" in answer:
        return Pdf("unreadable", detail=str(answer["unreadable"]))
    return Pdf("read", answer.get("pages"), signatures=tuple(answer.get("signatures", ())))


@dataclass(frozen=True, slots=True)
class _Question:
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


class _Process:
    """One worker process and the socket to it. Raises ``OSError`` when it cannot be started."""

    def __init__(self, largest: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", "-m", "hub.inspection.worker", str(largest)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},  # nothing that the hub knows is for a process that reads hostile files
            )
        self.pid = self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    async def ask(self, question: _Question, cpu_seconds: float) -> dict[str, Any]:
        """One question. Raises ``OSError`` (it ended or is late), ``ValueError`` (no JSON)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WALL_SECONDS):
            await self._send(loop, question, cpu_seconds)
            answer = b""
            while not answer.endswith(b"\n"):
                piece = await loop.sock_recv(self._socket, PIECE)
                answer += piece
                if not piece or len(answer) > LONGEST_ANSWER:
                    raise OSError("the process ended")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed

    async def _send(self, loop: asyncio.AbstractEventLoop, question: _Question, cpu_seconds: float) -> None:
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


@functools.cache
def inspector() -> Inspector:
    """One for the whole process, for whoever brings none of his own."""
    return Inspector()

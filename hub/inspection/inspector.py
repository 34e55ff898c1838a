"""Asking the worker processes about PDFs: started when first needed, ended when they do not answer, answers kept.

A thread owns a process, so that event loops may come and go. The same file goes out in many envelopes: answers are kept
by SHA-256, and who asks while the same question is under way waits for its answer.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import socket
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
LONGEST_ANSWER = 1024 * 1024

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
    """``processes`` at most; ``close`` ends them. Usable from any event loop of this process."""

    def __init__(self, processes: int = 2, *, largest: int = LARGEST_PDF, cpu_seconds: float = CPU_SECONDS) -> None:
        self._largest = largest
        self._cpu_seconds = cpu_seconds
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="inspection")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._processes: set[_Process] = set()
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, Pdf]] = OrderedDict()
        self._flying: dict[tuple[Any, ...], Future[Pdf]] = {}

    async def pages(self, sha256: str, size: int, content: Callable[[], BinaryIO]) -> Pdf:
        """How many pages a PDF has. Never raises: what cannot be told is an outcome."""
        return await self._ask(("pages", sha256), {"op": "pages"}, size, content)

    async def signatures(
        self, sha256: str, size: int, content: Callable[[], BinaryIO], anchors: Anchors, at: datetime
    ) -> Pdf:
        """The signatures in a PDF at a moment (an answer is kept for its day). Never raises."""
        key = ("signatures", sha256, anchors.revision, at.date())
        question = {"op": "signatures", "at": at.isoformat()}
        return await self._ask(key, question, size, content, anchors)

    def close(self) -> None:
        """End the processes; questions under way are answered ``over-limits``."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            running, self._processes = self._processes, set()
        for process in running:
            process.end()

    @property
    def process_ids(self) -> list[int]:
        with self._lock:
            return [process.pid for process in self._processes]

    async def _ask(
        self,
        key: tuple[Any, ...],
        question: dict[str, Any],
        size: int,
        content: Callable[[], BinaryIO],
        anchors: Anchors | None = None,
    ) -> Pdf:
        if size > self._largest:
            return Pdf("too-large", detail=f"{size} octets; up to {self._largest} are looked into")
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and clock.monotonic() < kept[0]:
                self._kept.move_to_end(key)
                return kept[1]
            flying = self._flying.get(key)
            if flying is None:
                work = functools.partial(self._work, key, question, size, content, anchors)
                flying = self._flying[key] = self._pool.submit(work)
        return await asyncio.shield(asyncio.wrap_future(flying))

    def _work(
        self,
        key: tuple[Any, ...],
        question: dict[str, Any],
        size: int,
        content: Callable[[], BinaryIO],
        anchors: Anchors | None,
    ) -> Pdf:
        """In a thread of the pool."""
        if anchors is not None:
            for name, ders in (("anchors", anchors.certificates), ("lists", anchors.lists)):
                question[name] = [base64.b64encode(der).decode() for der in ders]
        question |= {"size": size, "cpu_seconds": self._cpu_seconds}
        answer = Pdf("over-limits")
        try:
            answer = self._put(question, content)
        finally:
            until = float("inf") if answer.outcome != "over-limits" else clock.monotonic() + KEPT_FAILURE_SECONDS
            with self._lock:
                del self._flying[key]
                self._kept[key] = (until, answer)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return answer

    def _put(self, question: dict[str, Any], content: Callable[[], BinaryIO]) -> Pdf:
        try:
            process = self._process()
            with content() as octets:
                answer = process.ask(question, octets)
        except (OSError, ValueError) as error:  # it ended, does not answer, could not be started, answered nonsense
            self._drop()
            log.warning("inspection.gave_up", op=question["op"], size=question["size"], reason=repr(error))
            return Pdf("over-limits", detail="reading it took too long or too much memory")
        if answer.get("spent"):
            self._drop()
            return Pdf("over-limits", detail="reading it took too much memory")
        if "encrypted" in answer:
            return Pdf("encrypted", detail=str(answer["encrypted"]))
        if "unreadable" in answer:
            return Pdf("unreadable", detail=str(answer["unreadable"]))
        return Pdf("read", answer.get("pages"), signatures=tuple(answer.get("signatures", ())))

    def _process(self) -> _Process:
        """This thread's process."""
        process: _Process | None = getattr(self._own, "process", None)
        if process is None or not process.running():
            self._drop()
            process = self._own.process = _Process(self._largest)
            with self._lock:
                self._processes.add(process)
        return process

    def _drop(self) -> None:
        process: _Process | None = getattr(self._own, "process", None)
        self._own.process = None
        if process is not None:
            with self._lock:
                self._processes.discard(process)
            process.end()


class _Process:
    """One worker process and the socket to it."""

    def __init__(self, largest: int) -> None:
        self._socket, theirs = socket.socketpair()
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

    def ask(self, question: dict[str, Any], content: BinaryIO) -> dict[str, Any]:
        """One question. Raises ``OSError`` (it ended or is late), ``ValueError`` (no JSON)."""
        deadline = clock.monotonic() + WALL_SECONDS
        self._send(json.dumps(question).encode() + b"\n", deadline)
        left = int(question["size"])
        while left:
            piece = content.read(min(PIECE, left))
            if not piece:
                raise OSError("the attachment is shorter than it was")
            self._send(piece, deadline)
            left -= len(piece)
        answer = b""
        while not answer.endswith(b"\n"):
            self._wait_until(deadline)
            piece = self._socket.recv(PIECE)
            answer += piece
            if not piece or len(answer) > LONGEST_ANSWER:
                raise OSError("the process ended")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed

    def end(self) -> None:
        self._socket.close()
        self._child.kill()
        self._child.wait()

    def _send(self, octets: bytes, deadline: float) -> None:
        self._wait_until(deadline)
        self._socket.sendall(octets)

    def _wait_until(self, deadline: float) -> None:
        left = deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._socket.settimeout(left)


@functools.cache
def inspector() -> Inspector:
    """One for the whole process, for whoever brings none of his own."""
    return Inspector()

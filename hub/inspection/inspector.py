"""Asking the worker processes about PDFs: started when first needed, ended when they do not answer, answers kept.

The same file goes out in many envelopes: answers are kept by SHA-256, and who asks while the same question is under way
waits for its answer. No thread is needed for a small file: that would cost more than asking.
"""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Literal

import structlog

from hub import clock
from hub.inspection.process import Anchors, Process, Question

log = structlog.get_logger()

LARGEST_PDF = 64 * 1024 * 1024
CPU_SECONDS = 1.0
KEPT = 8192
KEPT_FAILURE_SECONDS = 600.0  # a file that went over the limits is not tried again at once, but once the load is gone

Key = tuple[Any, ...]
Outcome = Literal["read", "encrypted", "unreadable", "over-limits", "too-large"]


@dataclass(frozen=True, slots=True)
class Pdf:
    """What could be told. ``pages`` is None unless ``outcome`` is ``read``."""

    outcome: Outcome
    pages: int | None = None
    detail: str = ""
    signatures: tuple[dict[str, Any], ...] = ()


class Inspector:
    """``processes`` at most; ``close`` ends them. One event loop at a time."""

    def __init__(self, processes: int = 2, *, largest: int = LARGEST_PDF, cpu_seconds: float = CPU_SECONDS) -> None:
        self._most = processes
        self.largest = largest
        self._cpu_seconds = cpu_seconds
        self._processes: set[Process] = set()
        self._starting = 0
        self._closed = False
        self._idle: list[Process] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._kept: OrderedDict[Key, tuple[float, Pdf]] = OrderedDict()
        self._flying: dict[Key, asyncio.Task[Pdf]] = {}

    async def pages(self, sha256: str, size: int, content: Callable[[], BinaryIO]) -> Pdf:
        """How many pages a PDF has. Never raises: what cannot be told is an outcome."""
        return await self._ask(("pages", sha256), Question(size, content, {"op": "pages"}))

    async def signatures(
        self, sha256: str, size: int, content: Callable[[], BinaryIO], anchors: Anchors, at: datetime
    ) -> Pdf:
        """The signatures in a PDF at a moment (an answer is kept for its day). Never raises."""
        key = ("signatures", sha256, anchors.revision, at.date())
        return await self._ask(key, Question(size, content, {"op": "signatures", "at": at.isoformat()}, anchors))

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

    async def _ask(self, key: Key, question: Question) -> Pdf:
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

    async def _fly(self, key: Key, question: Question) -> Pdf:
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

    async def _put(self, question: Question) -> Pdf:
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

    def _gave_up(self, question: Question, error: Exception) -> Pdf:
        log.warning("inspection.gave_up", op=question.asked["op"], size=question.size, reason=repr(error))
        return Pdf("over-limits", detail="reading it took too long or too much memory")

    async def _process(self) -> Process:
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

    async def _start(self) -> Process:
        self._starting += 1
        try:
            process = await asyncio.to_thread(Process, "hub.inspection.worker", self.largest)
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

    def _give_back(self, process: Process) -> None:
        if self._closed:
            self._drop(process)
        else:
            self._idle.append(process)
            self._wake()

    def _drop(self, process: Process) -> None:
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


@functools.cache
def inspector() -> Inspector:
    """One for the whole process, for whoever brings none of his own."""
    return Inspector()

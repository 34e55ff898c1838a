"""Pictures of page one of PDFs: one is drawn at a time, each in a process of its own; the latest are kept in memory.

So people who look at letters never take the processes with which the intake looks into attachments.
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import structlog

from hub import clock
from hub.inspection.process import Process, Question
from hub.problems import Deferred

log = structlog.get_logger()

MODULE = "hub.inspection.pdf_picture"
LARGEST_PDF = 32 * 1024 * 1024
CPU_SECONDS = 3.0
WALL_SECONDS = 30.0
KEPT_OCTETS = 16 * 1024 * 1024
KEPT_FAILURE_SECONDS = 600.0  # what went over the limits is tried again once the load is gone
WAITING = 24  # that many may wait for their turn
NOTE = 512  # octets that a kept answer without a picture counts for

Outcome = Literal["drawn", "encrypted", "unreadable", "over-limits", "too-large"]


@dataclass(frozen=True, slots=True)
class Picture:
    """``png`` is empty unless ``outcome`` is ``drawn``."""

    outcome: Outcome
    png: bytes = b""


class Pictures:
    """Draws and keeps. One event loop at a time."""

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS, kept_octets: int = KEPT_OCTETS) -> None:
        self._cpu_seconds = cpu_seconds
        self._most = kept_octets
        self._octets = 0
        self._kept: OrderedDict[str, tuple[float, Picture]] = OrderedDict()
        self._flying: dict[str, asyncio.Task[Picture]] = {}
        self._turn = asyncio.Lock()

    async def page_one(self, sha256: str, size: int, content: Callable[[], BinaryIO]) -> Picture:
        """The picture of the PDF with this digest; ``content`` opens it, in a thread and only when it is its turn.

        What cannot be drawn is an outcome. Raises ``Deferred('payload-unavailable')`` when too many wait, and what
        ``content`` raises.
        """
        if size > LARGEST_PDF:
            return Picture("too-large")
        kept = self._kept.get(sha256)
        if kept is not None and clock.monotonic() < kept[0]:
            self._kept.move_to_end(sha256)
            return kept[1]
        flying = self._flying.get(sha256)
        if flying is None:
            if len(self._flying) >= WAITING:
                raise Deferred("payload-unavailable", "many pictures are being drawn", retry_after=2)
            flying = self._flying[sha256] = asyncio.create_task(self._fly(sha256, size, content))
        return await asyncio.shield(flying)  # who goes away takes the picture from nobody else

    async def _fly(self, sha256: str, size: int, content: Callable[[], BinaryIO]) -> Picture:
        try:
            async with self._turn:
                octets = await asyncio.to_thread(content)
                drawn = await self._draw(Question(size, lambda: octets, {"op": "page-one"}))
        finally:
            del self._flying[sha256]
        self._keep(sha256, drawn)
        return drawn

    async def _draw(self, question: Question) -> Picture:
        process: Process | None = None
        try:
            process = await asyncio.to_thread(Process, MODULE, 0)
            return _read(await process.ask(question, self._cpu_seconds, WALL_SECONDS))
        except (OSError, ValueError) as error:  # it ended, does not answer, answered nonsense
            log.warning("picture.gave_up", size=question.size, reason=repr(error))
            return Picture("over-limits")
        finally:
            if process is not None:
                process.end()

    def _keep(self, sha256: str, drawn: Picture) -> None:
        until = float("inf") if drawn.outcome != "over-limits" else clock.monotonic() + KEPT_FAILURE_SECONDS
        before = self._kept.pop(sha256, None)
        self._kept[sha256] = (until, drawn)
        self._octets += _weight(drawn) - (0 if before is None else _weight(before[1]))
        while self._octets > self._most:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._octets -= _weight(oldest)

    @property
    def kept_octets(self) -> int:
        return self._octets


def _weight(picture: Picture) -> int:
    return NOTE + len(picture.png)


def _read(answer: dict[str, Any]) -> Picture:
    if "png" in answer:
        png = base64.b64decode(answer["png"], validate=True)
        # the process read a hostile file: what it says is a picture must at least begin like one
        return Picture("drawn", png) if png.startswith(b"\x89PNG\r\n\x1a\n") else Picture("unreadable")
    if "encrypted" in answer:
        return Picture("encrypted")
    return Picture("unreadable" if "unreadable" in answer else "over-limits")

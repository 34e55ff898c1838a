"""Admission: who may be judged now, who waits for it, and who is asked to come back.

One event loop does all the work of a process, and nothing in it takes as long as judging a letter. Taken as they come,
a thousand submissions would leave to each settlement, and to the relay, a thousandth of the process: a hub that fills
up and empties no more. Therefore:

1. only ``AT_ONCE`` are at work; of those in line one begins in each turn of the loop, so that between two all else is
   done that is ready to be done;
2. systems take turns, so that one that sends a thousand letters does not hold up one that sends one;
3. a system whose first in line has waited for ``PATIENCE_SECONDS`` gets no more into line: 503 ``hub-busy``.

What was let in is judged however long it takes. Nothing but submissions passes here: taking, settling, receipts and
probes are how load leaves. How much waits for recipients closes no door either: that is what a hub is for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hub import clock
from hub.gateway.metrics import BEING_JUDGED, IN_LINE
from hub.intake.room import SHORT
from hub.problems import Deferred

PATIENCE_SECONDS = 1.0
# between turn and answer: they wait for the disk and for the ledger together
AT_ONCE = 32
# in line, of all systems; each of those in line may have its share of it
MOST_IN_LINE = 512
RETRY_AFTER_SECONDS = (2.0, 10.0)

_Turn = asyncio.Future[None]


class Admission:
    """The line of one process: ``check`` before a body is read, ``turn`` once it is there."""

    def __init__(self) -> None:
        # by system; the first is whose turn it is
        self._lines: OrderedDict[str, deque[tuple[float, _Turn]]] = OrderedDict()
        self._at_work = 0
        self._beginning = False

    def check(self, system: str) -> None:
        """Raises ``Deferred('hub-busy')`` when one more of this system would wait for too long."""
        line = self._lines.get(system)
        if line is None:
            return
        waited = clock.monotonic() - line[0][0]
        if waited >= PATIENCE_SECONDS or len(line) * len(self._lines) >= MOST_IN_LINE:
            seconds = round(clock.jitter(*RETRY_AFTER_SECONDS))
            raise Deferred("hub-busy", f"{len(line)} in line, the first for {waited:.1f} s", retry_after=seconds)

    @asynccontextmanager
    async def turn(self, system: str, octets: int) -> AsyncIterator[None]:
        """Wait for the turn of a submission of this length, and hold it until it is answered. Raises as ``check``.

        Long ones have a room of their own (``hub.intake.room``), and are not sent away after they came.
        """
        if octets > SHORT:
            yield
            return
        self.check(system)
        await self._wait(system)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, system: str) -> None:
        if not self._lines and self._at_work < AT_ONCE:
            self._enter()
            return
        turn: _Turn = asyncio.get_running_loop().create_future()
        place = (clock.monotonic(), turn)
        self._lines.setdefault(system, deque()).append(place)
        IN_LINE.inc()
        self._go_on()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._step_out(system, place)
            else:  # its turn came at the same moment
                self._leave()
            raise

    def _go_on(self) -> None:
        """Begin the next in the loop's next turn, unless one is about to begin then."""
        if self._lines and not self._beginning and self._at_work < AT_ONCE:
            self._beginning = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._beginning = False
        if not self._lines or self._at_work >= AT_ONCE:
            return
        system, line = self._lines.popitem(last=False)
        _, turn = line.popleft()
        if line:
            self._lines[system] = line
        IN_LINE.dec()
        if not turn.cancelled():
            self._enter()
            turn.set_result(None)
        self._go_on()

    def _enter(self) -> None:
        self._at_work += 1
        BEING_JUDGED.inc()

    def _leave(self) -> None:
        self._at_work -= 1
        BEING_JUDGED.dec()
        self._go_on()

    def _step_out(self, system: str, place: tuple[float, _Turn]) -> None:
        """Whose client has gone leaves the line, unless it was passed over already."""
        line = self._lines.get(system)
        if line is None or place not in line:
            return
        line.remove(place)
        IN_LINE.dec()
        if not line:
            del self._lines[system]

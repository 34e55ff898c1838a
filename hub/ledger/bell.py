"""Bells: requests that wait for something to arrive for their system, woken by one look for all of them.

A request that looked on its own four times a second would be 3,000 statements a second for 771 waiting systems. The
process that made something arrive rings at once; what other processes made is found by the common look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hub.problems import Deferred

log = structlog.get_logger()

Look = Callable[[list[str]], Awaitable[set[str]]]


class Bell:
    """``look`` gets the waiting systems and answers those to wake. It runs only while somebody waits."""

    def __init__(self, look: Look, every: float = 0.25) -> None:
        self._look = look
        self._every = every
        self._waiting: dict[str, asyncio.Event] = {}
        self._sleepers = 0
        self.closed = False
        self._looking: asyncio.Task[None] | None = None

    def expect(self, system_id: str) -> asyncio.Event:
        """The event to wait for; ask for it before looking, so that nothing arrives unseen in between."""
        return self._waiting.setdefault(system_id, asyncio.Event())

    def ring(self, system_id: str) -> None:
        """Wake those who wait for this system."""
        if event := self._waiting.pop(system_id, None):
            event.set()

    def close(self) -> None:
        """Wake everybody for good: the process is stopping, and open requests should be answered now."""
        self.closed = True
        for system_id in list(self._waiting):
            self.ring(system_id)

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Return when the event is rung or time is up."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_around())
        self._sleepers += 1
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return  # the caller looks once more and answers that there is nothing
        finally:
            self._sleepers -= 1

    async def _look_around(self) -> None:
        while self._sleepers:
            await asyncio.sleep(self._every)
            try:
                for system_id in await self._look(list(self._waiting)):
                    self.ring(system_id)
            except Deferred as error:
                log.warning("bell.waiting", reason=str(error))
                await asyncio.sleep(1)

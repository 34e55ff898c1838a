"""Time stamps over checkpoints: in batches, each authority on its own, never in the way of traffic or of sealing.

A stamp on one checkpoint covers every leaf before it, so what an outage left without one gets it with the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from hub import clock
from hub.problems import Deferred
from hub.signatures.timestamps import NotStamped, Stamp, TimeTrust, answered, question

log = structlog.get_logger()
# failures in a row lengthen the pause up to this
LONGEST_PAUSE = 300.0
# an authority that fails for so long is a trouble of the log
ALARM_SECONDS = 180.0


class Unanswered(Exception):
    """An authority gave no octets that could be an answer; the text says why."""


class Inquiry(Protocol):
    """One request to a time-stamping authority (RFC 3161 §3.4)."""

    async def ask(self, url: str, request: bytes) -> bytes:
        """The octets of the answer, bounded in size and time. Raises ``Unanswered``."""
        ...


@dataclass(frozen=True, slots=True)
class Unstamped:
    """A checkpoint as the log signed it, waiting for a stamp."""

    size: int
    note: str


class StampingStore(Protocol):
    """Where checkpoints come from and stamps go; each method raises ``Deferred`` when the store is away."""

    async def due(self, authority: str, pause: float) -> Unstamped | None:
        """The newest checkpoint, unless this authority stamped it already, or another one less than ``pause`` s ago."""
        ...

    async def keep(self, authority: str, size: int, stamp: Stamp) -> None:
        """Keep a stamp; the authority is well again."""
        ...

    async def alarm(self, authority: str, detail: str) -> None:
        """Say for all to see that this authority gives no stamps."""
        ...

    async def only(self, authorities: Sequence[str]) -> None:
        """Forget the alarms about authorities that are not asked any more."""
        ...


def address(url: str) -> str:
    """A URL as it may be shown: without user and password."""
    place = urlsplit(url)
    return place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()


class Stamper:
    """Asks one authority. ``every``: seconds between batches; ``alarm_after``: seconds of failing before it is told."""

    def __init__(
        self,
        store: StampingStore,
        inquiry: Inquiry,
        url: str,
        trust: TimeTrust,
        every: float = 60.0,
        alarm_after: float = ALARM_SECONDS,
    ) -> None:
        self._store = store
        self._inquiry = inquiry
        self._url = url
        self._trust = trust
        self._every = every
        self._alarm_after = alarm_after
        self._failures = 0
        self._failing_since = 0.0
        self.authority = address(url)

    async def run(self) -> None:
        while True:
            pause = await self.step()
            await asyncio.sleep(pause)

    async def step(self) -> float:
        """Have the newest checkpoint stamped if there is a new one; how many seconds to wait before the next."""
        try:
            # a little less than the pause, so that of several processes one asks each time, and none skips its turn
            due = await self._store.due(self.authority, 0.9 * self._every)
            if due is None:
                return self._every
            try:
                stamp = await stamped(self._inquiry, self._url, due.note.encode(), self._trust)
            except (NotStamped, Unanswered) as error:
                return await self._failed(str(error))
            await self._store.keep(self.authority, due.size, stamp)
        except Deferred as error:
            log.warning("stamping.waiting", reason=str(error))
            return self._every
        if self._failures:
            log.info("stamping.again", authority=self.authority, size=due.size)
        self._failures = 0
        return self._every

    async def _failed(self, reason: str) -> float:
        if not self._failures:
            self._failing_since = clock.monotonic()
        self._failures += 1
        log.warning("stamping.failed", authority=self.authority, reason=reason, times=self._failures)
        if clock.monotonic() - self._failing_since >= self._alarm_after:
            await self._store.alarm(self.authority, reason)
        pause: float = min(self._every * 2 ** min(self._failures - 1, 10), max(self._every, LONGEST_PAUSE))
        return pause * clock.jitter(0.8, 1.0)


async def stamped(inquiry: Inquiry, url: str, message: bytes, trust: TimeTrust) -> Stamp:
    """One stamp on ``message`` from the authority at ``url``. Raises ``NotStamped``, ``Unanswered``."""
    asked = question(message, trust.policy)
    answer = await inquiry.ask(url, asked.octets)
    return answered(asked, answer, message, trust, clock.now())


class Stamping:
    """All authorities at once, until cancelled; what one does not answer holds up no other."""

    def __init__(self, store: StampingStore, stampers: Sequence[Stamper]) -> None:
        self._store = store
        self._stampers = tuple(stampers)

    async def run(self) -> None:
        await self._forget_others()
        async with asyncio.TaskGroup() as group:
            for one in self._stampers:
                group.create_task(one.run())
            # with no authority there is nothing to do, but a role that ends would end the process
            await asyncio.Event().wait()

    async def _forget_others(self) -> None:
        try:
            await self._store.only([one.authority for one in self._stampers])
        except Deferred as error:
            log.warning("stamping.waiting", reason=str(error))

"""Telling senders' systems what became of their letters: the feed of receipts, brought by the system's channel.

In the feed's order and at least once: the cursor moves when the channel says that the system has them. Receipts are
shown to those who poll all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from hub import clock
from hub.audit import Event
from hub.delivery import retry
from hub.delivery.carrier import Carrier, Delivered, Failed, Outcome
from hub.ledger import Ledger, Transaction, carriage, receipts, systems
from hub.problems import Deferred
from hub.registry.model import System

log = structlog.get_logger()

LOOK_SECONDS = 1.0
BATCH = 100
TELL_SECONDS = 60.0
AT_ONCE = 16
# after the first, second, … failure in a row; the last one for all that follow
WAITS = tuple(timedelta(seconds=retry.bound(retry.PACES[0], failures)) for failures in range(1, 9))


class Telling:
    """Runs until cancelled. ``carriers`` by channel, as the carriage has them."""

    def __init__(self, ledger: Ledger, carriers: Mapping[str, Carrier]) -> None:
        self._ledger = ledger
        self._carriers = carriers
        self._room = asyncio.Semaphore(AT_ONCE)
        self._telling: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.step()
                except Deferred as error:
                    log.warning("telling.waiting", reason=str(error))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._telling.values():
                task.cancel()

    async def step(self) -> None:
        """Start telling every system that has something to be told and nobody telling it."""
        self._telling = {one: task for one, task in self._telling.items() if not task.done()}
        told = {one.id: one for one in await self._ledger.read(systems.by_channel, list(self._carriers))}
        free = [one for one in told if one not in self._telling]
        for system_id in await self._ledger.read(carriage.untold, free, clock.now()) if free else []:
            self._telling[system_id] = asyncio.create_task(self._tell(told[system_id]), name=f"tell {system_id}")

    async def _tell(self, system: System) -> None:
        async with self._room:
            try:
                while await self._batch(system):
                    pass
            except Deferred as error:
                log.warning("telling.waiting", system=system.name, reason=str(error))

    async def _batch(self, system: System) -> bool:
        """One batch; whether there may be more."""
        at = clock.now()
        held_until = at + timedelta(seconds=TELL_SECONDS + 10)
        cursor = await self._ledger.write(carriage.claim_feed, system.id, at, held_until)
        if cursor is None:
            return False
        found, last = await self._ledger.read(receipts.feed, system.id, cursor, BATCH)
        outcome: Outcome = Delivered()
        if found:
            outcome = await self._carry(system, found)
        if isinstance(outcome, Failed):
            await self._ledger.write(_not_told, system, outcome)
            log.warning("telling.failed", system=system.name, code=outcome.code, reason=outcome.detail)
            return False
        await self._ledger.write(carriage.told, system.id, last or cursor)
        return len(found) == BATCH

    async def _carry(self, system: System, found: list[receipts.ReceiptRecord]) -> Outcome:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                return await self._carriers[system.channel].tell(system, found)
        except TimeoutError:
            return Failed("timed-out", f"no end after {TELL_SECONDS:.0f} s")
        except Exception as error:
            log.exception("telling.defect", system=system.name)
            return Failed("defect", f"{type(error).__name__}: {error}")


def _not_told(transaction: Transaction, system: System, outcome: Failed) -> None:
    """The next try is after a growing wait, and never before the system wants it; one that is gone is disabled."""
    at = clock.now()
    asked = timedelta(seconds=outcome.retry_after or 0.0)
    carriage.not_told(transaction, system.id, at, [max(wait, asked) for wait in WAITS])
    reason = f"{outcome.code}: {outcome.detail}"
    if outcome.disable and carriage.disable(transaction, system.id, reason, at):
        carriage.log_system(transaction, Event.SYSTEM_DISABLED, system.id, outcome.code, at, reason=reason)
        log.error("system.disabled", system=system.name, reason=reason)

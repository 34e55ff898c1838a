"""The carriage: brings documents to the systems that do not come for them, one dispatcher a system.

1. The courier puts a system's claim checks into its inbox, as for systems that take by themselves, and rings.
2. A dispatcher claims, most urgent first, no more than the carrier may have on its way, and none while the system is
   left alone (breaker, disabled) or before their time (retry, scheduled).
3. The carrier tries once; the claim is kept alive meanwhile.
4. The outcome is written down in one transaction (``hub.delivery.outcomes``).
A crash between 3 and 4 leaves the claim to run out: the document is handed over once more under the same identifiers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from hub import clock
from hub.delivery import outcomes, retry
from hub.delivery.carrier import Carrier, Failed, Outcome, Parcel
from hub.delivery.outcomes import Tried
from hub.ledger import Ledger, carriage, systems
from hub.ledger.bell import Bell
from hub.ledger.carriage import Claimed
from hub.problems import Deferred
from hub.receipts.signing import ReceiptSigner
from hub.registry.model import System

log = structlog.get_logger()

CLAIM_SECONDS = 60.0
KEEP_EVERY_SECONDS = 15.0
LOOK_SECONDS = 0.5
IDLE_SECONDS = 30.0
PAUSE_SECONDS = 1.0


class Carriage:
    """``attempt_seconds``: longest attempt; a document of a gigabyte on a slow line takes its time."""

    def __init__(
        self,
        ledger: Ledger,
        signer: ReceiptSigner,
        carriers: Mapping[str, Carrier],
        file: Callable[[str, int], Path],
        attempt_seconds: float = 600.0,
    ) -> None:
        self._ledger = ledger
        self._signer = signer
        self.carriers = carriers
        self._file = file
        self._attempt_seconds = attempt_seconds
        self._bell = Bell(lambda waiting: ledger.read(carriage.due, waiting, clock.now()), LOOK_SECONDS)
        self._dispatchers: dict[str, asyncio.Task[None]] = {}

    def arrived(self, system_id: str) -> None:
        """Something for this system lies in its inbox."""
        self._bell.ring(system_id)

    def serve(self, system: System) -> None:
        """See to it that a dispatcher works for this system, if its channel has a carrier."""
        running = self._dispatchers.get(system.id)
        if system.channel in self.carriers and (running is None or running.done()):
            self._dispatchers[system.id] = asyncio.create_task(self._serve(system.id), name=f"carry {system.name}")

    async def close(self) -> None:
        """Stop; attempts under way are cut off and written down as such."""
        self._bell.close()
        running, self._dispatchers = self._dispatchers, {}
        for task in running.values():
            task.cancel()
        if running:
            await asyncio.wait(running.values())
        for carrier in self.carriers.values():
            await carrier.close()

    async def _serve(self, system_id: str) -> None:
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                try:
                    await self._dispatch(system_id, under_way)
                except Deferred as error:
                    log.warning("carriage.waiting", system=system_id, reason=str(error))
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for task in under_way:
                task.cancel()
            if under_way:
                await asyncio.wait(under_way)

    async def _dispatch(self, system_id: str, under_way: set[asyncio.Task[None]]) -> None:
        """Fill what is free, then wait until something ends, arrives or becomes due."""
        event = self._bell.expect(system_id)
        found = await self._claim(system_id, under_way)
        for task in [task for task in under_way if task.done()]:
            under_way.remove(task)
            task.result()
        if found:
            return
        ended = [asyncio.create_task(_first(under_way))] if under_way else []
        rung = asyncio.create_task(self._bell.wait(event, IDLE_SECONDS))
        try:
            await asyncio.wait([rung, *ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (rung, *ended):
                task.cancel()

    async def _claim(self, system_id: str, under_way: set[asyncio.Task[None]]) -> bool:
        """Start attempts; whether there may be more to claim at once."""
        system = await self._ledger.read(systems.by_id, system_id)
        carrier = None if system is None else self.carriers.get(system.channel)
        if carrier is None:
            return False
        free = carrier.concurrency - sum(not task.done() for task in under_way)
        if free <= 0:
            return False
        at = clock.now()
        target, claimed = await self._ledger.write(
            carriage.claim,
            system_id,
            clock.new_id(),
            free,
            retry.BREAKER_FAILURES,
            at,
            at + timedelta(seconds=CLAIM_SECONDS),
        )
        if target is not None:
            under_way |= {asyncio.create_task(self._attempt(target, carrier, one)) for one in claimed}
        return bool(claimed)

    async def _attempt(self, system: System, carrier: Carrier, claimed: Claimed) -> None:
        started = clock.now()
        expires = claimed.expires_at or claimed.letter.received_at + retry.EXPIRY
        keeping = asyncio.create_task(self._keep(claimed))
        outcome: Outcome = Failed("cut-short", "the hub was stopped")
        try:
            if started >= expires and claimed.letter.attempts > 1:
                # handed over without being settled, or failed until now: its time is up, whoever sees it first
                outcome = Failed("expired", "it was not settled in time")
            else:
                outcome = await self._carry(system, carrier, claimed, started)
        finally:
            keeping.cancel()
            tried = Tried(system, claimed, started, clock.now(), outcome, expires)
            # also when this task was cancelled: otherwise the document would wait for its claim to run out
            await asyncio.shield(asyncio.ensure_future(self._write(tried)))

    async def _write(self, tried: Tried) -> None:
        """Until it stands in the ledger: an outcome that is forgotten is a document handed over twice."""
        while True:
            try:
                await self._ledger.write(outcomes.write, self._signer, tried)
                return
            except Deferred as error:
                log.warning("carriage.outcome_waiting", delivery=tried.claimed.letter.id, reason=str(error))
                if self._bell.closed:
                    return
                await asyncio.sleep(PAUSE_SECONDS)

    async def _carry(self, system: System, carrier: Carrier, claimed: Claimed, started: datetime) -> Outcome:
        deadline = started + timedelta(seconds=self._attempt_seconds)
        parcel = Parcel(claimed.letter, system, claimed.parts, self._file, claimed.traceparent, deadline)
        try:
            async with asyncio.timeout(self._attempt_seconds):
                return await carrier.carry(parcel)
        except TimeoutError:
            return Failed("timed-out", f"no end after {self._attempt_seconds:.0f} s")
        except Deferred as error:
            return Failed("octets-missing" if error.code == "payload-unavailable" else "defect", error.detail)
        except Exception as error:
            # one document that brings a carrier down must not stop all others of the system
            log.exception("carriage.defect", delivery=claimed.letter.id, channel=system.channel)
            return Failed("defect", f"{type(error).__name__}: {error}")

    async def _keep(self, claimed: Claimed) -> None:
        letter = claimed.letter
        while True:
            await asyncio.sleep(KEEP_EVERY_SECONDS)
            with suppress(Deferred):  # the claim has time left; a ledger that stays away lets it run out
                until = clock.now() + timedelta(seconds=CLAIM_SECONDS)
                await self._ledger.write(carriage.keep, letter.id, letter.lease_id, until)


async def _first(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

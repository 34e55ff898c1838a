"""The relay: claim rows, publish with pipelined confirms, remove what is confirmed.

Windows of a crash: before publishing, the claim runs out and another relay takes the row; after publishing and before
the mark, the row is published once more and the courier's take-over does nothing the second time.
A broker that is away costs nothing but time: claims go back, the relay pauses and tries again.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from hub import clock
from hub.broker.port import Broker, BrokerUnavailable, ClaimCheck
from hub.ledger import Ledger, outbox
from hub.ledger.outbox import OutboxRow
from hub.problems import Deferred

log = structlog.get_logger()

BATCH = 500
IDLE_SECONDS = 0.1
# after a batch that was not full: what comes in meanwhile is moved by one claim instead of many
LINGER_SECONDS = 0.05
LONGEST_PAUSE = 5.0
POSTPONE_SECONDS = 1.0


class Relay:
    """Runs until cancelled. ``wake`` cuts a pause short when the same process has just committed."""

    def __init__(self, ledger: Ledger, broker: Broker, claim_seconds: float) -> None:
        self._ledger = ledger
        self._broker = broker
        self._claim_seconds = claim_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        failures = 0
        while True:
            self._woken.clear()
            try:
                moved = await self.step()
                failures = 0
            except (BrokerUnavailable, Deferred) as error:
                failures += 1
                log.warning("relay.waiting", reason=str(error), failures=failures)
                await asyncio.sleep(pause(failures))
                continue
            if not moved:
                await self._idle()
            elif moved < BATCH:
                await asyncio.sleep(LINGER_SECONDS)

    async def _idle(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), IDLE_SECONDS)
        except TimeoutError:
            return  # the tick: another process may have committed

    async def step(self) -> int:
        """One batch; returns how many rows were confirmed. Raises ``BrokerUnavailable`` with all claims given back."""
        at = clock.now()
        rows = await self._ledger.statement(outbox.claim, BATCH, at, self._claim_seconds)
        if not rows:
            return 0
        try:
            confirmed = await self._broker.publish([_claim_check(row) for row in rows])
        except BrokerUnavailable:
            await self._ledger.write(outbox.release, rows)
            raise
        done = [row for row, held in zip(rows, confirmed, strict=True) if held]
        if done:
            await self._ledger.statement(outbox.confirm, done, clock.now())
        if len(done) < len(rows):
            # set aside, not given back: a queue that refuses must not hold up the others behind it
            held = set(done)
            later = clock.now() + timedelta(seconds=POSTPONE_SECONDS)
            await self._ledger.write(outbox.postpone, [row for row in rows if row not in held], later)
            log.warning("relay.not_confirmed", count=len(rows) - len(done))
        return len(done)


def pause(failures: int) -> float:
    """Seconds before the next try: full jitter over a doubling bound, never more than five seconds."""
    bound = min(LONGEST_PAUSE, 0.2 * 2 ** min(failures, 10))
    return clock.jitter(bound / 4, bound)


def _claim_check(row: OutboxRow) -> ClaimCheck:
    return ClaimCheck(
        delivery_id=row.delivery_id,
        envelope_id=row.envelope_id,
        system_id=row.system_id,
        recipient=row.recipient_code,
        priority=row.priority,
        attempt=row.attempt,
        traceparent=row.traceparent,
    )

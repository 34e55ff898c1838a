"""The sweep: the ledger is the truth, so whatever the broker lost is published again.

A delivery that has been published for a while and that nobody took over is either still waiting in its queue or lost.
Only when the queue is empty is it lost for certain; publishing again would otherwise grow a slow courier's backlog.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from hub import clock
from hub.broker.port import Broker, BrokerUnavailable
from hub.ledger import Ledger, outbox
from hub.problems import Deferred

log = structlog.get_logger()
BATCH = 1000


class Sweep:
    """Runs until cancelled: every ``every`` seconds looks for deliveries stranded longer than ``after`` seconds."""

    def __init__(self, ledger: Ledger, broker: Broker, every: float, after: float) -> None:
        self._ledger = ledger
        self._broker = broker
        self._every = every
        self._after = after

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.step(self._after)
            except (BrokerUnavailable, Deferred) as error:
                log.warning("sweep.waiting", reason=str(error))

    async def step(self, after: float) -> int:
        """Republish what has been stranded for ``after`` seconds; returns how many. Raises ``BrokerUnavailable``."""
        at = clock.now()
        cutoff = at - timedelta(seconds=after)
        total = 0
        for system_id in await self._ledger.read(outbox.stranded, cutoff, at):
            if await self._broker.depth(system_id) > 0:
                continue
            while count := await self._ledger.write(outbox.republish, system_id, cutoff, clock.now(), BATCH):
                total += count
                log.warning("sweep.republished", system=system_id, count=count)
        return total

"""The courier: consumes every registered system's queue, and sees to it that somebody hands over by its channel.

Couriers compete for messages; two of them on one queue share it. Systems registered later are found within seconds.
"""

from __future__ import annotations

import asyncio

import structlog

from hub.broker.port import Broker
from hub.delivery.carriage import Carriage
from hub.delivery.inbox import Inbox
from hub.ledger import Ledger, agencies, systems
from hub.problems import Deferred
from hub.registry.model import System

log = structlog.get_logger()
LOOK_SECONDS = 1.0


class Courier:
    """Runs until cancelled."""

    def __init__(self, ledger: Ledger, broker: Broker, inbox: Inbox, carriage: Carriage) -> None:
        self._ledger = ledger
        self._broker = broker
        self._inbox = inbox
        self._carriage = carriage
        self._consuming: set[str] = set()
        self._systems: list[System] = []
        self._revision = -1

    async def run(self) -> None:
        while True:
            try:
                await self.step()
            except Deferred as error:
                log.warning("courier.waiting", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Start consuming the queues of systems not consumed yet. A suspended system's documents wait in its inbox."""
        # a thousand systems are read when the registry has changed, and not every second; a channel never changes
        revision = await self._ledger.read(agencies.revision)
        if revision != self._revision:
            self._systems = await self._ledger.read(systems.every)
            self._revision = revision
        for system in self._systems:
            self._carriage.serve(system)
            if system.id not in self._consuming:
                await self._broker.consume(system.id, self._inbox.hand_over)
                self._consuming.add(system.id)

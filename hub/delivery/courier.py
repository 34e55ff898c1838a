"""The courier: consumes every registered system's queue and hands over by the system's channel.

Couriers compete for messages; two of them on one queue share it. Systems registered later are found within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from hub.broker.port import Broker
from hub.delivery.channel import Channel
from hub.ledger import Ledger, systems
from hub.problems import Deferred

log = structlog.get_logger()
LOOK_SECONDS = 1.0


class Courier:
    """Runs until cancelled."""

    def __init__(self, ledger: Ledger, broker: Broker, channels: Mapping[str, Channel]) -> None:
        self._ledger = ledger
        self._broker = broker
        self._channels = channels
        self._consuming: set[str] = set()

    async def run(self) -> None:
        while True:
            try:
                await self.step()
            except Deferred as error:
                log.warning("courier.waiting", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Start consuming the queues of systems not consumed yet. A suspended system's documents wait in its inbox."""
        for system in await self._ledger.read(systems.every):
            if system.id not in self._consuming:
                await self._broker.consume(system.id, self._channels[system.channel].hand_over)
                self._consuming.add(system.id)

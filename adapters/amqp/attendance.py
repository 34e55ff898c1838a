"""What the role ``deliver`` does for systems of the channel besides carrying: queues, users, and an open ear.

Every system has its queue and, where the hub may make them, its RabbitMQ user. Also after the broker has lost its
disk: then both are made again, with the password that the system has.
"""

from __future__ import annotations

import asyncio

import structlog

from adapters.amqp.listening import Listening
from adapters.amqp.management import Management, ManagementUnavailable
from hub.broker.port import BrokerUnavailable, SystemQueues
from hub.ledger import Ledger, systems
from hub.problems import Deferred
from hub.registry.amqp import PASSWORD_HASH
from hub.registry.model import System

log = structlog.get_logger()
LOOK_SECONDS = 1.0
# an interface that is away is not asked for hundreds of systems every second
PAUSE_SECONDS = 10.0


class Attendance:
    """Runs until cancelled. ``management`` None: users are made by an operator."""

    def __init__(
        self, ledger: Ledger, queues: SystemQueues, listening: Listening, management: Management | None
    ) -> None:
        self._ledger = ledger
        self._queues = queues
        self._listening = listening
        self._management = management
        self._granted: dict[str, tuple[str, bool]] = {}

    async def run(self) -> None:
        await self._queues.listen(self._listening.hear)
        while True:
            pause = LOOK_SECONDS
            try:
                await self.step()
            except (BrokerUnavailable, Deferred) as error:
                log.debug("amqp.attendance_waiting", reason=str(error))
            except ManagementUnavailable as error:
                log.warning("amqp.users_waiting", reason=str(error))
                pause = PAUSE_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> None:
        """Declare what this connection has not declared yet, and make users that are new, changed or lost with it.

        Raises ``BrokerUnavailable``, ``Deferred``, ``ManagementUnavailable``.
        """
        mine = [one for one in await self._ledger.read(systems.every) if one.channel == "amqp"]
        for system in mine:
            if await self._queues.prepare(system.id):
                self._granted.pop(system.id, None)
        for system in mine:
            await self._grant(system)

    async def _grant(self, system: System) -> None:
        wanted = (str(system.options.get(PASSWORD_HASH, "")), system.active)
        if self._management is None or not wanted[0] or self._granted.get(system.id) == wanted:
            return
        await asyncio.to_thread(self._management.grant, system)
        if not system.active:
            # whoever consumes already would go on: rights are looked at when consuming begins
            await asyncio.to_thread(self._management.disconnect, system)
        self._granted[system.id] = wanted

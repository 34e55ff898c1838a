"""The hub's listener at work, with the ledger before it and RabbitMQ behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from sqlalchemy import update

from adapters.amqp.listening import Listening
from hub import clock
from hub.audit import Entry
from hub.broker import RabbitBroker
from hub.broker.topology import DEAD_QUEUE
from hub.delivery.handed import HandedOver
from hub.delivery.lease import Close, Closed, Leases
from hub.ledger import Ledger, carriage, exchange_log, leasing, receipts, systems
from hub.ledger.carriage import Attempt
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import system
from hub.problems import Deferred
from hub.receipts.statuses import Statuses
from hub.registry.model import System
from tests.amqp.agency import AgencySystem, Desk
from tests.broker.recorder import eventually
from tests.ledger.stage import Stage

HUB = "https://hub.test"


@dataclass
class Ear:
    """The hub's listener at work for h33 and h40; both are systems of the channel with a user of their own."""

    stage: Stage
    broker: RabbitBroker
    h33: AgencySystem
    h40: AgencySystem
    operator: AbstractChannel
    leases: Leases
    away: list[str] = field(default_factory=list)  # one entry for each time that the ledger is to be away

    def handed(self, *recipients: str, times: int = 1, **more: Any) -> list[str]:
        """Deliveries that lie in their systems' queues: under the courier's lease."""
        ids = self.stage.in_inbox(*(recipients or ("H33",)), **more)
        at = clock.now()
        for system_id in ("h33", "h40"):
            self.stage.ledger.write_now(
                leasing.lease, system_id, clock.new_id(), 100, at, at + timedelta(minutes=5), by_courier=True
            )
        rows = [Attempt(one, 1, "amqp", at, at, "handed") for one in ids for _ in range(times)]
        self.stage.ledger.write_now(carriage.record, rows)
        return ids

    def state(self, delivery_id: str) -> str:
        return self.stage.state(delivery_id)

    async def becomes(self, delivery_id: str, state: str) -> None:
        async def so() -> bool:
            return self.state(delivery_id) == state

        await eventually(so)

    def told(self, delivery_id: str) -> list[tuple[str, str]]:
        """The sender's receipts about a delivery: event and description."""
        found, _ = self.stage.ledger.read_now(receipts.feed, "sender", None, 1000)
        return [(one.event, one.description) for one in found if one.delivery_id == delivery_id]

    def kinds(self, delivery_id: str) -> list[str]:
        entries, _ = self.stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
        return [one["kind"] for one in entries if one["delivery_id"] == delivery_id]

    async def heard_all(self) -> None:
        """Everything said before has been dealt with: what is said last is answered last."""
        await self.h40.say("lienthong.settlement.v1", {"delivery": "the last", "result": "settled"})
        while json.loads((await self.h40.take("lienthong.problem.v1")).body)["about"]["delivery"] != "the last":
            pass
        await self.parked()

    async def parked(self) -> AbstractIncomingMessage:
        """The next message that was set aside."""
        queue = await self.operator.get_queue(DEAD_QUEUE, ensure=False)
        for _ in range(500):
            if (message := await queue.get(fail=False)) is not None:
                await message.ack()
                return message
            await asyncio.sleep(0.02)
        raise AssertionError("nothing was set aside")

    async def nothing_parked(self) -> bool:
        queue = await self.operator.get_queue(DEAD_QUEUE, ensure=False)
        return await queue.get(fail=False) is None

    async def refused(self, agency: AgencySystem) -> dict[str, Any]:
        """The problem that the system was told of; the message that it is about is set aside as well."""
        found: dict[str, Any] = json.loads((await agency.take("lienthong.problem.v1")).body)
        reason = str((await self.parked()).headers["lienthong-reason"])
        assert reason.startswith(found["code"])
        return found


class SometimesAway(Leases):
    """A ledger that is away as often as it is told to be."""

    away: list[str]

    async def settle(self, close: Close) -> Closed:
        if self.away:
            self.away.pop()
            raise Deferred("ledger-unavailable")
        return await super().settle(close)


@pytest.fixture
async def ear(stage: Stage, desk: Desk, broker: RabbitBroker, broker_url: str) -> AsyncIterator[Ear]:
    h33, h40 = await desk.system("h33"), await desk.system("h40")
    stage.by_channel("amqp", "h33", "h40")
    for one, user in (("h33", h33.user), ("h40", h40.user)):
        named = update(system).where(system.c.id == one).values(client_id=user)
        stage.ledger.write_now(lambda transaction, named=named: transaction.execute(named))
    leases = SometimesAway(stage.ledger, stage.signer)
    connection = await aio_pika.connect(broker_url)
    made = Ear(stage, broker, h33, h40, await connection.channel(), leases)
    leases.away = made.away
    await broker.systems.listen(listening(stage.ledger, broker, leases, Statuses(stage.ledger, stage.signer)).hear)
    yield made
    for opened in (h33, h40, connection):
        await opened.close()


def listening(ledger: Ledger, broker: RabbitBroker, leases: Leases, statuses: Statuses) -> Listening:
    async def speaker(client_id: str) -> System | None:
        return await ledger.read(systems.by_client, client_id)

    async def record(entries: list[Entry]) -> None:
        await ledger.write(exchange_log.append, entries)

    return Listening(
        broker.systems,
        leases,
        HandedOver(ledger, leases._signer),
        statuses,
        speaker=speaker,
        record=record,
        base_url=HUB,
    )

"""An agency's document system on RabbitMQ, as an agency would write one: aio-pika, its own user, nothing of the hub."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from adapters.amqp.account import virtual_host
from adapters.amqp.management import Management
from hub import clock
from hub.broker import RabbitBroker
from hub.registry.amqp import PASSWORD_HASH, hashed
from hub.registry.model import System
from tests.services import RabbitMQ


@dataclass
class AgencySystem:
    """``user`` is also its routing key. Reconnects when it is used after its connection was lost."""

    address: str
    vhost: str
    user: str
    password: str
    queue: str
    _connection: AbstractConnection | None = field(default=None, repr=False)
    _channel: AbstractChannel | None = field(default=None, repr=False)

    async def connected(self) -> AbstractConnection:
        if self._connection is None or self._connection.is_closed:
            self._connection = await self.connection()
        return self._connection

    async def connection(self) -> AbstractConnection:
        """A new one, also when that fails."""
        host, _, port = self.address.partition(":")
        return await aio_pika.connect(
            host=host, port=int(port), login=self.user, password=self.password, virtualhost=self.vhost
        )

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def take(self, type_: str = "", seconds: float = 15) -> AbstractIncomingMessage:
        """The next message of this type (others are acknowledged), itself acknowledged; fails when none comes.

        The hub makes the queue a moment after the system was registered: until then there is nothing to look into.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = await self.look()
            except ChannelNotFoundEntity:
                message = None
            if message is not None:
                await message.ack()
                if type_ in ("", message.type):
                    return message
            assert time.monotonic() < deadline, f"no {type_ or 'message'} came"
            if message is None:
                await asyncio.sleep(0.02)

    async def look(self) -> AbstractIncomingMessage | None:
        """A message, not acknowledged, or None when none waits."""
        if self._channel is None or self._channel.is_closed or self._connection is None or self._connection.is_closed:
            self._channel = await (await self.connected()).channel()
        queue = await self._channel.get_queue(self.queue, ensure=False)
        return await queue.get(fail=False, timeout=5)

    async def say(
        self,
        type_: str,
        body: dict[str, Any] | bytes,
        *,
        user_id: str | None = "",
        key: str | None = None,
        message_id: str = "",
    ) -> None:
        """Publish to ``receipts``, confirmed; as this user under its own key unless told otherwise."""
        channel = await (await self.connected()).channel(on_return_raises=True)
        exchange = await channel.get_exchange("receipts", ensure=False)
        message = aio_pika.Message(
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            type=type_,
            user_id=self.user if user_id == "" else user_id,
            message_id=message_id or clock.new_id(),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, self.user if key is None else key)
        await channel.close()

    async def settle(self, delivery: str, result: str = "settled", **more: str) -> None:
        await self.say("lienthong.settlement.v1", {"delivery": delivery, "result": result, **more})


@dataclass
class Desk:
    """Makes systems of the channel: rows as the registry has them, users as the hub makes them."""

    rabbitmq: RabbitMQ
    broker: RabbitBroker
    url: str

    @property
    def management(self) -> Management:
        return Management(self.rabbitmq.management_url, virtual_host(self.url))

    def row(self, system_id: str, password: str) -> System:
        # users are shared by all virtual hosts of the node: a name of its own for every test
        user = f"sys-{clock.new_id()}"
        return System(
            system_id, f"system {system_id}", "amqp", user, "0" * 64, False, True,
            options={PASSWORD_HASH: hashed(password)},
        )  # fmt: skip

    def of(self, system: System, password: str) -> AgencySystem:
        place = urlsplit(self.url)
        return AgencySystem(
            f"{place.hostname}:{place.port}",
            virtual_host(self.url),
            system.client_id,
            password,
            f"agency.{system.id}",
        )

    async def system(self, system_id: str) -> AgencySystem:
        """With its queue and its user."""
        password = clock.new_secret()
        system = self.row(system_id, password)
        await self.broker.systems.prepare(system_id)
        await asyncio.to_thread(self.management.grant, system)
        return self.of(system, password)

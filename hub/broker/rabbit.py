"""The broker on RabbitMQ 3.10+ and 4.x."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiormq.exceptions import ChannelNotFoundEntity

from hub.broker import publishing
from hub.broker.connection import Link, amqp_failures
from hub.broker.consuming import Consumer
from hub.broker.port import BrokerUnavailable, ClaimCheck, Handler
from hub.broker.topology import DELIVER_EXCHANGE, inbox

ROUND_TRIP_SECONDS = 5.0


class RabbitBroker:
    """Implements ``hub.broker.port.Broker``: two connections, since back-pressure blocks a whole connection.

    The consuming connection is opened by the first ``consume``.
    """

    def __init__(self, url: str) -> None:
        self._publishing = Link(url, "publishing")
        self._consuming = Link(url, "consuming")
        self._consumers: dict[str, Consumer] = {}

    async def open(self) -> None:
        """Start connecting; returns after the first attempt, successful or not."""
        await self._publishing.open()

    async def close(self) -> None:
        """Stop consuming and disconnect; a handler at work may end its batch, for some seconds."""
        consumers, self._consumers = self._consumers, {}
        await asyncio.gather(*(consumer.stop() for consumer in consumers.values()))
        await self._consuming.close()
        await self._publishing.close()

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        """Publish with pipelined confirms; raises ``BrokerUnavailable`` when nothing could be published at all."""
        return await publishing.publish(self._publishing, messages)

    async def consume(self, system_id: str, handler: Handler) -> None:
        """Start handing one system's messages to ``handler``; a no-op when that is done already."""
        if system_id in self._consumers:
            return
        self._consumers[system_id] = Consumer(self._consuming, system_id, handler)
        await self._consuming.open()

    async def cancel(self, system_id: str) -> None:
        """Stop consuming one system's queue; what was handed out and not acknowledged goes back."""
        consumer = self._consumers.pop(system_id, None)
        if consumer is not None:
            await consumer.stop()

    async def depth(self, system_id: str) -> int:
        """Messages waiting in the queue; 0 when it does not exist. Raises ``BrokerUnavailable``."""
        try:
            with amqp_failures():
                async with asyncio.timeout(ROUND_TRIP_SECONDS):
                    async with self._publishing.session().borrowed_channel() as channel:
                        declared = await channel.queue_declare(inbox(system_id).name, passive=True)
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return 0
            raise
        return declared.message_count or 0

    async def ready(self) -> bool:
        """A real round trip to the broker."""
        try:
            with amqp_failures():
                async with asyncio.timeout(ROUND_TRIP_SECONDS):
                    async with self._publishing.session().borrowed_channel() as channel:
                        await channel.exchange_declare(DELIVER_EXCHANGE, passive=True)
        except BrokerUnavailable:
            return False
        return True

"""The broker on RabbitMQ 3.10+ and 4.x."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from aiormq.abc import DeliveredMessage

from hub.broker import publishing
from hub.broker.connection import ROUND_TRIP_SECONDS, Link, amqp_failures
from hub.broker.consuming import Consumer
from hub.broker.messages import TOGETHER, MalformedMessageError, decode, encode
from hub.broker.port import BrokerUnavailable, ClaimCheck, Handler
from hub.broker.publishing import Publication
from hub.broker.system_queues import RabbitSystemQueues
from hub.broker.topology import DELIVER_EXCHANGE, inbox

# messages handed over at once, each of up to TOGETHER claim checks
BATCH = 20


class RabbitBroker:
    """Implements ``hub.broker.port.Broker``: two connections, since back-pressure blocks a whole connection.

    The consuming connection is opened by the first ``consume``.
    """

    def __init__(self, url: str) -> None:
        self._publishing = Link(url, "publishing")
        self._consuming = Link(url, "consuming")
        self._consumers: dict[str, Consumer[tuple[ClaimCheck, ...]]] = {}
        self.systems = RabbitSystemQueues(self._publishing, self._consuming)

    async def open(self) -> None:
        """Start connecting; returns after the first attempt, successful or not."""
        await self._publishing.open()

    async def close(self) -> None:
        """Stop consuming and disconnect; a handler at work may end its batch, for some seconds."""
        consumers, self._consumers = self._consumers, {}
        await asyncio.gather(self.systems.close(), *(consumer.stop() for consumer in consumers.values()))
        await self._consuming.close()
        await self._publishing.close()

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        """Publish with pipelined confirms; raises ``BrokerUnavailable`` when nothing could be published at all."""
        groups = list(_together(messages))
        publications = [_publication([messages[place] for place in group]) for group in groups]
        held = [False] * len(messages)
        for group, confirmed in zip(groups, await publishing.publish(self._publishing, publications), strict=True):
            for place in group:
                held[place] = confirmed
        return held

    async def consume(self, system_id: str, handler: Handler) -> None:
        """Start handing one system's messages to ``handler``; a no-op when that is done already."""
        if system_id in self._consumers:
            return

        def read(message: DeliveredMessage) -> tuple[ClaimCheck, ...]:
            return _claim_checks(message, system_id)

        async def hand_over(groups: Sequence[tuple[ClaimCheck, ...]]) -> None:
            await handler([claim for group in groups for claim in group])

        self._consumers[system_id] = Consumer(self._consuming, inbox(system_id), read, hand_over, BATCH)
        await self._consuming.open()

    async def cancel(self, system_id: str) -> None:
        """Stop consuming one system's queue; what was handed out and not acknowledged goes back."""
        consumer = self._consumers.pop(system_id, None)
        if consumer is not None:
            await consumer.stop()

    async def depth(self, system_id: str) -> int:
        """Messages waiting in the queue; 0 when it does not exist. Raises ``BrokerUnavailable``."""
        return await self._publishing.depth(inbox(system_id).name)

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


def _together(messages: Sequence[ClaimCheck]) -> Iterator[list[int]]:
    """Which of the messages travel as one, by their places: those of one system, in their order."""
    places: dict[str, list[int]] = {}
    for place, message in enumerate(messages):
        places.setdefault(message.system_id, []).append(place)
    for of in places.values():
        yield from (of[start : start + TOGETHER] for start in range(0, len(of), TOGETHER))


def _publication(claims: Sequence[ClaimCheck]) -> Publication:
    wire = encode(claims)
    # without a message_id: two publications of one delivery may be under way at once
    return Publication(
        inbox(claims[0].system_id), wire.body, wire.type, correlation_id=wire.correlation_id, headers=wire.headers
    )


def _claim_checks(message: DeliveredMessage, system_id: str) -> tuple[ClaimCheck, ...]:
    properties = message.header.properties
    claims = decode(properties.message_type, message.body, properties.headers)
    for claim in claims:
        if claim.system_id != system_id:
            raise MalformedMessageError(f"it is meant for system {claim.system_id!r}")
    return claims

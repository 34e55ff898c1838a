"""Consuming one queue in batches, for as long as wanted, whatever happens to broker and queue meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from aiormq.abc import AbstractChannel, DeliveredMessage

from hub.broker.connection import Link, Session, amqp_failures
from hub.broker.messages import MalformedMessageError
from hub.broker.port import BrokerUnavailable
from hub.broker.topology import Queue

logger = logging.getLogger(__name__)
Message = TypeVar("Message")

BATCH = 200
LINGER_SECONDS = 0.05
# RabbitMQ 3.10 forgets a consumer without a word when its queue is deleted and declared again within milliseconds, and
# nothing that can be asked tells such a consumer from one without work. So silence ends a subscription, and a new one
# gets whatever was held for the old.
SILENCE_SECONDS = 120.0
RESUBSCRIBE_SECONDS = 0.2
FIRST_FAILURE_PAUSE_SECONDS = 0.2
LONGEST_FAILURE_PAUSE_SECONDS = 5.0
DRAIN_SECONDS = 10.0


class Arrivals:
    """Messages handed to us on one subscription and not acknowledged; knows when no more will come."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._queue: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        self._ended = False

    async def add(self, message: DeliveredMessage) -> None:
        self._queue.put_nowait(message)

    def end(self, _reason: object) -> None:
        self._ended = True
        self._queue.put_nowait(None)

    async def next_batch(self) -> list[DeliveredMessage]:
        """Wait for one message, then take what comes within a moment; empty when the subscription is over or silent.

        What had arrived by the end is left aside: it can no longer be acknowledged and will be handed out again.
        """
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                first = await self._queue.get()
        except TimeoutError:
            return []
        if self._queue.qsize() + 1 < self._batch:
            await asyncio.sleep(LINGER_SECONDS)
        if first is None or self._ended:
            return []
        batch = [first]
        while len(batch) < self._batch and not self._queue.empty():
            message = self._queue.get_nowait()
            if message is None:
                return []
            batch.append(message)
        return batch


class Consumer(Generic[Message]):
    """Hands one queue's messages to one handler, one batch at a time.

    ``read`` makes of a delivered message what the handler takes; what it calls malformed goes to the dead queue.
    ``batch``: messages handed over at once.
    """

    def __init__(
        self,
        link: Link,
        queue: Queue,
        read: Callable[[DeliveredMessage], Message],
        handler: Callable[[Sequence[Message]], Awaitable[None]],
        batch: int = BATCH,
        prefetch: int | None = None,
    ) -> None:
        self._link = link
        self._queue = queue
        self._read = read
        self._handler = handler
        self._batch = batch
        # the next batch arrives while the handler works on this one
        self._prefetch = prefetch or 2 * batch
        self._stopping = False
        self._batch_in_hand = asyncio.Lock()
        self._failure_pause = FIRST_FAILURE_PAUSE_SECONDS
        self._task = asyncio.create_task(self._run(), name=f"consume {queue.name}")

    async def stop(self) -> None:
        """Let the batch in hand end and acknowledge it; the rest goes back to the queue."""
        self._stopping = True
        with suppress(TimeoutError):  # a handler that does not end is cancelled, and its batch given back
            async with asyncio.timeout(DRAIN_SECONDS), self._batch_in_hand:
                pass
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._stopping:
            session = await self._link.connected()
            try:
                with amqp_failures():
                    await self._subscription(session)
            except BrokerUnavailable as error:
                logger.info("consumer of %s interrupted: %s", self._queue.name, error)
            await asyncio.sleep(RESUBSCRIBE_SECONDS)

    async def _subscription(self, session: Session) -> None:
        """Declare, subscribe and work until the channel, the connection or the queue is gone."""
        await session.declare(self._queue, again=True)
        async with session.borrowed_channel() as channel:
            arrivals = Arrivals(self._batch)
            channel.closing.add_done_callback(arrivals.end)
            channel.on_consumer_cancel_callbacks.add(arrivals.end)
            await channel.basic_qos(prefetch_count=self._prefetch)
            await channel.basic_consume(self._queue.name, arrivals.add)
            while batch := await arrivals.next_batch():
                async with self._batch_in_hand:
                    if self._stopping:
                        return
                    settled = await self._hand_over(channel, batch)
                if not settled:
                    await asyncio.sleep(self._failure_pause)

    async def _hand_over(self, channel: AbstractChannel, batch: list[DeliveredMessage]) -> bool:
        messages, last_tag = await self._readable(channel, batch)
        if not messages:
            return True
        try:
            await self._handler(messages)
        except Exception:
            logger.exception("%d messages given back to %s", len(messages), self._queue.name)
            await channel.basic_nack(last_tag, multiple=True, requeue=True, wait=False)
            self._failure_pause = min(2 * self._failure_pause, LONGEST_FAILURE_PAUSE_SECONDS)
            return False
        await channel.basic_ack(last_tag, multiple=True, wait=False)
        self._failure_pause = FIRST_FAILURE_PAUSE_SECONDS
        return True

    async def _readable(self, channel: AbstractChannel, batch: list[DeliveredMessage]) -> tuple[list[Message], int]:
        """The messages read, and the tag up to which they are acknowledged; the rest goes to the dead queue."""
        messages: list[Message] = []
        last_tag = 0
        for message in batch:
            tag = message.delivery_tag
            assert tag is not None  # basic.deliver always has one
            try:
                messages.append(self._read(message))
                # Of a readable one: RabbitMQ closes the channel when the tag named with "multiple" is settled already.
                last_tag = tag
            except MalformedMessageError as error:
                logger.error("message moved from %s to the dead queue: %s", self._queue.name, error)
                await channel.basic_reject(tag, requeue=False, wait=False)
        return messages, last_tag

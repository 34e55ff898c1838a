"""The broker of the embedded engine: queues in this process, refilled from the ledger at every start."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from hub.broker.port import BrokerUnavailable, ClaimCheck, Handler

logger = logging.getLogger(__name__)

BATCH = 200
FIRST_FAILURE_PAUSE_SECONDS = 0.2
LONGEST_FAILURE_PAUSE_SECONDS = 5.0
DRAIN_SECONDS = 10.0


class _Queue:
    """One system's waiting messages, first in first out; what is handed out is not in it."""

    def __init__(self) -> None:
        self.waiting: deque[ClaimCheck] = deque()
        self._arrival = asyncio.Event()

    def add(self, message: ClaimCheck) -> None:
        self.waiting.append(message)
        self._arrival.set()

    async def take(self) -> list[ClaimCheck]:
        """Up to a batch, at least one; they belong to the caller until given back."""
        while not self.waiting:
            self._arrival.clear()
            await self._arrival.wait()
        return [self.waiting.popleft() for _ in range(min(BATCH, len(self.waiting)))]

    def give_back(self, batch: Sequence[ClaimCheck]) -> None:
        self.waiting.extendleft(reversed(batch))
        self._arrival.set()


class MemoryQueues:
    """What the "server" holds; brokers that share it see the same queues."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def of(self, system_id: str) -> _Queue:
        return self._queues.setdefault(system_id, _Queue())


class MemoryBroker:
    """Implements ``hub.broker.port.Broker`` inside one process; nothing outlives the process, and nothing needs to."""

    def __init__(self, queues: MemoryQueues | None = None) -> None:
        self._queues = queues or MemoryQueues()
        self._consumers: dict[str, _Consumer] = {}
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        """Stop consuming; a handler at work may end its batch, for some seconds."""
        self._is_open = False
        consumers, self._consumers = self._consumers, {}
        await asyncio.gather(*(consumer.stop() for consumer in consumers.values()))

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        """Queue all of them; raises ``BrokerUnavailable`` when not open."""
        self._require_open()
        for message in messages:
            self._queues.of(message.system_id).add(message)
        return [True] * len(messages)

    async def consume(self, system_id: str, handler: Handler) -> None:
        """Start handing one system's messages to ``handler``; a no-op when that is done already."""
        if system_id not in self._consumers:
            self._consumers[system_id] = _Consumer(self._queues.of(system_id), system_id, handler)

    async def cancel(self, system_id: str) -> None:
        """Stop consuming one system's queue."""
        consumer = self._consumers.pop(system_id, None)
        if consumer is not None:
            await consumer.stop()

    async def depth(self, system_id: str) -> int:
        """Messages waiting in the queue. Raises ``BrokerUnavailable`` when not open."""
        self._require_open()
        return len(self._queues.of(system_id).waiting)

    async def ready(self) -> bool:
        return self._is_open

    def _require_open(self) -> None:
        if not self._is_open:
            raise BrokerUnavailable("the in-process broker is not open")


class _Consumer:
    def __init__(self, queue: _Queue, system_id: str, handler: Handler) -> None:
        self._queue = queue
        self._system_id = system_id
        self._handler = handler
        self._stopping = False
        self._batch_in_hand = asyncio.Lock()
        self._task = asyncio.create_task(self._run(), name=f"consume {system_id}")

    async def stop(self) -> None:
        """Let the batch in hand end; when it does not, cancel its handler and give the batch back."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS), self._batch_in_hand:
                pass
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause = FIRST_FAILURE_PAUSE_SECONDS
        while not self._stopping:
            batch = await self._queue.take()
            async with self._batch_in_hand:
                done = await self._hand_over(batch)
            if done:
                pause = FIRST_FAILURE_PAUSE_SECONDS
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_FAILURE_PAUSE_SECONDS)

    async def _hand_over(self, batch: list[ClaimCheck]) -> bool:
        done = False
        try:
            await self._handler(batch)
            done = True
        except Exception:
            logger.exception("%d messages of system %s given back to the queue", len(batch), self._system_id)
        finally:
            if not done:  # a cancelled handler's batch too
                self._queue.give_back(batch)
        return done

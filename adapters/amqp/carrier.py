"""``AmqpCarrier``: a claim check into the system's own queue; the system fetches over HTTPS and settles by a message.

Handing over again, because the time ran out unsettled, asks first whether messages still wait in the queue: then the
system has not got to them yet, and a second copy would only grow the queue. What waits may be other messages than
this one, though, which was rejected, purged or lost with a disk: so now and then a copy is published all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from adapters.amqp import documents
from hub import clock
from hub.broker.port import BrokerUnavailable, Note, SystemQueues
from hub.delivery.carrier import Delivered, Failed, Handed, Outcome, Parcel
from hub.delivery.connectivity import Found
from hub.language import mark
from hub.ledger.receipts import ReceiptRecord
from hub.registry.model import System

# the 8th, 16th, 32nd … time: a week of looking once an hour makes five copies beside the first
LEAST_BEFORE_A_COPY = 8
# a system that is away is looked after less and less often, but a copy that was lost is missed within so many times
LONGEST_WAIT = 4
# RabbitMQ 4.x takes no message above 16 MiB
LARGEST_MESSAGE = 1024 * 1024


class AmqpCarrier:
    """``handed_before``: how often a delivery was put into its system's queue, or was found waiting there."""

    concurrency = 100

    def __init__(
        self,
        queues: SystemQueues,
        handed_before: Callable[[str], Awaitable[int]],
        base_url: str,
        lease_seconds: float,
    ) -> None:
        self._queues = queues
        self._handed_before = handed_before
        self._base_url = base_url
        self._lease = timedelta(seconds=lease_seconds)

    async def carry(self, parcel: Parcel) -> Outcome:
        """Publish, unless the copy of before still waits."""
        delivery_id, system_id = parcel.delivery.id, parcel.system.id
        until = clock.now() + self._lease
        try:
            # of a first attempt there is nothing to ask
            before = await self._handed_before(delivery_id) if parcel.delivery.attempts > 1 else 0
            waiting = await self._queues.waiting(system_id) if before else 0
            if waiting and not copies(before):
                return Handed(clock.now() + self._lease * min(before + 1, LONGEST_WAIT), {"waiting": waiting})
            failed = await self._post(system_id, [documents.claim_check(parcel, self._base_url, until)])
        except BrokerUnavailable as error:
            return Failed("unreachable", str(error))
        return failed or Handed(until)

    async def tell(self, system: System, receipts: Sequence[ReceiptRecord]) -> Outcome:
        """Receipts as messages; ``Delivered`` once the broker holds all of them."""
        try:
            failed = await self._post(system.id, documents.told(receipts, LARGEST_MESSAGE))
        except BrokerUnavailable as error:
            return Failed("unreachable", str(error))
        return failed or Delivered()

    async def _post(self, system_id: str, notes: Sequence[Note]) -> Failed | None:
        held = await self._queues.post(system_id, notes)
        if all(held):
            return None
        return Failed("busy", f"the system's queue did not take {held.count(False)} of {len(held)} messages")

    async def probe(self, system: System) -> Found:
        """Whether its queue is there, who consumes it, and how many messages lie in it."""
        try:
            queue = await self._queues.state(system.id)
        except BrokerUnavailable as error:
            return Found(False, ((mark("Broker"), str(error)),))
        if queue is None:
            return Found(False, ((mark("Queue"), "–"),))
        counted = ((mark("Consumers"), str(queue.consumers)), (mark("Messages in the queue"), str(queue.messages)))
        return Found(queue.consumers > 0, ((mark("Queue"), queue.name), *counted))

    async def close(self) -> None:
        """The broker's connections are the hub's."""


def copies(before: int) -> bool:
    """Whether a copy is due although messages wait: at powers of two from ``LEAST_BEFORE_A_COPY``."""
    return before >= LEAST_BEFORE_A_COPY and before & (before - 1) == 0

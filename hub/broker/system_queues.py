"""Queues that agencies' systems consume themselves, and what they say: the channel amqp on RabbitMQ.

Who may do what is RabbitMQ's to enforce: each system has a user whose permissions reach its own queue and its own
routing key of the exchange ``receipts``. The broker also compares the ``user_id`` of a message with the user of the
connection, so that a message that carries one is from that user, and one that carries none is from nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiormq.abc import DeliveredMessage

from hub.broker import publishing, topology
from hub.broker.connection import Link, Session, amqp_failures
from hub.broker.consuming import Consumer
from hub.broker.messages import TRACEPARENT
from hub.broker.port import BrokerUnavailable, Listener, Note, QueueState, Said
from hub.broker.publishing import Publication

# Messages of agencies may be as long as the broker lets them be: fewer of them are held at once than claim checks.
PREFETCH = 64
LONGEST_PARKED_BODY = 64 * 1024
# RabbitMQ 4.x knows two levels in a quorum queue, up to 4 and above; 3.10 ignores the property.
URGENT_FROM = 4
REASON, USER, ROUTING_KEY = "lienthong-reason", "lienthong-user", "lienthong-routing-key"


class RabbitSystemQueues:
    """Implements ``hub.broker.port.SystemQueues`` over the connections of one ``RabbitBroker``."""

    def __init__(self, publishing: Link, consuming: Link) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._listener: Consumer[Said] | None = None
        self._session: Session | None = None
        self._prepared: set[str] = set()

    async def prepare(self, system_id: str) -> bool:
        """See to the system's queue, once per connection; whether that was done now. Raises ``BrokerUnavailable``."""
        session = self._publishing.session()
        if session is not self._session:
            self._session, self._prepared = session, set()
        if system_id in self._prepared:
            return False
        with amqp_failures():
            await session.declare(topology.agency(system_id))
        self._prepared.add(system_id)
        return True

    async def post(self, system_id: str, notes: Sequence[Note]) -> list[bool]:
        """Put messages into the system's queue; one entry per message: True once the broker holds it durably.

        Raises ``BrokerUnavailable`` when nothing could be published at all.
        """
        queue = topology.agency(system_id)
        return await publishing.publish(self._publishing, [_publication(queue, note) for note in notes])

    async def waiting(self, system_id: str) -> int:
        """Messages in the system's queue that nobody has taken; 0 without a queue. Raises ``BrokerUnavailable``."""
        return await self._publishing.depth(topology.agency(system_id).name)

    async def state(self, system_id: str) -> QueueState | None:
        """The system's queue, None when there is none. Raises ``BrokerUnavailable``."""
        return await self._publishing.state(topology.agency(system_id).name)

    async def listen(self, handler: Listener) -> None:
        """Start handing what systems say to ``handler``; a no-op when that is done already."""
        if self._listener is None:
            self._listener = Consumer(self._consuming, topology.RECEIPTS, _said, handler, prefetch=PREFETCH)
            await self._consuming.open()

    async def park(self, said: Said, reason: str) -> None:
        """Keep a message that is of no use for an operator, with the reason. Raises ``BrokerUnavailable``."""
        headers: dict[str, Any] = {REASON: reason, USER: said.user, ROUTING_KEY: said.routing_key}
        copy = Publication(
            topology.DEAD, said.body[:LONGEST_PARKED_BODY], said.type, "", said.message_id, None, None, headers
        )
        if await publishing.publish(self._publishing, [copy]) != [True]:
            raise BrokerUnavailable("the dead queue took nothing")

    async def close(self) -> None:
        """Stop listening; a batch in hand may end, for some seconds."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()


def _publication(queue: topology.Queue, note: Note) -> Publication:
    return Publication(
        queue,
        note.body,
        note.type,
        message_id=note.message_id,
        priority=URGENT_FROM + note.priority if note.priority else 0,
        headers={TRACEPARENT: note.traceparent} if note.traceparent else None,
    )


def _said(message: DeliveredMessage) -> Said:
    properties = message.header.properties
    return Said(
        user=properties.user_id or "",
        routing_key=message.routing_key or "",
        type=properties.message_type or "",
        body=message.body,
        message_id=properties.message_id or "",
    )

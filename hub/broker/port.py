"""The broker as the rest of the hub sees it: transit for claim checks, never the truth.

Losing everything the broker holds loses nothing: the ledger republishes what is not settled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """What travels through the broker for one delivery: identifiers only, never the body.

    ``attempt`` counts publications by the hub in our own header: ``x-death`` and ``x-delivery-count`` differ between
    RabbitMQ versions. ``priority`` is edXML's 0 (ordinary) to 4 (scheduled).
    """

    delivery_id: str
    envelope_id: str
    system_id: str
    recipient: str
    priority: int = 0
    attempt: int = 1
    traceparent: str = ""


class BrokerUnavailable(Exception):
    """The broker cannot be reached now; nothing is lost, try again after a pause."""


Handler = Callable[[Sequence[ClaimCheck]], Awaitable[None]]
"""Takes a batch; returning acknowledges all of it, raising gives all of it back to the queue."""


class Broker(Protocol):
    """One queue per recipient system (``system_id``), declared lazily, durable, at least once."""

    async def open(self) -> None:
        """Start connecting. Does not fail when the broker is away: it keeps trying."""

    async def close(self) -> None:
        """Stop consuming and disconnect; unacknowledged messages go back to their queues."""

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        """Publish with pipelined confirms; one entry per message: True once the broker holds it durably.

        Declares the queue of a system it has not published to before. Raises ``BrokerUnavailable`` when nothing could
        be published at all.
        """

    async def consume(self, system_id: str, handler: Handler) -> None:
        """Start handing messages of one system's queue to ``handler`` in batches; survives reconnects.

        A second call for the same system is a no-op.
        """

    async def cancel(self, system_id: str) -> None:
        """Stop consuming one system's queue."""

    async def depth(self, system_id: str) -> int:
        """Messages waiting in the queue (not those handed out and unacknowledged); 0 when none is.

        One may carry several claim checks. Raises ``BrokerUnavailable``.
        """

    async def ready(self) -> bool:
        """A real round trip to the broker; False when it is away."""


@dataclass(frozen=True, slots=True)
class Note:
    """A message for a system's own queue: JSON of a named type.

    ``message_id`` stays the same when the same thing is told again. ``priority`` is edXML's 0 (ordinary) to 4.
    """

    type: str
    body: bytes
    message_id: str
    priority: int = 0
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A message that a system has published to the exchange ``receipts``, as it came.

    ``user`` is the speaker, vouched for by the broker, or empty where the message names none.
    """

    user: str
    routing_key: str
    type: str
    body: bytes
    message_id: str


Listener = Callable[[Sequence[Said]], Awaitable[None]]
"""Takes a batch; returning acknowledges all of it, raising gives all of it back to the queue."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as the broker has it now: messages that nobody has taken, and who consumes it."""

    name: str
    messages: int
    consumers: int


class SystemQueues(Protocol):
    """The queues that systems consume themselves, and what they say. Only RabbitMQ has them: they end in agencies."""

    async def prepare(self, system_id: str) -> bool:
        """See to the system's queue, once per connection; whether that was done now. Raises ``BrokerUnavailable``."""

    async def post(self, system_id: str, notes: Sequence[Note]) -> list[bool]:
        """Put messages into the system's queue; True for each that the broker holds durably.

        Raises ``BrokerUnavailable`` when nothing could be published at all.
        """

    async def waiting(self, system_id: str) -> int:
        """Messages in the system's queue that nobody has taken; 0 without a queue. Raises ``BrokerUnavailable``."""

    async def state(self, system_id: str) -> QueueState | None:
        """The system's queue, None when there is none. Raises ``BrokerUnavailable``."""

    async def listen(self, handler: Listener) -> None:
        """Start handing what systems say to ``handler``; survives reconnects. A no-op when that is done already."""

    async def park(self, said: Said, reason: str) -> None:
        """Keep a message that is of no use for an operator, with the reason. Raises ``BrokerUnavailable``."""

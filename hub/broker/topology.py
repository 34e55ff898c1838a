"""What exists in the broker, as data: names, kinds, arguments, bindings.

Everything that RabbitMQ 3.10 and 4.x default differently is said outright. Policies would be better than arguments,
since arguments cannot be changed later, but at run time the hub holds no management interface; whatever an operator
may want to tune (lengths, ages) is therefore left free for a policy.

There is no alternate exchange on purpose: RabbitMQ counts a message that an alternate exchange took as routed, so
``mandatory`` would no longer return it and a message without a queue would be confirmed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

DELIVER_EXCHANGE = "hub.deliver"
# What agencies' systems say. A topic exchange, since RabbitMQ limits by user what may be said there under which key.
RECEIPTS_EXCHANGE = "receipts"
DEAD_QUEUE = "hub.dead"

# 4.x drops a message after 20 redeliveries unless told otherwise, and 3.10 knows no word for "never" (-1 is 4.x only).
# A handler that fails because the ledger is away must not cost messages: attempts are counted in the ledger.
PRACTICALLY_NEVER = 2**31 - 1

DEAD_LETTERS_KEPT = 100_000

Arguments = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue; ``exchange`` and ``routing_key`` bind it, unless ``exchange`` is empty."""

    name: str
    arguments: Arguments = field(default_factory=dict)
    exchange: str = ""
    routing_key: str = ""


EXCHANGES = (Exchange(DELIVER_EXCHANGE, "direct"), Exchange(RECEIPTS_EXCHANGE, "topic"))

DEAD = Queue(
    DEAD_QUEUE,
    {
        "x-queue-type": "quorum",
        "x-delivery-limit": PRACTICALLY_NEVER,
        # Evidence for an operator, bounded: the ledger still has every delivery that a dead message was about.
        "x-max-length": DEAD_LETTERS_KEPT,
        "x-overflow": "drop-head",
    },
)

# Consumed by the couriers of all `deliver` processes. What cannot be understood is parked with the reason, by hand:
# dead-lettering could not say why.
RECEIPTS = Queue(
    "hub.receipts",
    {
        "x-queue-type": "quorum",
        "x-delivery-limit": PRACTICALLY_NEVER,
        "x-overflow": "reject-publish",
        "x-queue-leader-locator": "balanced",
    },
    exchange=RECEIPTS_EXCHANGE,
    routing_key="#",
)


@functools.cache
def inbox(system_id: str) -> Queue:
    """The hub's own queue of one recipient system; its courier consumes it."""
    return Queue(
        f"system.{system_id}.inbox",
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": PRACTICALLY_NEVER,
            # Through the default exchange, which needs no declaring. At most once is enough (and the default differs
            # by overflow): only unreadable messages go there, and the ledger publishes their deliveries again.
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD_QUEUE,
            "x-dead-letter-strategy": "at-most-once",
            # If an operator limits the length by policy, the publisher is refused; nothing is dropped in silence.
            "x-overflow": "reject-publish",
            # Otherwise every leader is on the node that the relay happens to be connected to.
            "x-queue-leader-locator": "balanced",
        },
        exchange=DELIVER_EXCHANGE,
        routing_key=system_id,
    )


@functools.cache
def agency(system_id: str) -> Queue:
    """The queue that a system of the channel amqp consumes itself, with its own user.

    Published to through the default exchange. Without a dead letter exchange: what a system rejects is nobody's
    evidence, the document is handed over again when its time has run out unsettled.
    """
    return Queue(
        f"agency.{system_id}",
        {
            "x-queue-type": "quorum",
            # the document is settled by a message, not by the broker's acknowledgement: a system that falls over the
            # same message again and again must not make the broker drop it
            "x-delivery-limit": PRACTICALLY_NEVER,
            "x-overflow": "reject-publish",
            "x-queue-leader-locator": "balanced",
        },
    )

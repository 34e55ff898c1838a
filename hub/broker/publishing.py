"""Publishing with many confirms outstanding at once.

Uses the channel beneath aio-pika's exchange objects: the same protocol for a third less processor time per message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiormq import spec
from aiormq.exceptions import DeliveryError, PublishError

from hub.broker.connection import Link, Session, amqp_failures
from hub.broker.port import BrokerUnavailable
from hub.broker.topology import Queue

logger = logging.getLogger(__name__)

CONFIRMS_OUTSTANDING = 200
# A broker under a memory or disk alarm stops reading; without a limit the relay would wait as long as the alarm lasts.
CONFIRM_SECONDS = 15.0
# RabbitMQ forgets to tell the consumers of a deleted queue when it is declared again within milliseconds.
REDECLARE_PAUSE_SECONDS = 0.2
PERSISTENT = 2


class Outcome(Enum):
    """What became of one message."""

    CONFIRMED = auto()
    REFUSED = auto()  # basic.nack: the queue is full by policy, or has no majority
    UNROUTABLE = auto()  # basic.return: no such queue
    LOST = auto()  # no answer; the broker may hold it or not


@dataclass(frozen=True, slots=True)
class Publication:
    """One persistent message for one queue, which is declared first where it is missing.

    Without ``message_id`` the client library makes one; it finds the future of a returned message by it, so that two
    publications under way at once must not share one.
    """

    queue: Queue
    body: bytes
    type: str
    content_type: str = "application/json"
    message_id: str | None = None
    correlation_id: str | None = None
    priority: int | None = None
    headers: dict[str, Any] | None = None

    def properties(self) -> spec.Basic.Properties:
        return spec.Basic.Properties(
            message_type=self.type,
            content_type=self.content_type,
            message_id=self.message_id,
            correlation_id=self.correlation_id,
            priority=self.priority,
            headers=self.headers or None,
            delivery_mode=PERSISTENT,
        )


async def publish(link: Link, messages: Sequence[Publication]) -> list[bool]:
    """Publish in windows of outstanding confirms; True for what the broker holds durably.

    Raises ``BrokerUnavailable`` when the connection was lost before anything was confirmed.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(messages), CONFIRMS_OUTSTANDING):
        window = messages[start : start + CONFIRMS_OUTSTANDING]
        try:
            outcomes += await _publish_window(link, window)
        except BrokerUnavailable:
            outcomes += [Outcome.LOST] * (len(messages) - start)
            break
    if Outcome.LOST in outcomes and Outcome.CONFIRMED not in outcomes:
        raise BrokerUnavailable("the connection was lost before anything was confirmed")
    return [outcome is Outcome.CONFIRMED for outcome in outcomes]


async def _publish_window(link: Link, window: Sequence[Publication]) -> list[Outcome]:
    session = link.session()
    await _declare(session, window, again=False)
    outcomes = await _send(session, window)
    unroutable = [index for index, outcome in enumerate(outcomes) if outcome is Outcome.UNROUTABLE]
    if unroutable:
        # The queue was there on this connection and is gone: somebody deleted it. Once more, then it is the caller's.
        missing = [window[index] for index in unroutable]
        logger.warning("declaring again the queues that disappeared: %s", ", ".join(sorted(_queues(missing))))
        await asyncio.sleep(REDECLARE_PAUSE_SECONDS)
        await _declare(session, missing, again=True)
        repeated = await _send(session, missing)
        for index, outcome in zip(unroutable, repeated, strict=True):
            outcomes[index] = outcome
    return outcomes


def _queues(messages: Iterable[Publication]) -> dict[str, Queue]:
    return {message.queue.name: message.queue for message in messages}


async def _declare(session: Session, messages: Iterable[Publication], *, again: bool) -> None:
    with amqp_failures():
        for _, queue in sorted(_queues(messages).items()):
            await session.declare(queue, again=again)


async def _send(session: Session, window: Sequence[Publication]) -> list[Outcome]:
    tasks = [asyncio.create_task(_send_one(session, message)) for message in window]
    try:
        _, unanswered = await asyncio.wait(tasks, timeout=CONFIRM_SECONDS)
        if unanswered:
            logger.warning("%d of %d publications were not confirmed in time", len(unanswered), len(tasks))
            session.lost.set()  # nothing may pile up behind a broker that does not answer: connect anew
    finally:
        for task in tasks:
            task.cancel()
    return [Outcome.LOST if task in unanswered else task.result() for task in tasks]


async def _send_one(session: Session, message: Publication) -> Outcome:
    queue = message.queue
    try:
        with amqp_failures():
            await session.channel.basic_publish(
                message.body,
                exchange=queue.exchange,
                routing_key=queue.routing_key if queue.exchange else queue.name,
                mandatory=True,
                properties=message.properties(),
            )
    except BrokerUnavailable as error:
        return _outcome(error)
    return Outcome.CONFIRMED


def _outcome(error: BrokerUnavailable) -> Outcome:
    match error.__cause__:
        case PublishError():
            return Outcome.UNROUTABLE
        case DeliveryError():
            return Outcome.REFUSED
        case _:
            return Outcome.LOST

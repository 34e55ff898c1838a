"""Publishing with many confirms outstanding at once.

Uses the channel beneath aio-pika's exchange objects: the same protocol for a third less processor time per message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum, auto

from aiormq import spec
from aiormq.exceptions import DeliveryError, PublishError

from hub.broker.connection import Link, Session, amqp_failures
from hub.broker.messages import CONTENT_TYPE, encode
from hub.broker.port import BrokerUnavailable, ClaimCheck
from hub.broker.topology import DELIVER_EXCHANGE

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


async def publish(link: Link, messages: Sequence[ClaimCheck]) -> list[bool]:
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


async def _publish_window(link: Link, window: Sequence[ClaimCheck]) -> list[Outcome]:
    session = link.session()
    await _declare(session, {message.system_id for message in window}, again=False)
    outcomes = await _send(session, window)
    unroutable = [index for index, outcome in enumerate(outcomes) if outcome is Outcome.UNROUTABLE]
    if unroutable:
        # The queue was there on this connection and is gone: somebody deleted it. Once more, then it is the caller's.
        missing = {window[index].system_id for index in unroutable}
        logger.warning("declaring again the queues that disappeared: %s", ", ".join(sorted(missing)))
        await asyncio.sleep(REDECLARE_PAUSE_SECONDS)
        await _declare(session, missing, again=True)
        repeated = await _send(session, [window[index] for index in unroutable])
        for index, outcome in zip(unroutable, repeated, strict=True):
            outcomes[index] = outcome
    return outcomes


async def _declare(session: Session, systems: set[str], *, again: bool) -> None:
    with amqp_failures():
        for system_id in sorted(systems):
            await session.declare_inbox(system_id, again=again)


async def _send(session: Session, window: Sequence[ClaimCheck]) -> list[Outcome]:
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


async def _send_one(session: Session, message: ClaimCheck) -> Outcome:
    wire = encode(message)
    try:
        with amqp_failures():
            # message_id is left to the client library, which finds the future of a returned message by it: it has to
            # differ between two publications of one delivery.
            await session.channel.basic_publish(
                wire.body,
                exchange=DELIVER_EXCHANGE,
                routing_key=message.system_id,
                mandatory=True,
                properties=spec.Basic.Properties(
                    message_type=wire.type,
                    content_type=CONTENT_TYPE,
                    correlation_id=wire.correlation_id,
                    headers=wire.headers or None,
                    delivery_mode=PERSISTENT,
                ),
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

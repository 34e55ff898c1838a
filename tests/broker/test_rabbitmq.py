"""What RabbitMQ alone can do to us: hold poison, delete queues, stop, die in mid-stream, lose its disk, freeze."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import aio_pika
import pytest

from hub.broker import BrokerUnavailable, ClaimCheck, RabbitBroker
from hub.broker.messages import CLAIM_V1, CLAIMS_V1
from hub.broker.topology import DEAD_QUEUE, DELIVER_EXCHANGE, inbox
from tests.broker.recorder import Recorder, claims, eventually
from tests.services import RabbitMQ


@pytest.fixture
async def broker(broker_url: str) -> AsyncIterator[RabbitBroker]:
    broker = RabbitBroker(broker_url)
    await broker.open()
    yield broker
    await broker.close()


@pytest.fixture
async def operator(broker_url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """Somebody else's hand on the same broker."""
    connection = await aio_pika.connect(broker_url)
    yield await connection.channel()
    await connection.close()


async def publish_when_back(broker: RabbitBroker, messages: list[ClaimCheck]) -> float:
    """Try again until everything is confirmed, as the relay does; answers the seconds it took."""
    began = time.monotonic()
    rest = messages
    while rest:
        assert time.monotonic() - began < 60, f"{len(rest)} messages were never confirmed"
        try:
            confirmed = await broker.publish(rest)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)
            continue
        rest = [message for message, held in zip(rest, confirmed, strict=True) if not held]
    return time.monotonic() - began


async def test_poison_goes_to_the_dead_queue_and_the_rest_is_delivered(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel
) -> None:
    sent, recorder = claims("s1", 6), Recorder()
    stray = claims("s2", 1)
    assert all(await broker.publish(sent[:3]))
    exchange = await operator.get_exchange(DELIVER_EXCHANGE)
    await exchange.publish(aio_pika.Message(b"{", type=CLAIM_V1), "s1")
    await exchange.publish(aio_pika.Message(b"{}", type="somebody.else.v9"), "s1")
    await broker.publish(stray)
    misrouted = await (await operator.get_queue(inbox("s2").name)).get()
    await exchange.publish(aio_pika.Message(misrouted.body, type=CLAIMS_V1), "s1")
    assert all(await broker.publish(sent[3:]))
    await exchange.publish(aio_pika.Message(b"last in its batch", type=CLAIM_V1), "s1")
    await broker.consume("s1", recorder)
    await recorder.has(sent)
    assert recorder.accepted == sent

    dead = await operator.get_queue(DEAD_QUEUE)
    bodies: list[bytes] = []

    async def all_there() -> bool:
        # RabbitMQ moves what was rejected a moment after it was
        if letter := await dead.get(fail=False):
            bodies.append(letter.body)
            await letter.ack()
        return len(bodies) == 4

    await eventually(all_there)
    assert sorted(bodies) == sorted([b"{", b"{}", misrouted.body, b"last in its batch"])
    later = claims("s1", 3)
    assert all(await broker.publish(later))
    await recorder.has(later)


async def test_queues_are_durable_quorum_queues_without_a_version_dependent_delivery_limit(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel
) -> None:
    assert all(await broker.publish(claims("s1", 1)))
    queue = inbox("s1")
    assert queue.arguments["x-queue-type"] == "quorum"
    assert int(queue.arguments["x-delivery-limit"]) > 10**9
    # RabbitMQ refuses a declaration that differs from what exists, so this one proves what exists.
    await operator.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
        await operator.declare_queue(queue.name, durable=True, arguments={"x-queue-type": "quorum"})


async def test_a_queue_with_other_arguments_is_used_as_it_is(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel
) -> None:
    await operator.declare_queue(inbox("s1").name, durable=True, arguments={"x-queue-type": "quorum"})
    sent, recorder = claims("s1", 5), Recorder()
    assert all(await broker.publish(sent))
    await broker.consume("s1", recorder)
    await recorder.has(sent)


async def test_a_deleted_queue_is_declared_again_for_publisher_and_consumer(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel
) -> None:
    recorder = Recorder()
    first, second = claims("s1", 3), claims("s1", 3)
    assert all(await broker.publish(first))
    await (await operator.get_queue(inbox("s1").name)).delete(if_unused=False, if_empty=False)
    assert all(await broker.publish(second))
    await broker.consume("s1", recorder)
    await recorder.has(second)
    await (await operator.get_queue(inbox("s1").name)).delete(if_unused=False, if_empty=False)
    third = claims("s1", 3)
    await publish_when_back(broker, third)
    await recorder.has(third)


async def test_a_consumer_that_rabbitmq_forgot_subscribes_anew(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.broker.consuming.SILENCE_SECONDS", 1.0)
    monkeypatch.setattr("hub.broker.publishing.REDECLARE_PAUSE_SECONDS", 0.0)
    recorder, first, second = Recorder(), claims("s1", 3), claims("s1", 3)
    assert all(await broker.publish(first))
    await broker.consume("s1", recorder)
    await recorder.has(first)
    await (await operator.get_queue(inbox("s1").name)).delete(if_unused=False, if_empty=False)
    await publish_when_back(broker, second)
    await recorder.has(second)


async def test_a_deleted_exchange_is_declared_again(
    broker: RabbitBroker, operator: aio_pika.abc.AbstractChannel
) -> None:
    assert all(await broker.publish(claims("s1", 3)))
    await (await operator.get_exchange(DELIVER_EXCHANGE)).delete()
    recorder, sent = Recorder(), claims("s1", 3)
    await publish_when_back(broker, sent)
    await broker.consume("s1", recorder)
    await recorder.has(sent)


async def test_a_stopped_broker_is_reported_at_once_and_found_again(broker: RabbitBroker, rabbitmq: RabbitMQ) -> None:
    recorder, before, after = Recorder(), claims("s1", 50), claims("s1", 50)
    await broker.consume("s1", recorder)
    assert all(await broker.publish(before))
    await recorder.has(before)
    await asyncio.to_thread(rabbitmq.stop)
    try:
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(BrokerUnavailable):
                await broker.publish(claims("s1", 300))
            assert time.monotonic() - began < 0.5
            with pytest.raises(BrokerUnavailable):
                await broker.depth("s1")
            assert not await broker.ready()
    finally:
        await asyncio.to_thread(rabbitmq.start)
    took = await publish_when_back(broker, after)
    await recorder.has(after)
    assert took < 10
    assert await broker.ready()


async def test_a_broker_that_is_away_at_the_start_is_found_when_it_comes(rabbitmq: RabbitMQ, broker_url: str) -> None:
    await asyncio.to_thread(rabbitmq.stop)
    early, recorder, sent = RabbitBroker(broker_url), Recorder(), claims("s1", 10)
    try:
        try:
            await early.open()
            await early.consume("s1", recorder)
        finally:
            await asyncio.to_thread(rabbitmq.start)
        await publish_when_back(early, sent)
        await recorder.has(sent)
    finally:
        await early.close()


async def test_kill_nine_in_mid_stream_loses_no_confirmed_message(broker: RabbitBroker, rabbitmq: RabbitMQ) -> None:
    recorder, confirmed = Recorder(), list[ClaimCheck]()
    await broker.consume("s1", recorder)
    finished = asyncio.Event()

    async def stream() -> None:
        while not finished.is_set():
            batch = claims("s1", 100)
            with suppress(BrokerUnavailable):
                answers = await broker.publish(batch)
                confirmed.extend(message for message, held in zip(batch, answers, strict=True) if held)
            await asyncio.sleep(0.01)

    streaming = asyncio.create_task(stream())
    await asyncio.sleep(1)
    await asyncio.to_thread(rabbitmq.kill)
    before = len(confirmed)
    await asyncio.to_thread(rabbitmq.start)

    async def streams_again() -> bool:
        return len(confirmed) > before + 1000

    await eventually(streams_again, 30)
    finished.set()
    await streaming
    await recorder.has(confirmed, 30)
    assert before > 100


async def test_a_wiped_broker_works_again_without_restarting_anybody(broker: RabbitBroker, rabbitmq: RabbitMQ) -> None:
    recorder, before, after = Recorder(), claims("s1", 50), claims("s1", 50)
    await broker.consume("s1", recorder)
    assert all(await broker.publish([*before, *claims("s2", 5)]))
    await recorder.has(before)
    await asyncio.to_thread(rabbitmq.wipe)
    await publish_when_back(broker, after)
    await recorder.has(after)
    assert await broker.depth("s2") == 0
    await publish_when_back(broker, claims("s2", 4))

    async def they_wait() -> bool:
        return await broker.depth("s2") > 0

    await eventually(they_wait)


async def test_a_frozen_broker_does_not_hold_the_publisher_for_ever(
    broker: RabbitBroker, rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.broker.publishing.CONFIRM_SECONDS", 1.0)
    recorder, sent = Recorder(), claims("s1", 20)
    assert all(await broker.publish(claims("s1", 1)))
    await asyncio.to_thread(rabbitmq.freeze)
    try:
        began = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            await broker.publish(sent)
        assert time.monotonic() - began < 5
    finally:
        rabbitmq.thaw()
    await publish_when_back(broker, sent)
    await broker.consume("s1", recorder)
    await recorder.has(sent)

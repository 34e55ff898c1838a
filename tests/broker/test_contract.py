"""What both brokers promise to the relay and to the courier."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from hub.broker import Broker, BrokerUnavailable, ClaimCheck, MemoryBroker, MemoryQueues, RabbitBroker
from tests.broker.recorder import Recorder, claims, eventually

OpenBroker = Callable[[], Awaitable[Broker]]


@pytest.fixture(params=["memory", "rabbit"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[OpenBroker]:
    """Opens any number of brokers that meet in the same queues; closes those left open."""
    opened: list[Broker] = []
    queues = MemoryQueues()
    url = request.getfixturevalue("broker_url") if request.param == "rabbit" else ""

    async def connect() -> Broker:
        broker: Broker = RabbitBroker(url) if request.param == "rabbit" else MemoryBroker(queues)
        await broker.open()
        opened.append(broker)
        return broker

    yield connect
    for broker in opened:
        await broker.close()


async def depth_becomes(broker: Broker, system_id: str, wanted: int) -> None:
    async def holds() -> bool:
        return await broker.depth(system_id) == wanted

    await eventually(holds)


async def publish_singly(broker: Broker, sent: Sequence[ClaimCheck]) -> None:
    """Each in a message of its own, so that messages can be counted."""
    for one in sent:
        assert await broker.publish([one]) == [True]


async def test_a_published_claim_arrives_as_it_was(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder()
    sent = claims("s1", 5)
    assert await broker.publish(sent) == [True] * 5
    await broker.consume("s1", recorder)
    await recorder.has(sent)
    assert recorder.accepted == sent


async def test_publishing_nothing_confirms_nothing(connect: OpenBroker) -> None:
    broker = await connect()
    assert await broker.publish([]) == []


async def test_a_backlog_is_handed_over_in_batches_and_in_order(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder()
    sent = claims("s1", 1000)
    assert all(await broker.publish(sent))
    await broker.consume("s1", recorder)
    await recorder.has(sent)
    assert recorder.accepted == sent
    assert len(recorder.batches) <= 50


async def test_each_system_gets_only_its_own(connect: OpenBroker) -> None:
    broker, first, second = await connect(), Recorder(), Recorder()
    one, two = claims("s1", 50), claims("s2", 50)
    mixed = [claim for pair in zip(one, two, strict=True) for claim in pair]
    await broker.consume("s1", first)
    await broker.consume("s2", second)
    assert all(await broker.publish(mixed))
    await first.has(one)
    await second.has(two)
    assert (first.accepted, second.accepted) == (one, two)


async def test_a_failing_handler_gives_the_whole_batch_back(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder(fail_first=2)
    sent = claims("s1", 30)
    assert all(await broker.publish(sent))
    await broker.consume("s1", recorder)
    await recorder.has(sent)
    assert len(recorder.batches) >= 3
    assert recorder.batches[0][0] == sent[0]
    assert recorder.seen == {claim.delivery_id for claim in sent}
    assert len(recorder.accepted) == len(sent)


async def test_a_failing_handler_is_not_called_in_a_spin(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder(fail_first=1_000_000)
    assert all(await broker.publish(claims("s1", 3)))
    await broker.consume("s1", recorder)
    await asyncio.sleep(1.5)
    assert 2 <= len(recorder.batches) <= 8


async def test_a_second_consume_of_one_system_is_a_no_op(connect: OpenBroker) -> None:
    broker, first, second = await connect(), Recorder(), Recorder()
    await broker.consume("s1", first)
    await broker.consume("s1", second)
    sent = claims("s1", 20)
    assert all(await broker.publish(sent))
    await first.has(sent)
    assert not second.batches


async def test_two_consumers_share_a_queue_and_none_is_handed_out_twice(connect: OpenBroker) -> None:
    publisher, one, two = await connect(), await connect(), await connect()
    first, second = Recorder(), Recorder()
    await one.consume("s1", _slowly(first))
    await two.consume("s1", _slowly(second))
    sent = claims("s1", 3000)
    assert all(await publisher.publish(sent))

    async def all_accepted() -> bool:
        return len(first.accepted) + len(second.accepted) >= len(sent)

    await eventually(all_accepted)
    assert first.seen.isdisjoint(second.seen)
    assert first.seen | second.seen == {claim.delivery_id for claim in sent}
    assert len(first.accepted) + len(second.accepted) == len(sent)
    assert first.accepted
    assert second.accepted


async def test_depth_counts_what_waits_and_not_what_is_handed_out(connect: OpenBroker) -> None:
    broker = await connect()
    assert await broker.depth("s1") == 0
    await publish_singly(broker, claims("s1", 7))
    await depth_becomes(broker, "s1", 7)
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(_batch: Sequence[ClaimCheck]) -> None:
        held.set()
        await release.wait()

    await broker.consume("s1", hold)
    await asyncio.wait_for(held.wait(), 10)
    await depth_becomes(broker, "s1", 0)
    release.set()
    await broker.cancel("s1")
    await depth_becomes(broker, "s1", 0)


async def test_a_cancelled_consumer_gets_nothing_more(connect: OpenBroker) -> None:
    broker, before, after = await connect(), Recorder(), Recorder()
    first = claims("s1", 10)
    assert all(await broker.publish(first))
    await broker.consume("s1", before)
    await before.has(first)
    await broker.cancel("s1")
    later = claims("s1", 10)
    await publish_singly(broker, later)
    await depth_becomes(broker, "s1", 10)
    assert before.accepted == first
    await broker.consume("s1", after)
    await after.has(later)


async def test_closing_waits_for_the_batch_in_hand_and_returns_the_rest(connect: OpenBroker) -> None:
    closing, watching = await connect(), await connect()
    started, recorder = asyncio.Event(), Recorder()

    async def slow(batch: Sequence[ClaimCheck]) -> None:
        started.set()
        await asyncio.sleep(0.3)
        await recorder(batch)

    sent = claims("s1", 900)
    assert all(await closing.publish(sent))
    await closing.consume("s1", slow)
    await asyncio.wait_for(started.wait(), 10)
    await closing.close()
    assert 0 < len(recorder.accepted) < len(sent)

    async def given_back() -> bool:
        return await watching.depth("s1") > 0

    await eventually(given_back)
    rest = Recorder()
    await watching.consume("s1", rest)
    await rest.has(sent[len(recorder.accepted) :])
    assert rest.seen.isdisjoint(recorder.seen)


async def test_closing_cancels_a_handler_that_does_not_end_and_gives_its_batch_back(
    connect: OpenBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("memory", "consuming"):
        monkeypatch.setattr(f"hub.broker.{module}.DRAIN_SECONDS", 0.2)
    closing, watching = await connect(), await connect()
    started, recorder = asyncio.Event(), Recorder()

    async def endless(_batch: Sequence[ClaimCheck]) -> None:
        started.set()
        await asyncio.Event().wait()

    sent = claims("s1", 10)
    await publish_singly(closing, sent)
    await closing.consume("s1", endless)
    await asyncio.wait_for(started.wait(), 10)
    await asyncio.wait_for(closing.close(), 5)
    await depth_becomes(watching, "s1", len(sent))
    await watching.consume("s1", recorder)
    await recorder.has(sent)


async def test_publishing_before_any_consumer_was_there_keeps_the_messages(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder()
    sent = [claim for number in range(20) for claim in claims(f"new{number}", 2)]
    assert all(await broker.publish(sent))
    for number in range(20):
        await broker.consume(f"new{number}", recorder)
    await recorder.has(sent)


async def test_ten_thousand_messages_are_confirmed_and_consumed(connect: OpenBroker) -> None:
    broker, recorder = await connect(), Recorder()
    sent = claims("s1", 10_000)
    assert all(await broker.publish(sent))
    await broker.consume("s1", recorder)
    await recorder.has(sent, 30)
    assert recorder.accepted == sent


async def test_readiness_follows_the_connection(connect: OpenBroker) -> None:
    broker = await connect()
    assert await broker.ready()
    await broker.close()
    assert not await broker.ready()
    with pytest.raises(BrokerUnavailable):
        await broker.publish(claims("s1", 1))


def _slowly(recorder: Recorder) -> Recorder:
    """The same recorder, a little slower, so that both consumers get their turn."""

    class Slow(Recorder):
        async def __call__(self, batch: Sequence[ClaimCheck]) -> None:
            await asyncio.sleep(0.02)
            await recorder(batch)

    return Slow()

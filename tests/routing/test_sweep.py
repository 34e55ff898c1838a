"""The sweep: what the broker lost is published again, and only that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hub import clock
from hub.broker import Broker, BrokerUnavailable, MemoryBroker, RabbitBroker
from hub.delivery.inbox import Inbox
from hub.ledger import exchange_log, outbox
from hub.ledger.exchange_log import LogQuery
from hub.routing.relay import Relay
from hub.routing.sweep import Sweep
from tests.broker.recorder import eventually
from tests.ledger.stage import Stage
from tests.services import RabbitMQ


class Transit:
    """A broker that can lose everything it holds."""

    def __init__(self, broker: Broker, wipe: Callable[[], Awaitable[Broker]]) -> None:
        self.broker = broker
        self.wipe = wipe


@pytest.fixture(params=["memory", "rabbit"])
async def transit(request: pytest.FixtureRequest) -> AsyncIterator[Transit]:
    opened: list[Broker] = []

    async def memory() -> Broker:
        opened.append(MemoryBroker())  # new queues: what the old ones held is gone
        await opened[-1].open()
        return opened[-1]

    if request.param == "memory":
        yield Transit(await memory(), memory)
    else:
        url: str = request.getfixturevalue("broker_url")
        server: RabbitMQ = request.getfixturevalue("rabbitmq")
        broker = RabbitBroker(url)
        opened.append(broker)
        await broker.open()

        async def wiped() -> Broker:
            await asyncio.to_thread(server.wipe)
            await eventually(broker.ready, 30)
            return broker

        yield Transit(broker, wiped)
    for one in opened:
        await one.close()


def published_again(stage: Stage) -> int:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind="delivery.republished"), None, 1000)
    return len(entries)


async def holds(broker: Broker, system_id: str, count: int) -> bool:
    return await broker.depth(system_id) == count


async def holds_entries(stage: Stage, count: int) -> bool:
    return published_again(stage) == count


async def arrived(stage: Stage, ids: list[str]) -> bool:
    return {stage.state(one) for one in ids} == {"ready"}


async def test_what_still_waits_in_its_queue_is_left_there(stage: Stage, transit: Transit) -> None:
    for _ in range(3):  # in a message each
        stage.accept("H33")
        await Relay(stage.ledger, transit.broker, 15).step()
    await eventually(lambda: holds(transit.broker, "h33", 3))
    sweep = Sweep(stage.ledger, transit.broker, 1, 0)
    assert await sweep.step(0) == 0
    assert published_again(stage) == 0
    assert await transit.broker.depth("h33") == 3


async def test_everything_unsettled_is_published_again_after_the_broker_lost_it(stage: Stage, transit: Transit) -> None:
    taken = stage.in_inbox("H33")[0]
    stage.ledger.write_now(lambda tx: outbox.confirm(tx, outbox.claim(tx, 10, clock.now(), 15), clock.now()))
    lost = [one for _ in range(4) for _, one in stage.accept("H33", "H40").deliveries]
    await Relay(stage.ledger, transit.broker, 15).step()
    broker = await transit.wipe()
    assert await broker.depth("h33") == 0
    sweep = Sweep(stage.ledger, broker, 1, 0)
    assert await sweep.step(0) == 8
    assert published_again(stage) == 8
    assert await sweep.step(0) == 0, "what is in the outbox is not stranded"
    assert await Relay(stage.ledger, broker, 15).step() == 8
    for system in ("h33", "h40"):
        await broker.consume(system, Inbox(stage.ledger).hand_over)
    await eventually(lambda: arrived(stage, lost))
    assert stage.state(taken) == "ready"


async def test_what_was_published_a_moment_ago_is_given_time(stage: Stage) -> None:
    broker = MemoryBroker()
    await broker.open()
    stage.accept("H33")
    await Relay(stage.ledger, broker, 15).step()
    empty = MemoryBroker()
    await empty.open()
    assert await Sweep(stage.ledger, empty, 1, 60).step(60) == 0
    assert await Sweep(stage.ledger, empty, 1, 60).step(0) == 1


async def test_a_sweep_without_a_broker_publishes_nothing_and_goes_on(stage: Stage) -> None:
    broker, away = MemoryBroker(), MemoryBroker()
    await broker.open()
    stage.accept("H33")
    await Relay(stage.ledger, broker, 15).step()
    with pytest.raises(BrokerUnavailable):
        await Sweep(stage.ledger, away, 1, 0).step(0)
    assert published_again(stage) == 0
    running = asyncio.create_task(Sweep(stage.ledger, away, 0.05, 0).run())
    await asyncio.sleep(0.3)
    assert not running.done()
    await away.open()
    await eventually(lambda: holds_entries(stage, 1))
    running.cancel()


async def test_more_than_a_batch_is_published_again_in_one_step(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.routing.sweep.BATCH", 3)
    broker = MemoryBroker()
    await broker.open()
    for _ in range(8):
        stage.accept("H33")
    await Relay(stage.ledger, broker, 15).step()
    lost = MemoryBroker()
    await lost.open()
    assert await Sweep(stage.ledger, lost, 1, 0).step(0) == 8

"""The relay: nothing is lost in any window of a crash, and a broker that is away costs only time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import clock
from hub.broker import Broker, BrokerUnavailable, ClaimCheck, MemoryBroker, MemoryQueues, RabbitBroker
from hub.ledger import exchange_log, outbox
from hub.ledger.exchange_log import LogQuery
from hub.problems import Deferred
from hub.routing.relay import LONGEST_PAUSE, Relay, pause
from tests.broker.recorder import Recorder, eventually
from tests.ledger.stage import Stage
from tests.routing.halting import HaltingBroker, HaltingLedger, RefusingBroker, killed_at

# shorter than a claim lasts in production, so that a dead relay's claim runs out within the test
CLAIM = 0.4


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    made = MemoryBroker()
    await made.open()
    yield made
    await made.close()


def kinds(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [entry["kind"] for entry in entries if entry["kind"].startswith("delivery.")]


async def holds(broker: Broker, count: int) -> bool:
    return await broker.depth("h33") == count


async def took(recorder: Recorder, count: int) -> bool:
    return len(recorder.accepted) == count


async def test_a_step_publishes_what_was_committed_and_marks_it(stage: Stage, broker: Broker) -> None:
    stored = stage.accept("H33", "H40", priority=3)
    assert await Relay(stage.ledger, broker, CLAIM).step() == 2
    recorder = Recorder()
    await broker.consume("h33", recorder)
    await broker.consume("h40", recorder)
    ids = dict(stored.deliveries)
    wanted = [
        ClaimCheck(ids[code], stored.envelope_id, system, code, 3, 1, f"00-{'a' * 32}-{'b' * 16}-01")
        for code, system in (("H33", "h33"), ("H40", "h40"))
    ]
    await recorder.has(wanted)
    assert sorted(recorder.accepted, key=lambda one: one.recipient) == wanted
    assert {stage.state(one) for one in ids.values()} == {"published"}
    assert await Relay(stage.ledger, broker, CLAIM).step() == 0


@pytest.mark.parametrize("published", [False, True], ids=["before-publish", "before-mark"])
async def test_a_relay_killed_on_its_way_leaves_the_row_to_the_next_one(
    stage: Stage, broker: Broker, published: bool
) -> None:
    delivery_id = stage.accept("H33").deliveries[0][1]
    halting = HaltingBroker(broker, before=not published)
    await killed_at(halting.reached, Relay(stage.ledger, halting, CLAIM).step())
    assert stage.state(delivery_id) == "pending"
    assert kinds(stage) == []
    survivor = Relay(stage.ledger, broker, CLAIM)
    assert await survivor.step() == 0, "the claim of the dead still holds"
    await asyncio.sleep(CLAIM + 0.05)
    assert await survivor.step() == 1
    assert stage.state(delivery_id) == "published"
    assert await broker.depth("h33") == (2 if published else 1)
    assert kinds(stage) == ["delivery.published"]


async def test_a_relay_killed_after_its_mark_committed_leaves_nothing_to_do(stage: Stage, broker: Broker) -> None:
    stage.accept("H33")
    halting = HaltingLedger(stage.ledger, "confirm", before=False)
    await killed_at(halting.reached, Relay(halting, broker, CLAIM).step())
    await asyncio.sleep(CLAIM + 0.05)
    assert await Relay(stage.ledger, broker, CLAIM).step() == 0
    assert await broker.depth("h33") == 1
    assert kinds(stage) == ["delivery.published"]


async def test_a_relay_killed_before_its_mark_publishes_again(stage: Stage, broker: Broker) -> None:
    stage.accept("H33")
    halting = HaltingLedger(stage.ledger, "confirm", before=True)
    await killed_at(halting.reached, Relay(halting, broker, CLAIM).step())
    await asyncio.sleep(CLAIM + 0.05)
    assert await Relay(stage.ledger, broker, CLAIM).step() == 1
    assert await broker.depth("h33") == 2


async def test_a_broker_that_is_away_gets_nothing_and_the_claims_are_given_back(stage: Stage, broker: Broker) -> None:
    delivery_id = stage.accept("H33").deliveries[0][1]
    away = MemoryBroker()
    with pytest.raises(BrokerUnavailable):
        await Relay(stage.ledger, away, 3600).step()
    assert stage.state(delivery_id) == "pending"
    assert stage.ledger.read_now(outbox.any_free, clock.now())
    assert await Relay(stage.ledger, broker, CLAIM).step() == 1


async def test_what_one_queue_refuses_is_set_aside_and_the_others_go_on(stage: Stage, broker: Broker) -> None:
    ids = dict(stage.accept("H33", "H40").deliveries)
    choosy = RefusingBroker(broker, lambda message: message.system_id == "h33")
    relay = Relay(stage.ledger, choosy, CLAIM)
    assert await relay.step() == 1
    assert (stage.state(ids["H33"]), stage.state(ids["H40"])) == ("pending", "published")
    assert await relay.step() == 0
    later = clock.now() + timedelta(seconds=6)
    assert [row.delivery_id for row in stage.ledger.write_now(outbox.claim, 10, later, 0)] == [ids["H33"]]
    assert kinds(stage) == ["delivery.published"]


async def test_a_running_relay_outlives_the_absence_of_its_broker(stage: Stage) -> None:
    queues = MemoryQueues()
    broker = MemoryBroker(queues)
    running = asyncio.create_task(Relay(stage.ledger, broker, CLAIM).run())
    stage.accept("H33")
    await asyncio.sleep(0.5)
    assert not running.done()
    assert stage.ledger.read_now(outbox.waiting) == 1
    await broker.open()
    await eventually(lambda: holds(broker, 1))
    running.cancel()


async def test_a_running_relay_outlives_the_absence_of_its_ledger(stage: Stage, broker: Broker) -> None:
    class Away:
        def __init__(self) -> None:
            self.failures = 2

        async def statement(self, work: object, *args: object) -> object:
            if self.failures:
                self.failures -= 1
                raise Deferred("ledger-unavailable")
            return await stage.ledger.statement(work, *args)

    stage.accept("H33")
    ledger = Away()
    running = asyncio.create_task(Relay(ledger, broker, CLAIM).run())
    await eventually(lambda: holds(broker, 1))
    assert ledger.failures == 0
    running.cancel()


async def test_waking_cuts_the_pause_short(stage: Stage, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.routing.relay.IDLE_SECONDS", 30)
    relay = Relay(stage.ledger, broker, CLAIM)
    running = asyncio.create_task(relay.run())
    await asyncio.sleep(0.3)
    stage.accept("H33")
    relay.wake()
    await eventually(lambda: holds(broker, 1), 5)
    running.cancel()


@given(st.integers(min_value=1, max_value=10_000))
def test_a_pause_is_never_longer_than_the_longest_nor_a_busy_loop(failures: int) -> None:
    assert 0.05 <= pause(failures) <= LONGEST_PAUSE


@given(st.integers(min_value=1, max_value=20))
def test_a_pause_grows_with_the_failures(failures: int) -> None:
    bound = min(LONGEST_PAUSE, 0.2 * 2**failures)
    assert bound / 4 <= pause(failures) <= bound


async def test_two_relays_share_the_outbox_without_publishing_twice(stage: Stage, broker: Broker) -> None:
    for _ in range(60):
        stage.accept("H33")
    relays = [Relay(stage.ledger, broker, 30) for _ in range(2)]

    async def drain(relay: Relay) -> int:
        total = 0
        while moved := await relay.step():
            total += moved
        return total

    assert sum(await asyncio.gather(*(drain(relay) for relay in relays))) == 60
    assert await broker.depth("h33") == 60


async def test_the_same_steps_hold_on_rabbitmq(stage: Stage, broker_url: str) -> None:
    broker = RabbitBroker(broker_url)
    await broker.open()
    try:
        stage.accept("H33", "H33.01", "H40")
        assert await Relay(stage.ledger, broker, CLAIM).step() == 3
        recorder = Recorder()
        await broker.consume("h33", recorder)
        await eventually(lambda: took(recorder, 2))
        assert {one.recipient for one in recorder.accepted} == {"H33", "H33.01"}
    finally:
        await broker.close()

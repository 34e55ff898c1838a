"""The courier: from the queue into the inbox once, whatever dies between take-over and acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from hub import clock
from hub.broker import Broker, ClaimCheck, MemoryBroker, RabbitBroker
from hub.delivery.courier import Courier
from hub.delivery.inbox import Inbox
from hub.delivery.lease import Close, Leases
from hub.ledger import Ledger, deliveries, exchange_log, registration, systems
from hub.ledger.exchange_log import LogQuery
from hub.problems import Deferred
from hub.routing.relay import Relay
from tests.broker.recorder import eventually
from tests.delivery.carriers import idle
from tests.ledger.stage import Stage


@pytest.fixture(params=["memory", "rabbit"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    made: Broker = MemoryBroker() if request.param == "memory" else RabbitBroker(request.getfixturevalue("broker_url"))
    await made.open()
    yield made
    await made.close()


def ready_entries(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind="delivery.ready"), None, 1000)
    return [entry["delivery_id"] for entry in entries]


async def are(stage: Stage, ids: Sequence[str], state: str) -> bool:
    return {stage.state(one) for one in ids} == {state}


async def drained(broker: Broker, system_id: str) -> bool:
    return await broker.depth(system_id) == 0


async def test_every_registered_systems_queue_is_consumed_into_its_inbox(stage: Stage, broker: Broker) -> None:
    rung: list[str] = []
    courier = Courier(stage.ledger, broker, Inbox(stage.ledger, rung.append), idle(stage))
    ids = [one for _, one in stage.accept("H33", "H33.01", "H40").deliveries]
    await Relay(stage.ledger, broker, 15).step()
    await courier.step()
    await eventually(lambda: are(stage, ids, "ready"))

    async def all_rung() -> bool:
        return set(rung) == {"h33", "h40"}

    await eventually(all_rung)
    assert sorted(ready_entries(stage)) == sorted(ids)


class Noting:
    """A real ledger that notes the names of what was read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def read(self, work: Callable[..., Any], *args: Any) -> Any:
        self.names.append(work.__name__)
        return await self._ledger.read(work, *args)


async def test_systems_are_read_again_only_when_the_registry_has_changed(stage: Stage, broker: Broker) -> None:
    noting = Noting(stage.ledger)
    courier = Courier(noting, broker, Inbox(stage.ledger), idle(stage))
    for _ in range(3):
        await courier.step()
    assert noting.names.count("every") == 1
    stage.ledger.write_now(registration.add_system, "new", "pull")
    await courier.step()
    assert noting.names.count("every") == 2


async def test_a_system_registered_later_is_found(stage: Stage, broker: Broker) -> None:
    courier = Courier(stage.ledger, broker, Inbox(stage.ledger), idle(stage))
    await courier.step()
    stage.ledger.write_now(registration.add_system, "new", "pull")
    stage.ledger.write_now(registration.add_agency, "H99", "Cơ quan mới", "new")
    await courier.step()
    [new] = [one for one in stage.ledger.read_now(systems.every) if one.name == "new"]
    check = ClaimCheck(clock.new_id(), clock.new_id(), new.id, "H99")

    async def confirmed() -> bool:
        # a queue that is being declared at this moment may not confirm yet; the relay tries again as well
        return await broker.publish([check]) == [True]

    await eventually(confirmed)
    await eventually(lambda: drained(broker, new.id))


async def test_a_courier_killed_between_take_over_and_acknowledgement_moves_the_delivery_once(
    stage: Stage, broker: Broker
) -> None:
    """The message comes again; the delivery is not put into the inbox a second time, not even after it was settled."""
    leases = Leases(stage.ledger, stage.signer)
    inbox = Inbox(stage.ledger)
    deaths = 2

    async def dying(checks: Sequence[ClaimCheck]) -> None:
        nonlocal deaths
        await inbox.hand_over(checks)
        if deaths:
            deaths -= 1
            for taken in await leases.take("h33", 10, 60, 0):
                await leases.settle(Close("h33", taken.id, taken.lease_id))
            raise RuntimeError("killed before the acknowledgement")

    [delivery_id] = [one for _, one in stage.accept("H33").deliveries]
    await Relay(stage.ledger, broker, 15).step()
    await broker.consume("h33", dying)
    await eventually(lambda: are(stage, [delivery_id], "settled"))

    async def acknowledged() -> bool:
        return deaths == 0 and await broker.depth("h33") == 0

    await eventually(acknowledged)
    await asyncio.sleep(0.3)
    assert ready_entries(stage) == [delivery_id]
    assert stage.state(delivery_id) == "settled"
    assert await leases.take("h33", 10, 60, 0) == []


async def test_a_ledger_that_is_away_costs_no_message(stage: Stage, broker: Broker) -> None:
    class Away(Inbox):
        failures = 2

        async def hand_over(self, checks: Sequence[ClaimCheck]) -> None:
            if self.failures:
                self.failures -= 1
                raise Deferred("ledger-unavailable")
            await super().hand_over(checks)

    ids = [one for _ in range(5) for _, one in stage.accept("H33").deliveries]
    await Relay(stage.ledger, broker, 15).step()
    await broker.consume("h33", Away(stage.ledger).hand_over)
    await eventually(lambda: are(stage, ids, "ready"), 20)


async def test_a_claim_check_published_twice_arrives_once(stage: Stage, broker: Broker) -> None:
    stored = stage.accept("H33")
    check = ClaimCheck(stored.deliveries[0][1], stored.envelope_id, "h33", "H33")
    assert await broker.publish([check, check, check]) == [True] * 3
    await Courier(stage.ledger, broker, Inbox(stage.ledger), idle(stage)).step()
    await eventually(lambda: are(stage, [check.delivery_id], "ready"))
    await eventually(lambda: drained(broker, "h33"))
    assert ready_entries(stage) == [check.delivery_id]


async def test_a_claim_check_of_a_delivery_nobody_knows_is_dropped(stage: Stage, broker: Broker) -> None:
    await broker.publish([ClaimCheck("unknown", "unknown", "h33", "H33")])
    await Courier(stage.ledger, broker, Inbox(stage.ledger), idle(stage)).step()
    await eventually(lambda: drained(broker, "h33"))
    assert ready_entries(stage) == []


async def test_a_running_courier_outlives_the_absence_of_its_ledger(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.delivery.courier.LOOK_SECONDS", 0.05)
    broker = MemoryBroker()
    await broker.open()
    away = True
    read = Ledger.read

    async def unreliable(self: Ledger, *args: object, **more: object) -> object:
        if away:
            raise Deferred("ledger-unavailable")
        return await read(self, *args, **more)

    monkeypatch.setattr(Ledger, "read", unreliable)
    running = asyncio.create_task(Courier(stage.ledger, broker, Inbox(stage.ledger), idle(stage)).run())
    await asyncio.sleep(0.2)
    assert not running.done()
    away = False
    ids = [one for _, one in stage.accept("H33").deliveries]
    await Relay(stage.ledger, broker, 15).step()
    await eventually(lambda: are(stage, ids, "ready"))
    running.cancel()
    await broker.close()


def test_taking_over_is_one_transaction_for_a_batch(stage: Stage) -> None:
    ids = [one for _ in range(50) for _, one in stage.accept("H33").deliveries]
    assert sorted(stage.ledger.write_now(deliveries.take_over, ids, clock.now())) == sorted(ids)
    assert sorted(ready_entries(stage)) == sorted(ids)

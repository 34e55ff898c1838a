"""One role's clock is an hour wrong: nothing is lost, shown after its settlement, or left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine

from hub import clock
from hub.broker import MemoryBroker
from hub.delivery.inbox import Inbox
from hub.delivery.lease import Close, Leases
from hub.ledger import outbox
from hub.problems import Refused
from hub.routing.relay import Relay
from hub.routing.sweep import Sweep
from tests.broker.recorder import eventually
from tests.ledger.stage import Stage

HOUR = timedelta(hours=1)
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "behind"])


@contextmanager
def wrong_by(jump: timedelta) -> Iterator[None]:
    """What a role does inside, it does by a wrong clock."""
    with time_machine.travel(clock.now() + jump, tick=True):
        yield


async def moved(stage: Stage, broker: MemoryBroker, delivery_id: str, state: str) -> None:
    async def is_there() -> bool:
        return stage.state(delivery_id) == state

    await eventually(is_there)


@JUMPS
async def test_a_letter_passes_roles_whose_clocks_disagree_without_waiting(stage: Stage, jump: timedelta) -> None:
    """Relay and courier are wrong, the server is right: what they moved is shown at once."""
    broker = MemoryBroker()
    await broker.open()
    leases = Leases(stage.ledger, stage.signer)
    [(_, delivery_id)] = stage.accept("H33").deliveries
    with wrong_by(jump):
        assert await Relay(stage.ledger, broker, 15).step() == 1
        await broker.consume("h33", Inbox(stage.ledger).hand_over)
        await moved(stage, broker, delivery_id, "ready")
    [taken] = await leases.take("h33", 5, 60, 0)
    with wrong_by(jump):
        closed = await leases.settle(Close("h33", taken.id, taken.lease_id))
    assert (closed.state, stage.state(delivery_id)) == ("settled", "settled")
    for shift in (-HOUR, timedelta(0), HOUR):
        with wrong_by(shift):
            assert await leases.take("h33", 5, 60, 0) == []
    await broker.close()


@JUMPS
async def test_the_claim_of_a_relay_that_died_with_a_wrong_clock_is_taken_over(stage: Stage, jump: timedelta) -> None:
    stage.accept("H33")
    with wrong_by(jump):
        [claimed] = stage.ledger.write_now(outbox.claim, 10, clock.now(), 15)
    broker = MemoryBroker()
    await broker.open()
    assert await Relay(stage.ledger, broker, 15).step() == 1
    assert stage.state(claimed.delivery_id) == "published"
    await broker.close()


@JUMPS
async def test_what_the_broker_lost_is_published_again_whatever_clock_marked_it(stage: Stage, jump: timedelta) -> None:
    lossy, broker = MemoryBroker(), MemoryBroker()
    for one in (lossy, broker):
        await one.open()
    [(_, delivery_id)] = stage.accept("H33").deliveries
    with wrong_by(jump):
        await Relay(stage.ledger, lossy, 15).step()
    assert await Sweep(stage.ledger, broker, 5, 60).step(60) == 1
    assert await Relay(stage.ledger, broker, 15).step() == 1
    assert stage.state(delivery_id) == "published"
    for one in (lossy, broker):
        await one.close()


async def test_a_lease_by_a_clock_ahead_ends_no_later_than_that_clock_was_wrong(stage: Stage) -> None:
    """Its holder may settle all the while; if it never does, the delivery is shown again."""
    [one, other] = stage.in_inbox("H33"), stage.in_inbox("H33")
    leases = Leases(stage.ledger, stage.signer)
    with wrong_by(HOUR):
        taken = await leases.take("h33", 5, 60, 0)
    assert [each.id for each in taken] == [*one, *other]
    await leases.settle(Close("h33", taken[0].id, taken[0].lease_id))
    assert await leases.take("h33", 5, 60, 0) == []
    with wrong_by(HOUR + timedelta(seconds=61)):
        [again] = await leases.take("h33", 5, 60, 0)
    assert (again.id, again.arrival, again.attempts) == (taken[1].id, taken[1].arrival, 2)


async def test_a_lease_by_a_clock_behind_has_one_winner(stage: Stage) -> None:
    """To the others it has run out already: it may be shown twice, and is settled once."""
    stage.in_inbox("H33")
    leases = Leases(stage.ledger, stage.signer)
    with wrong_by(-HOUR):
        [first] = await leases.take("h33", 5, 60, 0)
    [second] = await leases.take("h33", 5, 60, 0)
    assert first.id == second.id
    with pytest.raises(Refused, match="lease-lost"):
        await leases.settle(Close("h33", first.id, first.lease_id))
    assert (await leases.settle(Close("h33", second.id, second.lease_id))).state == "settled"
    assert await leases.take("h33", 5, 60, 0) == []

"""The shapes that hurt: a circular to thousands, and a system that has been away for a week."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from hub import clock
from hub.broker import MemoryBroker
from hub.delivery.inbox import Inbox
from hub.delivery.lease import Close, Leases
from hub.ledger import deliveries, envelopes, exchange_log
from hub.ledger.deliveries import Leased
from hub.ledger.envelopes import Acceptance
from hub.ledger.exchange_log import LogQuery
from hub.routing.relay import BATCH, Relay
from tests.broker.recorder import eventually
from tests.ledger.stage import Stage

pytestmark = pytest.mark.slow
CIRCULAR = 5_000
BACKLOG = 2_000  # twenty thousand drain as well, in a minute
PAGE = 200


def circular(stage: Stage, count: int, systems: Sequence[str] = ("h33", "h40")) -> Acceptance:
    """A letter to so many recipients, served by these systems in turn."""
    made = stage.acceptance("H33")
    rows, outbox = [], []
    for number in range(count):
        one = {"id": clock.new_id(), "recipient_code": f"X{number:05d}", "system_id": systems[number % len(systems)]}
        rows.append({**made.deliveries[0], **one})
        outbox.append({**made.outbox[0], **one, "delivery_id": one["id"]})
        del outbox[-1]["id"]
    return replace(made, deliveries=rows, outbox=outbox)


async def drained(stage: Stage, leases: Leases, system_id: str) -> list[Leased]:
    """Everything that a system takes, page by page, each page settled before the next."""
    taken: list[Leased] = []
    while page := await leases.take(system_id, PAGE, 60, 0):
        await asyncio.gather(*(leases.settle(Close(system_id, one.id, one.lease_id)) for one in page))
        taken += page
    return taken


async def test_a_circular_to_thousands_is_one_acceptance_published_in_batches_and_settled_by_all(stage: Stage) -> None:
    broker, leases = MemoryBroker(), Leases(stage.ledger, stage.signer)
    await broker.open()
    inbox = Inbox(stage.ledger)
    for system_id in ("h33", "h40"):
        await broker.consume(system_id, inbox.hand_over)
    [stored] = await stage.ledger.statement(envelopes.accept, [circular(stage, CIRCULAR)])
    assert len(stored.deliveries) == CIRCULAR
    relay = Relay(stage.ledger, broker, 15)
    moved = [await relay.step() for _ in range(math.ceil(CIRCULAR / BATCH))]
    assert (moved, await relay.step()) == ([BATCH] * (CIRCULAR // BATCH), 0)
    taken: list[Leased] = []

    async def all_of_it() -> bool:
        for system_id in ("h33", "h40"):
            taken.extend(await drained(stage, leases, system_id))
        return len(taken) >= CIRCULAR

    await eventually(all_of_it, 120)
    assert {one.id for one in taken} == {delivery for _, delivery in stored.deliveries}
    assert {one.arrival for one in taken} == {1}
    settled, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind="delivery.settled"), None, 2 * CIRCULAR)
    print(f"accepted 1, expected {CIRCULAR}, settled {len(settled)}, shown again {len(taken) - CIRCULAR}")
    assert len({entry["delivery_id"] for entry in settled}) == len(settled) == CIRCULAR
    await broker.close()


async def test_an_urgent_letter_overtakes_a_circular_that_waits_to_be_published(stage: Stage) -> None:
    broker = MemoryBroker()
    await broker.open()
    await stage.ledger.statement(envelopes.accept, [circular(stage, 2 * BATCH)])
    [(_, ordinary)], [(_, urgent)] = (stage.accept("H33", priority=priority).deliveries for priority in (0, 2))
    relay = Relay(stage.ledger, broker, 15)
    await relay.step()
    assert (stage.state(urgent), stage.state(ordinary)) == ("published", "pending")
    for _ in range(2):
        await relay.step()
    assert stage.state(ordinary) == "published"
    await broker.close()


async def test_a_system_that_was_away_for_a_week_drains_and_nobody_waits_for_it(stage: Stage) -> None:
    """Between its pages others' letters are shown at their next look, and its own urgent ones on its next page."""
    leases = Leases(stage.ledger, stage.signer)
    week = clock.now() - timedelta(days=7)
    old = circular(stage, BACKLOG, ("h33",))
    for number, row in enumerate(old.deliveries):
        row["recipient_code"] = ("H33", "H33.01")[number % 2] if number < 2 else row["recipient_code"]
    [stored] = await stage.ledger.statement(envelopes.accept, [old])
    waiting = [delivery for _, delivery in stored.deliveries]
    await stage.ledger.write(deliveries.take_over, waiting, week)
    taken: list[Leased] = []
    pages = 0
    while pages * PAGE < BACKLOG:
        [mine] = stage.in_inbox("H33", priority=3)
        [theirs] = stage.in_inbox("H40")
        page = await leases.take("h33", PAGE, 60, 0)
        assert page[0].id == mine, "the urgent letter is not the first of the next page"
        assert [one.id for one in await leases.take("h40", PAGE, 60, 0)] == [theirs]
        await asyncio.gather(*(leases.settle(Close("h33", one.id, one.lease_id)) for one in page))
        taken += page
        pages += 1
    taken += await drained(stage, leases, "h33")
    print(f"waited {BACKLOG}, urgent meanwhile {pages}, taken {len(taken)} in {pages + 1} pages")
    assert len({one.id for one in taken}) == len(taken) == BACKLOG + pages
    assert [one.id for one in taken if one.id in set(waiting)] == sorted(waiting), "not in the order of arrival"
    numbers = sorted(one.arrival for one in taken if one.recipient_code == "H33")
    assert numbers == list(range(1, len(numbers) + 1))

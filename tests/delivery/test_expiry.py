"""What was handed over and never settled is given up when its time is up, not handed over for ever."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from hub import clock
from hub.delivery.carrier import Handed
from hub.ledger import receipts, systems, tables
from tests.broker.recorder import eventually
from tests.delivery.carriers import Scripted, carriage_of
from tests.ledger.stage import Stage


async def test_a_hand_over_lasts_no_longer_than_the_delivery_and_then_it_is_dead(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    soon = clock.now() + timedelta(seconds=1.5)
    limited = update(tables.delivery).where(tables.delivery.c.id == one).values(expires_at=soon)
    stage.ledger.write_now(lambda transaction: transaction.execute(limited) and None)
    stage.by_channel("push", "h33")
    carrier = Scripted(*[Handed(clock.now() + timedelta(days=1))] * 3)
    carriage = carriage_of(stage.ledger, stage.signer, carrier)
    for system in await stage.ledger.read(systems.every):
        carriage.serve(system)
    row = select(tables.delivery.c.available_at).where(tables.delivery.c.id == one)

    async def handed() -> bool:
        return stage.state(one) == "leased" and len(carrier.carried) == 1

    async def dead() -> bool:
        return stage.state(one) == "dead"

    await eventually(handed)
    await eventually(dead)
    await carriage.close()
    assert stage.ledger.read_now(lambda transaction: transaction.execute(row).scalar_one()) is None
    assert carrier.carried == [one], "it was not handed over again"
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 100)
    assert [(each.event, each.code) for each in found if each.delivery_id] == [("delivery.dead", "expired")]

"""Systems that cannot be told their receipts: waits grow, what they ask for is a floor, and gone is gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import clock
from hub.delivery.carrier import Failed
from hub.delivery.telling import WAITS, Telling
from hub.ledger import delivery_tables, exchange_log, reconfiguring, systems
from hub.ledger.exchange_log import LogQuery
from tests.broker.recorder import eventually
from tests.delivery.carriers import Scripted
from tests.ledger.stage import Stage


async def once(stage: Stage, carrier: Scripted) -> None:
    """One look for somebody to tell, and what came of it."""
    telling = Telling(stage.ledger, {"push": carrier})
    await telling.step()
    await asyncio.gather(*telling._telling.values())


def next_try(stage: Stage) -> timedelta:
    """How long nobody tells the sender's system anything."""
    found = select(delivery_tables.receipt_cursor.c.retry_at)
    return stage.ledger.read_now(lambda transaction: transaction.execute(found).scalar_one()) - clock.now()


@pytest.mark.parametrize("asked", [None, 0.5, 600.0])
async def test_the_wait_grows_and_is_never_shorter_than_was_asked(stage: Stage, asked: float | None) -> None:
    stage.by_channel("push", "sender")
    stage.accept("H33")
    for number in range(3):
        await once(stage, Scripted(Failed("busy", "HTTP 429", retry_after=asked)))
        least = max(WAITS[number], timedelta(seconds=asked or 0))
        assert least - timedelta(seconds=5) < next_try(stage) <= least
        stage.make_due()


async def test_a_system_that_is_gone_for_its_receipts_is_disabled_until_it_is_enabled(stage: Stage) -> None:
    stage.by_channel("push", "sender")
    stage.accept("H33")
    carrier = Scripted(Failed("gone", "HTTP 410", disable=True))
    await once(stage, carrier)
    known = await stage.ledger.read(systems.by_id, "sender")
    assert known is not None
    assert known.disabled
    entries, _ = await stage.ledger.read(exchange_log.query, LogQuery(), None, 1000)
    assert [one["code"] for one in entries if one["kind"] == "registry.system_disabled"] == ["gone"]

    stage.make_due()
    await once(stage, carrier)
    assert carrier.told == []
    await stage.ledger.write(reconfiguring.enable, "system sender")

    async def told() -> bool:
        await once(stage, carrier)
        return len(carrier.told) == 1

    await eventually(told)

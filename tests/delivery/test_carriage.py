"""The carriage: hands over, tries again, leaves alone, gives up; whatever happens nothing is lost or settled twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hub import clock
from hub.audit import Event
from hub.delivery import retry
from hub.delivery.carriage import Carriage
from hub.delivery.carrier import Failed, Handed
from hub.delivery.lease import Close, Leases
from hub.delivery.telling import Telling
from hub.ledger import carriage as statements
from hub.ledger import deliveries, delivery_tables, exchange_log, receipts, systems, tables, troubles
from hub.ledger.exchange_log import LogQuery
from hub.ledger.receipts import ReceiptRecord
from hub.problems import Deferred
from tests.broker.recorder import eventually
from tests.delivery.carriers import Scripted, carriage_of
from tests.ledger.stage import Stage


@asynccontextmanager
async def at_work(stage: Stage, carrier: Scripted) -> AsyncIterator[Carriage]:
    """A carriage that serves h33 by push."""
    stage.by_channel("push", "h33")
    made = carriage_of(stage.ledger, stage.signer, carrier)
    for system in await stage.ledger.read(systems.every):
        made.serve(system)
    try:
        yield made
    finally:
        await made.close()
        await asyncio.to_thread(stage.quiet)


def kinds(stage: Stage, delivery_id: str) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [one["kind"] for one in entries if one["delivery_id"] == delivery_id]


def system_kinds(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [one["kind"] for one in entries if one["kind"].startswith(("circuit.", "registry.system_"))]


def told(stage: Stage, delivery_id: str) -> list[ReceiptRecord]:
    """The sender's receipts about one delivery."""
    found, _ = stage.ledger.read_now(receipts.feed, "sender", None, 1000)
    return [one for one in found if one.delivery_id == delivery_id]


def tried(stage: Stage, delivery_id: str) -> list[tuple[str, str]]:
    return [(one.outcome, one.code) for one in stage.ledger.read_now(statements.attempts_of, delivery_id)]


def troubled(stage: Stage) -> tuple[int, int, int]:
    """Dead letters, systems left alone, systems disabled."""
    found = stage.ledger.read_now(troubles.count, retry.BREAKER_FAILURES)
    return found.dead, found.left_alone, found.disabled


async def becomes(stage: Stage, delivery_id: str, state: str) -> None:
    async def so() -> bool:
        return stage.state(delivery_id) == state

    await eventually(so)


async def tried_times(stage: Stage, delivery_id: str, count: int) -> None:
    async def so() -> bool:
        return len(tried(stage, delivery_id)) >= count

    await eventually(so)


async def test_a_delivered_document_is_settled_once_with_receipt_attempt_and_evidence(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    async with at_work(stage, Scripted()):
        await becomes(stage, one, "settled")
    assert tried(stage, one) == [("delivered", "")]
    assert [receipt.event for receipt in told(stage, one)] == ["delivery.settled"]
    assert kinds(stage, one) == [Event.DELIVERY_READY, Event.DELIVERY_SETTLED]
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind=Event.DELIVERY_SETTLED), None, 10)
    assert entries[0]["detail"]["how"] == {"channel": "push", "said": "yes"}


async def test_what_arrives_while_the_carriage_is_idle_is_carried_at_once(stage: Stage) -> None:
    carrier = Scripted()
    async with at_work(stage, carrier) as carriage:
        [one] = stage.in_inbox("H33")
        carriage.arrived("h33")
        await becomes(stage, one, "settled")


async def test_a_transient_failure_is_tried_again_later_and_says_why_meanwhile(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    carrier = Scripted(Failed("answer-error", "500"), Failed("timed-out"))
    async with at_work(stage, carrier):
        await tried_times(stage, one, 1)
        await becomes(stage, one, "ready")
        first = stage.ledger.read_now(statements.attempts_of, one)[0]
        assert first.next_at is not None
        assert first.next_at > first.ended_at
        assert len(carrier.carried) == 1, "not before its time"
        stage.make_due()
        await tried_times(stage, one, 2)
        stage.make_due()
        await becomes(stage, one, "settled")
    assert tried(stage, one) == [("transient", "answer-error"), ("transient", "timed-out"), ("delivered", "")]
    assert kinds(stage, one).count(Event.DELIVERY_ATTEMPTED) == 2
    assert [receipt.event for receipt in told(stage, one)] == ["delivery.settled"]


async def test_a_permanent_failure_is_a_dead_letter_with_a_signed_non_delivery(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    async with at_work(stage, Scripted(Failed("rejected", "chữ ký không hợp lệ"))):
        await becomes(stage, one, "dead")
    [receipt] = told(stage, one)
    assert (receipt.event, receipt.code, receipt.description) == ("delivery.dead", "rejected", "chữ ký không hợp lệ")
    assert kinds(stage, one)[-1] == Event.DELIVERY_DEAD
    assert tried(stage, one) == [("permanent", "rejected")]
    assert troubled(stage) == (1, 0, 0)


async def test_a_document_whose_time_is_up_is_given_up_instead_of_tried_for_ever(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    soon = clock.now() + timedelta(seconds=1)
    expiry = update(tables.delivery).where(tables.delivery.c.id == one).values(expires_at=soon)
    stage.ledger.write_now(lambda transaction: transaction.execute(expiry))
    async with at_work(stage, Scripted(Failed("unreachable", "refused"))):
        await becomes(stage, one, "dead")
    assert [(receipt.event, receipt.code) for receipt in told(stage, one)] == [("delivery.dead", "expired")]


async def test_the_most_urgent_goes_first_and_no_more_than_allowed_at_once(stage: Stage) -> None:
    ordinary = [stage.in_inbox("H33")[0] for _ in range(8)]
    [urgent] = stage.in_inbox("H33", priority=3)
    carrier = Scripted()
    carrier.hold.clear()
    async with at_work(stage, carrier):

        async def full() -> bool:
            return carrier.at_once == carrier.concurrency

        await eventually(full)
        assert carrier.carried[0] == urgent
        carrier.hold.set()
        for one in ordinary:
            await becomes(stage, one, "settled")
    assert carrier.most_at_once == carrier.concurrency
    assert sorted(carrier.carried) == sorted([urgent, *ordinary]), "each once"


async def test_failures_in_a_row_open_the_breaker_and_one_probe_closes_it(stage: Stage) -> None:
    ids = [stage.in_inbox("H33")[0] for _ in range(12)]
    carrier = Scripted(*[Failed("unreachable")] * retry.BREAKER_FAILURES)
    carrier.concurrency = 1
    async with at_work(stage, carrier):

        async def opened() -> bool:
            return system_kinds(stage) == [Event.CIRCUIT_OPENED]

        await eventually(opened)
        await asyncio.sleep(1.2)
        assert len(carrier.carried) == retry.BREAKER_FAILURES, "nothing goes out while the breaker is open"
        assert troubled(stage) == (0, 1, 0)
        carrier.concurrency = 4
        carrier.hold.clear()
        stage.make_due()

        async def probing() -> bool:
            return carrier.at_once == 1

        await eventually(probing)
        await asyncio.sleep(1.2)
        assert carrier.at_once == 1, "one document finds out whether the system is back"
        carrier.hold.set()
        stage.make_due()
        for one in ids:
            await becomes(stage, one, "settled")
    assert system_kinds(stage) == [Event.CIRCUIT_OPENED, Event.CIRCUIT_CLOSED]
    assert troubled(stage) == (0, 0, 0)


async def test_what_a_system_asks_for_is_obeyed_by_all_its_documents(stage: Stage) -> None:
    ids = [stage.in_inbox("H33")[0] for _ in range(3)]
    carrier = Scripted(Failed("busy", "429", retry_after=600))
    carrier.concurrency = 1
    async with at_work(stage, carrier):
        await tried_times(stage, ids[0], 1)
        await asyncio.sleep(1.2)
        assert carrier.carried == ids[:1]
        first = stage.ledger.read_now(statements.attempts_of, ids[0])[0]
        assert first.next_at is not None
        assert first.next_at - first.ended_at >= timedelta(seconds=600)


async def test_a_system_that_is_gone_is_disabled_and_its_documents_wait(stage: Stage) -> None:
    ids = [stage.in_inbox("H33")[0] for _ in range(2)]
    carrier = Scripted(Failed("gone", "410", disable=True))
    carrier.concurrency = 1
    async with at_work(stage, carrier):

        async def disabled() -> bool:
            return Event.SYSTEM_DISABLED in system_kinds(stage)

        await eventually(disabled)
        assert troubled(stage) == (0, 0, 1)
        stage.make_due()
        await asyncio.sleep(1.2)
        assert len(carrier.carried) == 1
        assert {stage.state(one) for one in ids} == {"ready"}
        enabled = update(tables.system).where(tables.system.c.id == "h33").values(disabled_at=None)
        stage.ledger.write_now(lambda transaction: transaction.execute(enabled))
        for one in ids:
            await becomes(stage, one, "settled")


async def test_what_was_handed_over_waits_for_the_systems_own_settlement(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    carrier = Scripted(Handed(clock.now() + timedelta(hours=1)))
    async with at_work(stage, carrier):
        await tried_times(stage, one, 1)
        assert stage.state(one) == "leased"
        assert told(stage, one) == []
        await Leases(stage.ledger, stage.signer).settle(Close("h33", one, None))
    assert stage.state(one) == "settled"
    assert [receipt.event for receipt in told(stage, one)] == ["delivery.settled"]


async def test_what_was_handed_over_and_never_settled_is_handed_over_again(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    carrier = Scripted(Handed(clock.now() + timedelta(hours=1)))
    async with at_work(stage, carrier):
        await tried_times(stage, one, 1)
        stage.make_due()
        await becomes(stage, one, "settled")
    assert carrier.carried == [one, one]


async def test_a_carrier_that_breaks_stops_neither_its_document_nor_the_others(stage: Stage) -> None:
    ids = [stage.in_inbox("H33")[0] for _ in range(3)]
    carrier = Scripted(ValueError("unexpected"), Deferred("payload-unavailable", "disk"))
    carrier.concurrency = 1
    async with at_work(stage, carrier):
        await becomes(stage, ids[2], "settled")
        stage.make_due()
        for one in ids:
            await becomes(stage, one, "settled")
    assert [tried(stage, one)[0] for one in ids[:2]] == [("transient", "defect"), ("transient", "octets-missing")]


async def test_an_attempt_cut_off_by_stopping_is_tried_again_after_the_start(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    carrier = Scripted()
    carrier.hold.clear()
    async with at_work(stage, carrier):

        async def going() -> bool:
            return carrier.at_once == 1

        await eventually(going)
    assert tried(stage, one) == [("transient", "cut-short")]
    assert stage.state(one) == "ready"
    async with at_work(stage, Scripted()):
        stage.make_due()
        await becomes(stage, one, "settled")


async def test_a_claim_that_died_with_its_courier_runs_out_and_the_document_is_carried(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    stage.by_channel("push", "h33")
    at = clock.now()
    claiming = ("h33", clock.new_id(), 4, retry.BREAKER_FAILURES, at, at + timedelta(seconds=60))
    _, claimed = stage.ledger.write_now(statements.claim, *claiming)
    assert [found.letter.id for found in claimed] == [one]
    carrier = Scripted()
    async with at_work(stage, carrier):
        await asyncio.sleep(1.2)
        assert carrier.carried == [], "somebody may still be at it"
        stage.make_due()
        await becomes(stage, one, "settled")


async def test_two_couriers_at_once_carry_every_document_once(stage: Stage) -> None:
    ids = [stage.in_inbox("H33")[0] for _ in range(40)]
    carriers = [Scripted(), Scripted()]
    async with at_work(stage, carriers[0]), at_work(stage, carriers[1]):
        for one in ids:
            await becomes(stage, one, "settled")
    assert sorted(carriers[0].carried + carriers[1].carried) == sorted(ids)


async def test_a_document_settled_by_another_hand_meanwhile_stays_settled_once(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    carrier = Scripted()
    carrier.hold.clear()
    async with at_work(stage, carrier):

        async def going() -> bool:
            return carrier.at_once == 1

        await eventually(going)
        await Leases(stage.ledger, stage.signer).settle(Close("h33", one, None))
        carrier.hold.set()
        await tried_times(stage, one, 1)
    assert stage.state(one) == "settled"
    assert [receipt.event for receipt in told(stage, one)] == ["delivery.settled"]


async def test_a_withdrawn_document_is_never_carried(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    assert stage.ledger.write_now(deliveries.end, [one], "withdrawn", "thu hồi", clock.now()) == [one]
    carrier = Scripted()
    async with at_work(stage, carrier):
        [other] = stage.in_inbox("H33")
        await becomes(stage, other, "settled")
    assert carrier.carried == [other]


# ---------------------------------------------------------------- receipts


@asynccontextmanager
async def telling(stage: Stage, carrier: Scripted) -> AsyncIterator[None]:
    stage.by_channel("push", "sender")
    running = asyncio.create_task(Telling(stage.ledger, {"push": carrier}).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


def feed_of(stage: Stage, system: str) -> list[str]:
    return [one.id for one in stage.ledger.read_now(receipts.feed, system, None, 1000)[0]]


async def test_a_sender_is_told_its_receipts_in_order_and_once(stage: Stage) -> None:
    for _ in range(3):
        stage.in_inbox("H33")
    carrier = Scripted()
    async with telling(stage, carrier):

        async def all_told() -> bool:
            return [one for batch in carrier.told for one in batch] == feed_of(stage, "sender")

        await eventually(all_told)
        stage.in_inbox("H40")
        await eventually(all_told)
    assert len(feed_of(stage, "sender")) == 4


async def test_receipts_that_were_not_taken_are_told_again_from_where_it_failed(stage: Stage) -> None:
    stage.in_inbox("H33")
    carrier = Scripted(Failed("unreachable"), Failed("answer-error"))
    async with telling(stage, carrier):

        async def waits() -> bool:
            found = select(delivery_tables.receipt_cursor.c.failures)
            return stage.ledger.read_now(lambda transaction: transaction.execute(found).scalar()) == 1

        await eventually(waits)
        assert carrier.told == []

        async def all_told() -> bool:
            stage.make_due()
            return [one for batch in carrier.told for one in batch] == feed_of(stage, "sender")

        await eventually(all_told)


@pytest.mark.parametrize("count", [250])
async def test_a_long_feed_is_told_in_batches_without_gap_or_repeat(stage: Stage, count: int) -> None:
    for _ in range(count):
        stage.accept("H33")
    carrier = Scripted()
    async with telling(stage, carrier):

        async def all_told() -> bool:
            return sum(len(batch) for batch in carrier.told) >= count

        await eventually(all_told)
    assert [one for batch in carrier.told for one in batch] == feed_of(stage, "sender")
    assert len(carrier.told) > 1

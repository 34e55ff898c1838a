"""Leases as the recipient's system lives them: take, settle, give back, keep, refuse, and all of it twice."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from hub import clock
from hub.delivery.lease import Close, Leases
from hub.ledger import deliveries, exchange_log, receipts
from hub.ledger.deliveries import Leased
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import delivery
from hub.problems import Refused
from hub.signatures.jws import open_jws
from tests.ledger.stage import Stage
from tests.routing.halting import HaltingLedger, killed_at


@pytest.fixture
def leases(stage: Stage) -> Leases:
    return Leases(stage.ledger, stage.signer)


async def one(stage: Stage, leases: Leases, **more: Any) -> Leased:
    stage.in_inbox("H33", **more)
    [taken] = await leases.take("h33", 1, 60, 0)
    return taken


async def code_of(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value.code


def kinds(stage: Stage, delivery_id: str) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [entry["kind"] for entry in entries if entry["delivery_id"] == delivery_id]


def to_sender(stage: Stage, envelope_id: str) -> list[tuple[str, str]]:
    found = stage.ledger.read_now(receipts.of_envelope, envelope_id, "sender")
    return [(receipt.event, receipt.description) for receipt in found]


def run_out(stage: Stage, delivery_id: str) -> None:
    """The lease's time is over."""
    past = update(delivery).where(delivery.c.id == delivery_id).values(available_at=clock.now())
    stage.ledger.write_now(lambda transaction: transaction.execute(past))


def settling(stage: Stage) -> str:
    """The work in which an ordinary settlement is written."""
    return "_settle_plain" if stage.ledger.dialect == "postgresql" else "_settle"


async def test_settling_closes_and_gives_the_sender_a_receipt_that_names_the_octets(
    stage: Stage, leases: Leases
) -> None:
    taken = await one(stage, leases, document_id="5/2026")
    closed = await leases.settle(Close("h33", taken.id, taken.lease_id))
    assert (closed.delivery_id, closed.state) == (taken.id, "settled")
    key = stage.signer.key
    payload = open_jws(closed.receipt, {key.kid: key.public}, "lienthong-receipt+jws")
    named = {
        "event": "delivery.settled", "sha256": taken.sha256, "document_id": "5/2026", "sender": "G22",
        "recipient": "H33", "delivery_id": taken.id,
    }  # fmt: skip
    assert {name: payload[name] for name in named} == named
    assert stage.state(taken.id) == "settled"
    assert to_sender(stage, taken.envelope_id) == [("envelope.accepted", ""), ("delivery.settled", "")]
    assert kinds(stage, taken.id) == ["delivery.ready", "delivery.leased", "delivery.settled"]
    assert await leases.take("h33", 10, 60, 0) == []


async def test_settling_again_gives_the_first_receipt_and_writes_nothing(stage: Stage, leases: Leases) -> None:
    taken = await one(stage, leases)
    first = await leases.settle(Close("h33", taken.id, taken.lease_id))
    again = await leases.settle(Close("h33", taken.id, taken.lease_id))
    without_lease = await leases.settle(Close("h33", taken.id, None))
    other_process = await Leases(stage.ledger, stage.signer).settle(Close("h33", taken.id, "any lease"))
    assert {first.receipt, again.receipt, without_lease.receipt, other_process.receipt} == {first.receipt}
    assert kinds(stage, taken.id).count("delivery.settled") == 1
    assert len(to_sender(stage, taken.envelope_id)) == 2


async def test_settlements_at_the_same_moment_are_one(stage: Stage, leases: Leases) -> None:
    taken = await one(stage, leases)
    close = Close("h33", taken.id, taken.lease_id)
    both = [leases, Leases(stage.ledger, stage.signer)]
    closed = await asyncio.gather(*(both[number % 2].settle(close) for number in range(12)))
    assert len({one.receipt for one in closed}) == 1
    assert kinds(stage, taken.id).count("delivery.settled") == 1


async def test_a_batch_of_settlements_judges_each_on_its_own(stage: Stage, leases: Leases) -> None:
    good, stranger = await one(stage, leases), await one(stage, leases)
    answers = await asyncio.gather(
        leases.settle(Close("h33", good.id, good.lease_id)),
        leases.settle(Close("h40", stranger.id, stranger.lease_id)),
        leases.settle(Close("h33", "no such delivery", None)),
        leases.settle(Close("h33", stranger.id, "another lease")),
        return_exceptions=True,
    )
    codes = [getattr(answer, "code", "settled") for answer in answers]
    assert codes == ["settled", "not-found", "not-found", "lease-lost"]
    assert stage.state(stranger.id) == "leased"


async def test_a_client_killed_after_the_commit_repeats_and_gets_the_same_receipt(stage: Stage) -> None:
    """The crash after the settlement was committed and before the answer left."""
    patient = Leases(stage.ledger, stage.signer)
    taken = await one(stage, patient)
    close = Close("h33", taken.id, taken.lease_id)
    halting = HaltingLedger(stage.ledger, settling(stage), before=False)
    dying = Leases(halting, stage.signer)
    await killed_at(halting.reached, dying.settle(close))
    assert stage.state(taken.id) == "settled"
    closed = await patient.settle(close)
    feed, _ = stage.ledger.read_now(receipts.feed, "sender", None, 10)
    assert [receipt.jws for receipt in feed if receipt.event == "delivery.settled"] == [closed.receipt]


async def test_a_hub_killed_before_the_commit_has_settled_nothing(stage: Stage) -> None:
    patient = Leases(stage.ledger, stage.signer)
    taken = await one(stage, patient)
    halting = HaltingLedger(stage.ledger, settling(stage), before=True)
    dying = Leases(halting, stage.signer)
    await killed_at(halting.reached, dying.settle(Close("h33", taken.id, taken.lease_id)))
    assert stage.state(taken.id) == "leased"
    assert len(to_sender(stage, taken.envelope_id)) == 1


async def test_a_late_settlement_and_a_new_lease_at_the_same_moment_have_one_winner(
    stage: Stage, leases: Leases
) -> None:
    won = {"settled": 0, "taken": 0}
    for _ in range(12):
        taken = await one(stage, leases)
        run_out(stage, taken.id)
        again, closed = await asyncio.gather(
            leases.take("h33", 1, 60, 0),
            leases.settle(Close("h33", taken.id, taken.lease_id)),
            return_exceptions=True,
        )
        if isinstance(closed, Refused):
            assert closed.code == "lease-lost"
            assert [one.id for one in again] == [taken.id]
            await leases.settle(Close("h33", taken.id, again[0].lease_id))
            won["taken"] += 1
        else:
            assert (closed.state, again) == ("settled", [])
            won["settled"] += 1
        assert len(to_sender(stage, taken.envelope_id)) == 2
    assert sum(won.values()) == 12


async def test_one_request_of_many_that_is_late_does_not_hold_up_the_others(stage: Stage, leases: Leases) -> None:
    """Settled, settled again, another's lease, unknown: all at the same moment, each with its own answer."""
    plain, closed, lost = [await one(stage, leases) for _ in range(3)]
    first = await leases.settle(Close("h33", closed.id, closed.lease_id))
    answers = await asyncio.gather(
        leases.settle(Close("h33", plain.id, None)),
        leases.settle(Close("h33", plain.id, plain.lease_id)),
        leases.settle(Close("h33", closed.id, closed.lease_id)),
        leases.settle(Close("h33", lost.id, "another")),
        leases.settle(Close("h40", lost.id, lost.lease_id)),
        leases.settle(Close("h33", "none", None)),
        return_exceptions=True,
    )
    assert answers[0] == answers[1]
    assert answers[2] == first
    assert [one.code for one in answers[3:]] == ["lease-lost", "not-found", "not-found"]
    assert [stage.state(one.id) for one in (plain, closed, lost)] == ["settled", "settled", "leased"]


async def test_a_lease_that_ran_out_may_still_be_settled_while_nobody_else_took_it(
    stage: Stage, leases: Leases
) -> None:
    taken = await one(stage, leases)
    run_out(stage, taken.id)
    assert (await leases.settle(Close("h33", taken.id, taken.lease_id))).state == "settled"


@pytest.mark.parametrize("verb", ["settle", "release", "extend", "refuse"])
async def test_a_lease_that_another_client_has_taken_over_is_lost(stage: Stage, leases: Leases, verb: str) -> None:
    first = await one(stage, leases)
    run_out(stage, first.id)
    [second] = await leases.take("h33", 1, 60, 0)
    assert await code_of(verbs(leases)[verb](Close("h33", first.id, first.lease_id))) == "lease-lost"
    assert (await leases.settle(Close("h33", second.id, second.lease_id))).state == "settled"


def verbs(leases: Leases) -> dict[str, Callable[[Close], Awaitable[object]]]:
    return {
        "settle": leases.settle,
        "release": leases.release,
        "extend": lambda close: leases.extend(close, 60),
        "refuse": lambda close: leases.refuse(close, "Gửi nhầm"),
    }


@pytest.mark.parametrize("verb", ["settle", "release", "extend", "refuse"])
async def test_another_systems_delivery_is_not_found(stage: Stage, leases: Leases, verb: str) -> None:
    taken = await one(stage, leases)
    for close in (Close("h40", taken.id, taken.lease_id), Close("h33", "no such", taken.lease_id)):
        assert await code_of(verbs(leases)[verb](close)) == "not-found"
    assert stage.state(taken.id) == "leased"


@pytest.mark.parametrize("verb", ["settle", "extend", "refuse"])
async def test_what_nobody_has_taken_cannot_be_closed(stage: Stage, leases: Leases, verb: str) -> None:
    [delivery_id] = stage.in_inbox("H33")
    assert await code_of(verbs(leases)[verb](Close("h33", delivery_id, None))) == "delivery-not-taken"
    assert await code_of(verbs(leases)[verb](Close("h33", delivery_id, "old"))) == "lease-lost"


@pytest.mark.parametrize("verb", ["release", "extend", "refuse"])
async def test_a_settled_delivery_is_closed_to_everything_else(stage: Stage, leases: Leases, verb: str) -> None:
    taken = await one(stage, leases)
    await leases.settle(Close("h33", taken.id, taken.lease_id))
    assert await code_of(verbs(leases)[verb](Close("h33", taken.id, taken.lease_id))) == "delivery-closed"


async def test_a_released_delivery_may_be_taken_at_once_and_releasing_again_is_nothing(
    stage: Stage, leases: Leases
) -> None:
    taken = await one(stage, leases)
    await leases.release(Close("h33", taken.id, taken.lease_id))
    await leases.release(Close("h33", taken.id, taken.lease_id))
    assert kinds(stage, taken.id).count("delivery.released") == 1
    [again] = await leases.take("h33", 1, 60, 0)
    assert (again.id, again.attempts) == (taken.id, 2)
    assert again.lease_id != taken.lease_id


async def test_an_extended_lease_lasts_from_now(stage: Stage, leases: Leases) -> None:
    taken = await one(stage, leases)
    run_out(stage, taken.id)
    until = await leases.extend(Close("h33", taken.id, taken.lease_id), 120)
    assert 115 < (until - clock.now()).total_seconds() <= 120
    assert await leases.take("h33", 1, 60, 0) == []
    assert stage.ledger.read_now(deliveries.find, [taken.id])[taken.id].available_at == until


async def test_a_refusal_is_for_good_and_tells_the_sender_why(stage: Stage, leases: Leases) -> None:
    taken = await one(stage, leases)
    close = Close("h33", taken.id, taken.lease_id)
    refused = await leases.refuse(close, "Gửi nhầm cơ quan")
    again = await leases.refuse(close, "Gửi nhầm cơ quan")
    assert (refused.state, refused.receipt) == ("refused", again.receipt)
    assert await code_of(leases.refuse(close, "Lý do khác")) == "delivery-closed"
    assert await code_of(leases.settle(close)) == "delivery-closed"
    assert to_sender(stage, taken.envelope_id)[1:] == [("delivery.refused", "Gửi nhầm cơ quan")]
    part = refused.receipt.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(part + "=="))["reason"] == "Gửi nhầm cơ quan"
    assert await leases.take("h33", 1, 60, 0) == []


async def test_one_recipients_refusal_leaves_the_others_alone(stage: Stage, leases: Leases) -> None:
    stage.in_inbox("H33", "H40")
    [mine] = await leases.take("h33", 5, 60, 0)
    await leases.refuse(Close("h33", mine.id, mine.lease_id), "Không thuộc thẩm quyền")
    [theirs] = await leases.take("h40", 5, 60, 0)
    assert theirs.envelope_id == mine.envelope_id


async def test_a_waiting_taker_is_answered_when_something_arrives(stage: Stage, leases: Leases) -> None:
    started = clock.monotonic()
    waiting = asyncio.create_task(leases.take("h33", 10, 60, 20))
    await asyncio.sleep(0.2)
    [delivery_id] = stage.in_inbox("H33")
    leases.arrived("h33")
    assert [taken.id for taken in await waiting] == [delivery_id]
    assert clock.monotonic() - started < 5


async def test_a_waiting_taker_finds_what_another_process_put_there(stage: Stage, leases: Leases) -> None:
    waiting = asyncio.create_task(leases.take("h33", 10, 60, 20))
    await asyncio.sleep(0.2)
    [delivery_id] = stage.in_inbox("H33")
    async with asyncio.timeout(5):
        assert [taken.id for taken in await waiting] == [delivery_id]


async def test_a_taker_who_waits_in_vain_is_answered_in_time(leases: Leases) -> None:
    started = clock.monotonic()
    assert await leases.take("h33", 10, 60, 0.5) == []
    assert 0.4 < clock.monotonic() - started < 3


async def test_many_waiting_takers_share_what_arrives_without_a_double(stage: Stage, leases: Leases) -> None:
    waiting = [asyncio.create_task(leases.take("h33", 1, 60, 3)) for _ in range(6)]
    await asyncio.sleep(0.1)
    ids = [stage.in_inbox("H33")[0] for _ in range(4)]
    leases.arrived("h33")
    taken = [one.id for answer in await asyncio.gather(*waiting) for one in answer]
    assert sorted(taken) == sorted(ids)

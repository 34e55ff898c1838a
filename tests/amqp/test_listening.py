"""What systems say by message, on the real RabbitMQ and PostgreSQL: committed once, or parked with the reason."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import aio_pika
import pytest
from sqlalchemy import update

from hub import clock
from hub.broker import RabbitBroker
from hub.broker.port import Said
from hub.broker.topology import RECEIPTS_EXCHANGE
from hub.delivery.lease import Close, Closed, Leases
from hub.ledger import carriage, exchange_log, leasing
from hub.ledger.delivery_tables import change
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import delivery, system
from hub.receipts.statuses import Statuses
from tests.amqp.ear import HUB, Ear, SometimesAway, listening

pytestmark = pytest.mark.services


async def test_settled_by_message_is_settled_with_a_receipt_for_the_sender(ear: Ear) -> None:
    [one] = ear.handed()
    await ear.h33.settle(one)
    await ear.becomes(one, "settled")
    assert ear.told(one) == [("delivery.settled", "")]
    assert await ear.nothing_parked()


async def test_settled_again_and_by_several_messages_at_once_is_one_settlement(ear: Ear) -> None:
    [one] = ear.handed()
    await asyncio.gather(*(ear.h33.settle(one) for _ in range(10)))
    await ear.becomes(one, "settled")
    await ear.h33.settle(one)
    await ear.heard_all()
    assert ear.told(one) == [("delivery.settled", "")]
    assert ear.kinds(one).count("delivery.settled") == 1
    assert await ear.h33.look() is None, "nobody is told that anything was wrong"


async def test_refused_by_message_tells_the_sender_the_reason(ear: Ear) -> None:
    [one] = ear.handed()
    await ear.h33.settle(one, "refused", reason=" Không thuộc thẩm quyền ")
    await ear.becomes(one, "refused")
    assert ear.told(one) == [("delivery.refused", "Không thuộc thẩm quyền")]


async def test_a_released_document_is_handed_over_again_later_and_later(ear: Ear) -> None:
    [one] = ear.handed()
    waits = []
    for _ in range(8):
        await ear.h33.settle(one, "released")
        await ear.becomes(one, "ready")
        attempts = ear.stage.ledger.read_now(carriage.attempts_of, one)
        assert (attempts[-1].outcome, attempts[-1].code) == ("transient", "returned")
        assert attempts[-1].next_at is not None
        waits.append((attempts[-1].next_at - attempts[-1].ended_at).total_seconds())
        ear.stage.make_due()
        at = clock.now()
        until = at + timedelta(minutes=5)
        assert ear.stage.ledger.write_now(leasing.lease, "h33", clock.new_id(), 1, at, until, by_courier=True)
    assert min(waits) > 1, "a system that gives everything back at once is not given it again at once"
    assert max(waits) > 30, "the pause grows"
    assert ear.told(one) == [], "the sender is not told of what is no end"


async def test_a_document_that_is_given_back_while_its_sender_takes_it_back_is_withdrawn(ear: Ear) -> None:
    [one] = ear.handed()
    question = {
        "id": clock.new_id(), "kind": "recall", "delivery_id": one, "asked_at": clock.now(), "reason": "Gửi nhầm",
        "state_then": "leased", "outcome": "asked",
    }  # fmt: skip
    ear.stage.ledger.write_now(lambda transaction: transaction.execute(change.insert().values(question)))
    await ear.h33.settle(one, "released")
    await ear.becomes(one, "withdrawn")
    assert [event for event, _ in ear.told(one)] == ["delivery.withdrawn"]
    await ear.h33.settle(one)
    assert (await ear.refused(ear.h33))["code"] == "delivery-closed"


async def test_a_settlement_that_comes_after_a_failed_second_hand_over_counts(ear: Ear) -> None:
    """The broker was away when the time ran out: the delivery is back in the inbox, its copy in the system's hands."""
    taken, refused_, never = ear.handed()[0], ear.handed()[0], ear.stage.in_inbox("H33")[0]
    at = clock.now()
    for one in (taken, refused_):
        ear.stage.ledger.write_now(carriage.put_back, one, at, at + timedelta(hours=1), "unreachable")
    await ear.h33.settle(taken)
    await ear.h33.settle(refused_, "refused", reason="Gửi nhầm")
    await ear.becomes(taken, "settled")
    await ear.becomes(refused_, "refused")
    await ear.h33.settle(never)
    assert (await ear.refused(ear.h33))["code"] == "delivery-not-taken", "it was never handed over"
    assert ear.state(never) == "ready"


async def test_a_business_status_by_message_is_reported_once(ear: Ear) -> None:
    [one] = ear.handed()
    report = {"delivery": one, "code": "03", "description": "Đã vào sổ", "at": "2026-11-22T10:30:00+07:00"}
    for _ in range(3):
        await ear.h33.say("lienthong.status.v1", report)
    await ear.heard_all()
    assert ear.told(one) == [("status.received", "Đã vào sổ")]
    assert ear.state(one) == "leased", "a status drives no delivery"


async def test_what_is_said_of_one_delivery_counts_in_the_order_in_which_it_was_said(ear: Ear) -> None:
    ids = [one for _ in range(10) for one in ear.handed()]
    for one in ids:
        await ear.h33.settle(one, "released")
        await ear.h33.settle(one, "settled")
    for one in ids:
        await ear.becomes(one, "settled")
    await ear.heard_all()
    assert await ear.nothing_parked()


REFUSALS: dict[str, tuple[str, dict[str, Any] | bytes, str, str]] = {
    "no JSON": ("lienthong.settlement.v1", b"\xff{", "request-invalid", ""),
    "no object": ("lienthong.settlement.v1", b"[]", "request-invalid", ""),
    "no delivery": ("lienthong.settlement.v1", {"result": "settled"}, "request-invalid", "/delivery"),
    "an unknown result": (
        "lienthong.settlement.v1", {"delivery": "ID", "result": "eaten"}, "request-invalid", "/result",
    ),
    "an unknown member": (
        "lienthong.settlement.v1", {"delivery": "ID", "result": "settled", "lease": "x"}, "request-invalid", "/lease",
    ),
    "NUL": ("lienthong.settlement.v1", {"delivery": "I\0D", "result": "settled"}, "request-invalid", "/delivery"),
    "too long": (
        "lienthong.settlement.v1", {"delivery": "ID", "result": "refused", "reason": "x" * 1001}, "request-invalid",
        "/reason",
    ),
    "far too long": ("lienthong.settlement.v1", b" " * 70_000, "request-invalid", "body"),
    "an unknown type": ("lienthong.settlement.v9", {"delivery": "ID", "result": "settled"}, "request-invalid", "type"),
    "no type": ("", {"delivery": "ID", "result": "settled"}, "request-invalid", "type"),
    "refused without a reason": (
        "lienthong.settlement.v1", {"delivery": "ID", "result": "refused", "reason": " "}, "reason-missing", "/reason",
    ),
    "nobody's delivery": ("lienthong.settlement.v1", {"delivery": "no", "result": "settled"}, "not-found", ""),
    "a status without a code": ("lienthong.status.v1", {"delivery": "ID"}, "request-invalid", "/code"),
    "an unknown status": ("lienthong.status.v1", {"delivery": "ID", "code": "99"}, "status-code-invalid", "/code"),
    "a time without an offset": (
        "lienthong.status.v1", {"delivery": "ID", "code": "03", "at": "2026-11-22T10:00:00"}, "request-invalid", "/at",
    ),
    "the sender's status": (
        "lienthong.status.v1", {"delivery": "ID", "code": "13"}, "status-reporter-mismatch", "/code",
    ),
}  # fmt: skip


async def test_what_cannot_be_done_is_answered_parked_and_changes_nothing(ear: Ear, subtests: pytest.Subtests) -> None:
    [one] = ear.handed()
    for name, (type_, body, code, location) in REFUSALS.items():
        with subtests.test(name):
            said = body if isinstance(body, bytes) else json.dumps(body).replace('"ID"', json.dumps(one)).encode()
            await ear.h33.say(type_, said, message_id=f"mine-{name}")
            problem = await ear.refused(ear.h33)
            assert (problem["code"], problem["about"]["message_id"]) == (code, f"mine-{name}")
            assert problem["about"]["type"] == type_
            assert location in ("", *(finding["location"] for finding in problem["findings"]))
            assert problem["title"]
            assert problem["type"] == f"{HUB}/problems/{code}"
    assert ear.state(one) == "leased"
    assert ear.told(one) == []
    refused = ear.stage.ledger.read_now(exchange_log.query, LogQuery(kind="status.refused"), None, 100)[0]
    assert sorted(entry["code"] for entry in refused) == ["status-code-invalid", "status-reporter-mismatch"]


async def test_another_systems_delivery_is_not_found_and_stays_as_it_is(ear: Ear) -> None:
    [one] = ear.handed("H40")
    for result in ("settled", "refused", "released"):
        await ear.h33.settle(one, result, reason="x")
        assert (await ear.refused(ear.h33))["code"] == "not-found"
    await ear.h33.say("lienthong.status.v1", {"delivery": one, "code": "03"})
    assert (await ear.refused(ear.h33))["code"] == "not-found"
    assert ear.state(one) == "leased"


async def test_closed_for_good_stays_closed_and_the_system_is_told(ear: Ear) -> None:
    [one] = ear.handed()
    await ear.h33.settle(one, "refused", reason="Gửi nhầm")
    await ear.becomes(one, "refused")
    for result in ("settled", "released"):
        await ear.h33.settle(one, result)
        assert (await ear.refused(ear.h33))["code"] == "delivery-closed"
    assert ear.state(one) == "refused"


async def forged(ear: Ear, user: str | None, key: str, delivery_id: str) -> str:
    """A message by somebody who may publish anything; why it was set aside."""
    exchange = await ear.operator.get_exchange(RECEIPTS_EXCHANGE, ensure=False)
    body = json.dumps({"delivery": delivery_id, "result": "settled"}).encode()
    await exchange.publish(aio_pika.Message(body, type="lienthong.settlement.v1", user_id=user), key)
    parked = await ear.parked()
    assert parked.body == body
    return str(parked.headers["lienthong-reason"])


async def test_nobody_speaks_for_a_system_but_its_user(ear: Ear) -> None:
    [one] = ear.handed()
    assert "is no system" in await forged(ear, None, ear.h33.user, one), "without a user_id, under the right key"
    assert "is no system" in await forged(ear, "guest", ear.h33.user, one), "the operator's own user"
    await ear.h33.say("lienthong.settlement.v1", {"delivery": one, "result": "settled"}, user_id=None)
    assert "is no system" in str((await ear.parked()).headers["lienthong-reason"]), "its own, but unsigned"
    assert ear.state(one) == "leased"
    assert await ear.h33.look() is None, "who is not known is not answered"


@pytest.mark.parametrize(("column", "value"), [("active", False), ("channel", "pull")])
async def test_a_system_that_is_suspended_or_of_another_channel_by_now_is_not_heard(
    ear: Ear, column: str, value: Any
) -> None:
    [one] = ear.handed()
    changed = update(system).where(system.c.id == "h33").values({column: value})
    ear.stage.ledger.write_now(lambda transaction: transaction.execute(changed))
    await ear.h33.settle(one)
    assert "is no system" in str((await ear.parked()).headers["lienthong-reason"])
    assert ear.state(one) == "leased"


async def test_a_key_that_is_not_the_speakers_is_answered_to_the_speaker_only(ear: Ear) -> None:
    """RabbitMQ refuses it; should an operator have opened that, the hub still does not take one for the other."""
    [one] = ear.handed("H40")
    said = Said(ear.h33.user, ear.h40.user, "lienthong.settlement.v1", b'{"delivery":"%b","result":"settled"}', "m")
    body = said.body.replace(b"%b", one.encode())
    heard = listening(ear.stage.ledger, ear.broker, ear.leases, Statuses(ear.stage.ledger, ear.stage.signer))
    await heard.hear([Said(said.user, said.routing_key, said.type, body, said.message_id)])
    assert (await ear.refused(ear.h33))["findings"][0]["location"] == "routing_key"
    assert ear.state(one) == "leased"


async def test_while_the_ledger_is_away_nothing_is_acknowledged_and_nothing_is_lost(ear: Ear) -> None:
    ids = [one for _ in range(10) for one in ear.handed()]
    ear.away += ["away"] * 3
    for one in ids:
        await ear.h33.settle(one)
    for one in ids:
        await ear.becomes(one, "settled")
    assert {len(ear.told(one)) for one in ids} == {1}
    assert await ear.nothing_parked()


async def test_a_message_that_brings_the_listener_down_is_set_aside_and_the_others_go_on(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, good = ear.handed()[0], ear.handed()[0]
    settle = SometimesAway.settle

    async def falling(self: SometimesAway, close: Close) -> Closed:
        if close.delivery_id == poison:
            raise ZeroDivisionError("a defect")
        return await settle(self, close)

    monkeypatch.setattr(SometimesAway, "settle", falling)
    await ear.h33.settle(poison)
    await ear.h33.settle(good)
    await ear.becomes(good, "settled")
    assert "ZeroDivisionError" in str((await ear.parked()).headers["lienthong-reason"])
    assert ear.state(poison) == "leased", "it is handed over again when its time is up"


async def test_two_listeners_share_what_is_said_and_settle_everything_once(ear: Ear, broker_url: str) -> None:
    second = RabbitBroker(broker_url)
    await second.open()
    other = Leases(ear.stage.ledger, ear.stage.signer)
    heard = listening(ear.stage.ledger, second, other, Statuses(ear.stage.ledger, ear.stage.signer))
    await second.systems.listen(heard.hear)
    ids = [one for _ in range(25) for one in ear.handed()]
    for one in [*ids, *ids]:
        await ear.h33.settle(one)
    for one in ids:
        await ear.becomes(one, "settled")
    await ear.heard_all()
    assert {tuple(ear.told(one)) for one in ids} == {(("delivery.settled", ""),)}
    await second.close()


async def test_the_broker_restarted_with_settlements_in_it_loses_none(ear: Ear) -> None:
    """Confirmed settlements are durable: the hub reads them when it and the broker are back."""
    ids = [one for _ in range(10) for one in ear.handed()]
    await ear.broker.close()
    for one in ids:
        await ear.h33.settle(one)
    assert {ear.state(one) for one in ids} == {"leased"}
    await ear.broker.open()
    heard = listening(ear.stage.ledger, ear.broker, ear.leases, Statuses(ear.stage.ledger, ear.stage.signer))
    await ear.broker.systems.listen(heard.hear)
    for one in ids:
        await ear.becomes(one, "settled")
    rows = ear.stage.ledger.read_now(lambda transaction: list(transaction.execute(delivery.select())))
    assert {row.state for row in rows} == {"settled"}

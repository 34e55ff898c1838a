"""Letters and receipts pushed to systems' own addresses by a running hub, through every kind of answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from adapters.client.proof import verify_receipt
from adapters.client.webhooks import verify_webhook
from hub.ledger import Transaction, reconfiguring, registration, systems
from hub.ledger.tables import audit_entry
from tests.push.receiver import Push, Receiver, Say
from tests.world import Office, World, eventually

pytestmark = pytest.mark.slow

URGENT = 3  # retried within seconds


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def pushed_to(world: World, receiver: Receiver, **options: Any) -> Office:
    """An agency whose system takes everything at the receiver's address."""
    name = f"push {uuid.uuid4().hex[:8]}"
    reach = world.settings.push_reach
    world.systems[name] = world.ledger.write_now(
        registration.add_system, name, "push", receiver.url(), options=options, reach=reach
    )
    return world.office(system=name)


def documents(receiver: Receiver, envelope: str) -> list[Push]:
    return [push for push in receiver.pushes if push.headers.get("lienthong-envelope") == envelope]


def told(receiver: Receiver, envelope: str) -> dict[str, dict[str, Any]]:
    """Receipts of an envelope that were pushed, by event."""
    batches = [json.loads(push.body)["receipts"] for push in receiver.pushes if push.event == "receipts"]
    return {one["event"]: one for batch in batches for one in batch if one["envelope"] == envelope}


def state(sender: Office, envelope: str, code: str) -> dict[str, Any]:
    rows = {row["code"]: row for row in sender.client.envelope(envelope)["recipients"]}
    return dict(rows[code])


def settled(sender: Office, envelope: str, office: Office) -> bool:
    return bool(state(sender, envelope, office.code)["state"] == "settled")


def test_a_letter_is_pushed_and_its_receipts_are_pushed_back_to_its_sender(world: World, receiver: Receiver) -> None:
    with Receiver() as senders:
        sender, recipient = pushed_to(world, senders), pushed_to(world, receiver)
        letter = sender.letter(recipient.code)
        envelope = sender.client.post_envelope(letter)["id"]
        eventually(lambda: "delivery.settled" in told(senders, envelope))

        (push,) = documents(receiver, envelope)
        assert push.body == letter
        assert push.headers["lienthong-recipient"] == recipient.code
        keys = recipient.client.push_keys()
        assert verify_webhook(push.headers, push.body, keys) == push.id == push.headers["lienthong-delivery"]

        recipient.client.report_status(push.id, "03", "Đã vào sổ")
        eventually(lambda: "status.received" in told(senders, envelope))
        receipts = told(senders, envelope)
        assert receipts.keys() >= {"envelope.accepted", "delivery.settled", "status.received"}
        for one in receipts.values():
            assert verify_receipt(one["jws"], sender.client.jwks())["envelope_id"] == envelope
        for one in senders.pushes:
            verify_webhook(one.headers, one.body, sender.client.push_keys())
        entries = {entry["kind"]: entry for entry in world.log_entries(envelope=envelope)}
        assert entries["delivery.settled"]["detail"]["how"]["peer"] == f"127.0.0.1:{receiver.port}"


def test_a_receiver_in_trouble_gets_the_letter_again_under_the_same_id_until_it_takes_it(
    world: World, receiver: Receiver
) -> None:
    sender, recipient = world.office(), pushed_to(world, receiver)
    receiver.script = [Say(500, b"no disk"), Say(429, b"", {"Retry-After": "1"})]
    envelope = sender.client.post_envelope(sender.letter(recipient.code, priority=URGENT))["id"]
    eventually(lambda: settled(sender, envelope, recipient), seconds=40)
    pushes = documents(receiver, envelope)
    assert [push.headers["lienthong-attempt"] for push in pushes] == ["1", "2", "3"]
    assert len({push.id for push in pushes}) == 1
    failures = [one for one in world.log_entries(envelope=envelope) if one["kind"] == "delivery.attempted"]
    assert [one["code"] for one in failures] == ["answer-error", "busy"]


def test_what_a_receiver_rejects_is_a_dead_letter_and_its_sender_reads_why(world: World, receiver: Receiver) -> None:
    sender, recipient = world.office(), pushed_to(world, receiver)
    receiver.script = [Say(422, "Thiếu phụ lục kèm theo".encode())]
    envelope = sender.client.post_envelope(sender.letter(recipient.code))["id"]
    eventually(lambda: state(sender, envelope, recipient.code)["state"] == "dead")
    (receipt,) = [one for one in sender.client.receipts(envelope) if one["event"] == "delivery.dead"]
    assert (receipt["code"], receipt["description"]) == ("rejected", "HTTP 422: Thiếu phụ lục kèm theo")
    assert len(documents(receiver, envelope)) == 1


def test_a_receiver_that_is_gone_is_left_alone_until_an_operator_enables_it(world: World, receiver: Receiver) -> None:
    sender, recipient = world.office(), pushed_to(world, receiver)
    receiver.script = [Say(410)]
    first = sender.client.post_envelope(sender.letter(recipient.code, priority=URGENT))["id"]
    known = eventually(lambda: disabled(world, recipient.system))
    assert known["disabled_reason"].startswith("gone: HTTP 410")
    second = sender.client.post_envelope(sender.letter(recipient.code, priority=URGENT))["id"]
    eventually(lambda: state(sender, second, recipient.code)["state"] == "ready")
    assert len(receiver.pushes) == 1
    world.ledger.write_now(reconfiguring.enable, recipient.system)
    for envelope in (first, second):
        eventually(lambda envelope=envelope: settled(sender, envelope, recipient), seconds=40)
    changes = world.ledger.read_now(of_system, recipient.system)
    assert changes == ["registry.system_added", "registry.system_disabled", "registry.system_enabled"]


def of_system(transaction: Transaction, name: str) -> list[str]:
    """What the log says of a system itself, in order."""
    known = systems.by_name(transaction, name)
    assert known is not None
    rows = transaction.execute(select(audit_entry.c.kind, audit_entry.c.detail).order_by(audit_entry.c.seq))
    return [row.kind for row in rows if row.kind.startswith("registry.system") and row.detail["system"] == known.id]


def disabled(world: World, name: str) -> dict[str, Any] | None:
    known = world.ledger.read_now(systems.by_name, name)
    assert known is not None
    return world.ledger.read_now(reconfiguring.situation)[known.id] if known.disabled else None


def test_a_notice_is_repeated_until_the_octets_were_fetched_and_settled(world: World, receiver: Receiver) -> None:
    sender, recipient = world.office(), pushed_to(world, receiver, document_bytes="100")
    letter = sender.letter(recipient.code, priority=URGENT)
    envelope = sender.client.post_envelope(letter)["id"]
    eventually(lambda: len(documents(receiver, envelope)) == 2, seconds=40)
    first, second = documents(receiver, envelope)
    assert (first.event, first.id) == (second.event, second.id) == ("delivery.notice", second.id)
    assert not settled(sender, envelope, recipient)

    notice = json.loads(second.body)["data"]
    assert notice["links"]["content"] == f"{world.url}/v1/envelopes/{envelope}/content"
    assert recipient.client.content(notice["envelope"]) == letter
    recipient.client.settle(notice["delivery"])
    assert settled(sender, envelope, recipient)
    assert [one["event"] for one in sender.client.receipts(envelope)] == ["envelope.accepted", "delivery.settled"]


def test_a_changed_address_is_used_at_once(world: World, receiver: Receiver) -> None:
    with Receiver() as moved:
        sender, recipient = world.office(), pushed_to(world, receiver)
        receiver.otherwise = lambda _push: Say(301, b"", {"Location": moved.url()})
        envelope = sender.client.post_envelope(sender.letter(recipient.code, priority=URGENT))["id"]
        eventually(lambda: receiver.pushes)
        world.ledger.write_now(
            reconfiguring.change, recipient.system, moved.url(), {"body": "document"}, world.settings.push_reach
        )
        eventually(lambda: settled(sender, envelope, recipient), seconds=40)
        assert len(documents(moved, envelope)) == 1

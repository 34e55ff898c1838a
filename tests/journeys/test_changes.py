"""Recall, update and replacement through the edge, on both engines: what the sender sees, and what nobody is shown."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from adapters.client import CallRefused, HubClient
from adapters.client.proof import verify_receipt
from hub import clock
from hub.envelope.writing import Business, Reference
from tests.world import Office, World, eventually


def send(sender: Office, *to: str, kind: int = 0, document_id: str = "", **more: Any) -> Any:
    business = more.pop("business", None) or Business(kind, "Gửi nhầm" if kind else "")
    letter = sender.letter(*to, document_id=document_id or str(uuid.uuid4()), business=business, **more)
    return sender.client.post_envelope(letter)


def take(office: Office) -> Any:
    return eventually(lambda: office.client.inbox(limit=1, wait=5))[0]


def matrix(sender: Office, envelope: Any) -> dict[str, Any]:
    return {row["code"]: row for row in sender.client.envelope(envelope["id"])["recipients"]}


def proofs(world: World, sender: Office, envelope: Any, event: str) -> list[Any]:
    keys = world.auditor.jwks()
    return [verify_receipt(one["jws"], keys) for one in sender.client.receipts(envelope["id"]) if one["event"] == event]


def test_a_letter_recalled_before_it_was_taken_is_never_shown(world: World) -> None:
    sender, first, second = world.office(), world.office(), world.office()
    sent = send(sender, first.code, second.code)
    recall = send(sender, first.code, second.code, kind=1, document_id=sent["document_id"])
    for envelope in (sent, recall):
        assert {row["state"] for row in matrix(sender, envelope).values()} == {"withdrawn"}
    told = proofs(world, sender, sent, "delivery.withdrawn")
    assert sorted(one["recipient"] for one in told) == sorted((first.code, second.code))
    assert {one["sha256"] for one in told} == {sent["sha256"]}
    # what comes after a recall arrives, and nothing before it does
    later = send(sender, first.code, second.code)
    for office in (first, second):
        assert take(office)["envelope"] == later["id"]
        assert office.client.inbox(limit=10, wait=0) == []
        assert office.client.feed()["receipts"] == []
        for look in (office.client.envelope, office.client.content):
            with pytest.raises(CallRefused) as refusal:
                look(sent["id"])
            assert refusal.value.code == "not-found"


def test_a_recall_of_what_was_taken_asks_and_its_answer_and_what_was_done_before_are_kept(world: World) -> None:
    sender, acted, idle = world.office(), world.office(), world.office()
    sent = send(sender, acted.code, idle.code)
    for office in (acted, idle):
        office.client.settle(take(office)["delivery"])
    delivery = matrix(sender, sent)[acted.code]["delivery"]
    acted.client.report_status(delivery, "03", "Đã vào sổ")
    recall = send(sender, acted.code, idle.code, kind=1, document_id=sent["document_id"])
    shown = {code: row["changes"] for code, row in matrix(sender, sent).items()}
    assert [(one["acted_before"], one["status_then"]) for one in shown[acted.code]] == [(True, "03")]
    assert [(one["acted_before"], one["status_then"]) for one in shown[idle.code]] == [(False, None)]
    known = {one["recipient"]: one["acted_before"] for one in proofs(world, sender, recall, "change.asked")}
    assert known == {acted.code: True, idle.code: False}
    assert [one["event"] for one in idle.client.feed()["receipts"]] == ["change.asked"]
    asking = take(idle)
    assert (asking["envelope"], asking["business_type"], asking["previous"]) == (recall["id"], 1, sent["id"])
    idle.client.settle(asking["delivery"])
    idle.client.report_status(asking["delivery"], "15", "Đã hủy")
    take(acted)
    acted.client.report_status_message(acted.status("16", sender.code, sent["document_id"], "Đã ban hành trả lời"))
    for envelope in (sent, recall):
        outcomes = {code: [one["outcome"] for one in row["changes"]] for code, row in matrix(sender, envelope).items()}
        assert outcomes == {acted.code: ["declined"], idle.code: ["agreed"]}
    entries = world.log_entries(document_id=sent["document_id"], kind="change.answered")
    assert sorted(one["detail"]["outcome"] for one in entries) == ["agreed", "declined"]


def test_a_recipient_sees_its_own_question_only(world: World) -> None:
    sender, first, second = world.office(), world.office(), world.office()
    sent = send(sender, first.code, second.code)
    first.client.settle(take(first)["delivery"])
    send(sender, first.code, second.code, kind=1, document_id=sent["document_id"])
    [row] = first.client.envelope(sent["id"])["recipients"]
    assert (row["code"], [one["kind"] for one in row["changes"]]) == (first.code, ["recall"])


def test_status_13_by_delivery_withdraws_one_recipients_copy(world: World) -> None:
    sender, first, second = world.office(), world.office(), world.office()
    sent = send(sender, first.code, second.code)
    reply = sender.client.report_status(matrix(sender, sent)[first.code]["delivery"], "13", "Gửi nhầm nơi nhận")
    assert reply["code"] == "13"
    assert {code: row["state"] == "withdrawn" for code, row in matrix(sender, sent).items()} == {
        first.code: True, second.code: False,
    }  # fmt: skip
    assert take(second)["envelope"] == sent["id"]
    assert first.client.inbox(limit=10, wait=0) == []


def test_an_update_reaches_the_added_and_is_taken_back_from_the_removed(world: World) -> None:
    sender, kept, removed, added = (world.office() for _ in range(4))
    sent = send(sender, kept.code, removed.code)
    business = Business(2, "Đổi nơi nhận", receivers={removed.code: 0, added.code: 1})
    update = send(sender, kept.code, document_id=sent["document_id"], business=business)
    assert {one["code"] for one in update["recipients"]} == {kept.code, added.code}
    assert matrix(sender, sent)[removed.code]["state"] == "withdrawn"
    assert [take(kept)["envelope"] for _ in range(2)] == [sent["id"], update["id"]]
    assert take(added)["envelope"] == update["id"]
    told = sender.client.envelope(update["id"])["business"]
    assert told is not None
    assert (told["added"], told["removed"], told["documents"]) == ([added.code], [removed.code], [sent["document_id"]])
    unknown = Business(2, "x", receivers={"H99.99": 1})
    with pytest.raises(CallRefused) as refusal:
        send(sender, kept.code, document_id=sent["document_id"], business=unknown)
    assert refusal.value.code == "recipient-unknown"
    assert "H99.99" in str(refusal.value)


def test_every_further_update_is_accepted_and_a_repeat_gets_its_first_acknowledgement(world: World) -> None:
    sender, recipient = world.office(), world.office()
    sent = send(sender, recipient.code)
    now = clock.now()
    letters = [
        sender.letter(
            recipient.code,
            document_id=sent["document_id"],
            business=Business(2, "Cập nhật"),
            written_at=now - timedelta(minutes=number),
        )
        for number in range(3)
    ]
    first = [sender.client.post_envelope(letter) for letter in letters]
    again = [sender.client.post_envelope(letter) for letter in letters]
    assert [one["acknowledgement"] for one in first] == [one["acknowledgement"] for one in again]
    assert len({one["id"] for one in first}) == 3


def test_a_recall_of_what_was_never_sent_is_refused_and_the_check_says_so_before(world: World) -> None:
    sender, recipient = world.office(), world.office()
    letter = sender.letter(recipient.code, document_id="chưa gửi", business=Business(1, "Gửi nhầm"))
    verdict = sender.client.check_envelope(letter)
    assert [one["code"] for one in verdict["findings"]] == ["document-unknown"]
    assert {one["name"]: one["outcome"] for one in verdict["checks"]}["reference"] == "failed"
    with pytest.raises(CallRefused) as refusal:
        sender.client.post_envelope(letter)
    assert (refusal.value.status, refusal.value.code) == (422, "document-unknown")


def test_an_answer_leads_to_the_letter_it_answers_only_for_those_who_may_see_that(world: World) -> None:
    asking, answering, third = world.office(), world.office(), world.office()
    asked = send(asking, answering.code, document_id=f"{asking.code},2026/11/20,5/VP")
    reference = Reference(asking.code, asked["document_id"])
    answer = send(answering, asking.code, third.code, answers=(reference,), document_id=str(uuid.uuid4()))
    for office, envelope in ((answering, asked["id"]), (asking, asked["id"]), (third, None)):
        [shown] = office.client.envelope(answer["id"])["response_for"]
        assert (shown["document_id"], shown["envelope"]) == (asked["document_id"], envelope)


def test_recalls_against_clients_that_take_at_the_same_moment_have_one_winner_each(world: World) -> None:
    sender, recipient = world.office(), world.office()
    sent = [send(sender, recipient.code) for _ in range(8)]
    seen: list[str] = []

    def client(_number: int) -> None:
        with HubClient(world.url, recipient.client_id, recipient.secret) as taking:
            for _ in range(6):
                seen.extend(one["envelope"] for one in taking.inbox(limit=2, wait=0))

    def recall(letter: Any) -> None:
        with HubClient(world.url, sender.client_id, sender.secret) as asking:
            body = sender.letter(recipient.code, document_id=letter["document_id"], business=Business(1, "x"))
            asking.post_envelope(body)

    with ThreadPoolExecutor(6) as pool:
        clients, recalls = pool.map(client, range(2)), pool.map(recall, sent)
        assert len([*clients, *recalls]) == 10
    for letter in sent:
        row = matrix(sender, letter)[recipient.code]
        shown = letter["id"] in seen
        assert (row["state"], row["changes"][0]["outcome"]) == (
            ("leased", "asked") if shown else ("withdrawn", "withdrawn")
        )

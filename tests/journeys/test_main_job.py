"""The main job: a signed document goes from one agency to others, and its sender sees it arrive."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.client import CallRefused, HubClient
from adapters.client.proof import verify_receipt
from hub.envelope.writing import Business
from tests.world import Office, World, eventually


def take_one(office: Office) -> dict[str, object]:
    taken = eventually(lambda: office.client.inbox(limit=1, wait=5))
    return dict(taken[0])


def test_a_letter_reaches_both_recipients_byte_for_byte_and_the_sender_sees_everything(world: World) -> None:
    sender, one, other = world.office(), world.office(), world.office()
    letter = sender.letter(one.code, other.code, subject="Báo cáo tháng 11 năm 2026 – Đợt 1")
    accepted = sender.client.post_envelope(letter)
    digest = hashlib.sha256(letter).hexdigest()
    assert accepted["sha256"] == digest

    for office in (one, other):
        delivery = take_one(office)
        assert delivery["subject"] == "Báo cáo tháng 11 năm 2026 – Đợt 1"
        content = office.client.content(str(delivery["envelope"]))
        assert content == letter
        if office is one:
            office.client.settle(str(delivery["delivery"]), delivery["lease"]["id"])  # type: ignore[index]  # a JSON object
            office.client.report_status(str(delivery["delivery"]), "03", "Đã vào sổ")
            office.client.report_status(str(delivery["delivery"]), "06", "Đã xong")
        else:
            office.client.refuse(str(delivery["delivery"]), "Gửi nhầm cơ quan", delivery["lease"]["id"])  # type: ignore[index]  # a JSON object

    receipts = sender.client.receipts(accepted["id"])
    events = [(receipt["event"], receipt["recipient"], receipt["code"], receipt["description"]) for receipt in receipts]
    assert events == [
        ("envelope.accepted", "", "", ""),
        ("delivery.settled", one.code, "", ""),
        ("status.received", one.code, "03", "Đã vào sổ"),
        ("status.received", one.code, "06", "Đã xong"),
        ("delivery.refused", other.code, "", "Gửi nhầm cơ quan"),
    ]
    keys = sender.client.jwks()
    for receipt in receipts:
        payload = verify_receipt(receipt["jws"], keys)
        assert payload["sha256"] == digest
        assert payload["envelope_id"] == accepted["id"]
    matrix = {row["code"]: row for row in sender.client.envelope(accepted["id"])["recipients"]}
    assert matrix[one.code]["state"] == "settled"
    assert matrix[one.code]["business_status"]["code"] == "06"  # type: ignore[index]  # a status is there
    assert matrix[other.code]["state"] == "refused"
    assert matrix[other.code]["reason"] == "Gửi nhầm cơ quan"


def test_an_exact_repeat_gets_the_first_acknowledgement_and_makes_no_second_delivery(world: World) -> None:
    sender, recipient = world.office(), world.office()
    letter = sender.letter(recipient.code)
    first = sender.client.post_envelope(letter)
    again = sender.client.post_envelope(letter)
    assert again["acknowledgement"] == first["acknowledgement"]
    assert again["id"] == first["id"]
    assert again["recipients"] == first["recipients"]
    take_one(recipient)
    assert recipient.client.inbox(limit=10, wait=1) == []


def test_many_copies_posted_at_once_are_one_envelope(world: World) -> None:
    sender, recipient = world.office(), world.office()
    letter = sender.letter(recipient.code)

    def post(_number: int) -> str:
        with HubClient(world.url, sender.client_id, sender.secret) as client:
            return client.post_envelope(letter)["acknowledgement"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(16)))) == 1
    take_one(recipient)
    assert recipient.client.inbox(limit=10, wait=1) == []


def test_the_same_document_id_with_other_octets_is_a_conflict(world: World) -> None:
    sender, recipient = world.office(), world.office()
    sender.client.post_envelope(sender.letter(recipient.code, document_id="42/2026"))
    with pytest.raises(CallRefused) as refusal:
        sender.client.post_envelope(sender.letter(recipient.code, document_id="42/2026", subject="Khác"))
    assert refusal.value.status == 409
    assert refusal.value.code == "document-conflict"


def test_recall_update_and_replacement_may_repeat_the_document_id(world: World) -> None:
    sender, recipient = world.office(), world.office()
    for kind in (0, 1, 2, 3):
        business = Business(kind, "Lý do" if kind else "")
        accepted = sender.client.post_envelope(sender.letter(recipient.code, document_id="43/2026", business=business))
        assert accepted["business_type"] == kind
    eventually(lambda: len(world.log_entries(document_id="43/2026", kind="envelope.accepted")) == 4)


def test_one_system_serves_many_agencies(world: World) -> None:
    sender = world.office()
    first = world.office(system="tỉnh A " + sender.code)
    second = world.office(system="tỉnh A " + sender.code)
    sender.client.post_envelope(sender.letter(first.code, second.code))
    seen: set[str] = set()
    eventually(lambda: seen.update(one["recipient"] for one in first.client.inbox(wait=2)) or len(seen) == 2)
    assert seen == {first.code, second.code}


def test_an_old_identifier_reaches_the_agency_that_holds_it(world: World) -> None:
    sender = world.office()
    alias = f"000.00.{sender.code[-2:]}.H33"
    recipient = world.office(aliases=(f"{alias}-{sender.code}",))
    accepted = sender.client.post_envelope(sender.letter(f"{alias}-{sender.code}"))
    assert accepted["recipients"][0]["code"] == recipient.code
    assert take_one(recipient)["recipient"] == recipient.code


def test_urgent_documents_are_taken_first(world: World) -> None:
    sender, recipient = world.office(), world.office()
    for priority in (0, 3, 1):
        sender.client.post_envelope(sender.letter(recipient.code, priority=priority))

    def ready() -> bool:
        return len(world.log_entries(agency=recipient.code, kind="delivery.ready")) == 3

    eventually(ready)
    assert [one["priority"] for one in recipient.client.inbox(limit=10)] == [3, 1, 0]


def test_a_recall_request_goes_from_the_sender_to_the_recipient(world: World) -> None:
    sender, recipient = world.office(), world.office()
    document_id = f"{sender.code},2026/11/20,7816/VPCP-TTĐT"
    accepted = sender.client.post_envelope(sender.letter(recipient.code, document_id=document_id))
    delivery = take_one(recipient)
    recipient.client.settle(str(delivery["delivery"]))
    cursor = recipient.client.feed()["next"]
    sender.client.report_status_message(sender.status("13", recipient.code, document_id, "Gửi nhầm"))
    asked = recipient.client.feed(after=cursor, wait=10)["receipts"]
    assert [(one["code"], one["envelope"]) for one in asked] == [("13", accepted["id"])]
    recipient.client.report_status_message(recipient.status("15", sender.code, document_id, signed=False))
    codes = [one["code"] for one in sender.client.receipts(accepted["id"]) if one["kind"] == "status"]
    assert codes == ["15"]


def test_the_feed_gives_every_receipt_once_and_waits_for_the_next(world: World) -> None:
    sender, recipient = world.office(), world.office()
    accepted = [sender.client.post_envelope(sender.letter(recipient.code)) for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while len(seen) < 5:
        page = sender.client.feed(after=cursor, wait=5, limit=2)
        seen += [str(one["envelope"]) for one in page["receipts"]]
        cursor = page["next"]
    assert seen == [one["id"] for one in accepted]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sender.client.feed, cursor, 20)
        with HubClient(world.url, recipient.client_id, recipient.secret) as client:
            taken = eventually(lambda: client.inbox(limit=1, wait=5))
            client.settle(taken[0]["delivery"])
        assert [one["event"] for one in waiting.result()["receipts"]] == ["delivery.settled"]

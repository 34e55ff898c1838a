"""Documents with their attachments beside them: one big file to three agencies, byte for byte, kept once."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from adapters.client import CallRefused, FilePart, beside
from adapters.client.proof import verify_receipt
from hub.envelope.writing import OutgoingAttachment
from hub.ledger import registration
from tests.world import PDF, Office, World, eventually

BIG = 30 * 1024 * 1024


def big_file(directory: Path, seed: int) -> Path:
    """Thirty megabytes that no compression and no coincidence makes shorter."""
    file = directory / f"ban-ve-{seed}.txt"
    line = random.Random(seed).randbytes(48).hex()
    file.write_text(f"{line}\n" * (BIG // 97))
    return file


def kept(world: World, sha256: str) -> list[Path]:
    return list((world.settings.data_dir / "payloads").rglob(f"*{sha256}*"))


def take(office: Office) -> dict[str, object]:
    (delivery,) = eventually(lambda: office.client.inbox(limit=1, wait=5))
    return dict(delivery)


def test_a_big_file_reaches_three_agencies_byte_for_byte_and_is_kept_once(world: World, tmp_path: Path) -> None:
    sender, *recipients = (world.office() for _ in range(4))
    file = big_file(tmp_path, 1)
    listed, part = beside(file, "text/plain", name="Bản vẽ.txt")
    inside = OutgoingAttachment("van-ban.pdf", PDF, "application/pdf")
    letter = sender.letter(*(one.code for one in recipients), attachments=(inside, listed))
    accepted = sender.client.post_envelope(letter, [part])
    assert (accepted["sha256"], accepted["size"]) == (hashlib.sha256(letter).hexdigest(), len(letter))
    proof = verify_receipt(accepted["acknowledgement"], sender.client.jwks())
    assert proof["sha256"] == accepted["sha256"]
    for number, office in enumerate(recipients):
        delivery = take(office)
        assert (delivery["form"], delivery["size"]) == ("related", len(letter))
        assert delivery["content_size"] == len(letter) + file.stat().st_size
        folder = tmp_path / str(number)
        folder.mkdir()
        files = office.client.content_files(str(delivery["envelope"]), folder)
        assert files.document.path.read_bytes() == letter
        (received,) = files.parts.values()
        assert (received.content_id, received.path.read_bytes()) == (part.content_id, file.read_bytes())
        assert office.client.content(str(delivery["envelope"])) == letter
        office.client.settle(str(delivery["delivery"]))
    bound = listed.part
    assert bound is not None
    assert len(kept(world, bound.sha256)) == 1
    again = sender.letter(recipients[0].code, attachments=(listed,))
    sender.client.post_envelope(again, [part])
    assert len(kept(world, bound.sha256)) == 1


def test_an_exact_repeat_with_parts_gets_the_first_acknowledgement(world: World, tmp_path: Path) -> None:
    sender, recipient = world.office(), world.office()
    file = tmp_path / "ghi-chu.txt"
    file.write_text("Một trang\n")
    listed, part = beside(file, "text/plain")
    letter = sender.letter(recipient.code, attachments=(listed,))
    first, second = (sender.client.post_envelope(letter, [part]) for _ in range(2))
    assert second["acknowledgement"] == first["acknowledgement"]
    with pytest.raises(CallRefused) as refusal:
        sender.client.post_envelope(letter)
    assert refusal.value.code == "attachment-missing"
    take(recipient)
    assert recipient.client.inbox(limit=10, wait=1) == []


def test_a_part_that_is_not_the_bound_one_is_refused_with_proof(world: World, tmp_path: Path) -> None:
    sender, recipient = world.office(), world.office()
    file = tmp_path / "ghi-chu.txt"
    file.write_text("Một trang\n")
    listed, part = beside(file, "text/plain")
    letter = sender.letter(recipient.code, attachments=(listed,))
    file.write_text("Hai trang\n")
    with pytest.raises(CallRefused) as refusal:
        sender.client.post_envelope(letter, [part])
    assert refusal.value.code == "attachment-digest"
    assert refusal.value.refusal is not None
    proof = verify_receipt(refusal.value.refusal, sender.client.jwks())
    assert proof["sha256"] == hashlib.sha256(letter).hexdigest()
    file.write_text("Một trang\n")
    assert sender.client.post_envelope(letter, [part])["id"], "a refused first try makes no duplicate"


def test_a_recipient_that_takes_documents_whole_only_refuses_the_whole_and_is_named(
    world: World, tmp_path: Path
) -> None:
    sender, modern = world.office(), world.office()
    name = f"hệ thống cũ {sender.code}"
    world.systems[name] = world.ledger.write_now(registration.add_system, name, "pull", inline_only=True)
    old = world.office(system=name)
    listed_in_directory = {one["code"]: one["inline_only"] for one in sender.client.agencies(q=old.code)["agencies"]}
    assert listed_in_directory == {old.code: True}
    file = tmp_path / "ghi-chu.txt"
    file.write_text("Một trang\n")
    listed, part = beside(file, "text/plain")
    with pytest.raises(CallRefused) as refusal:
        sender.client.post_envelope(sender.letter(modern.code, old.code, attachments=(listed,)), [part])
    assert refusal.value.code == "recipient-form"
    assert [finding.detail for finding in refusal.value.findings] == [old.code]
    assert sender.client.post_envelope(sender.letter(modern.code, old.code))["id"]


def test_many_small_parts_are_one_envelope(world: World, tmp_path: Path) -> None:
    sender, recipient = world.office(), world.office()
    listed: list[OutgoingAttachment] = []
    parts: list[FilePart] = []
    for number in range(60):
        file = tmp_path / f"{number}.txt"
        file.write_text(f"Trang {number}\n" * (number + 1))
        attachment, part = beside(file, "text/plain")
        listed.append(attachment)
        parts.append(part)
    accepted = sender.client.post_envelope(sender.letter(recipient.code, attachments=tuple(listed)), parts)
    folder = tmp_path / "nhan"
    folder.mkdir()
    files = recipient.client.content_files(accepted["id"], folder)
    assert list(files.parts) == [part.content_id for part in parts]
    assert [one.path.read_bytes() for one in files.parts.values()] == [part.path.read_bytes() for part in parts]

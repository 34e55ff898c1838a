"""The folder channel: whole or not at all, the same again after a crash, never outside its root."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.folder import FolderCarrier, Root
from hub.delivery.carrier import Delivered, Failed, Outcome, Parcel
from hub.ledger import PayloadStore
from hub.problems import Refused
from hub.registry.model import System
from tests.delivery.carriers import Rig, check_contract
from tests.delivery.parcels import Shelf, parcel, receipt, system

BODY = b"<edXML>" + b"x" * 3_000_000 + b"</edXML>"
PARTS = (("Tờ trình.PDF", b"%PDF-1.7 one"), ("../../etc/passwd", b"two"))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "payloads")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "h33" / "in").mkdir(parents=True)
    return tmp_path / "root"


def carried(root: Path | None, one: Parcel) -> Outcome:
    async def once() -> Outcome:
        carrier = FolderCarrier(root)
        try:
            return await carrier.carry(one)
        finally:
            await carrier.close()

    return asyncio.run(once())


def told_one(root: Path, to: System) -> None:
    async def once() -> None:
        carrier = FolderCarrier(root)
        assert isinstance(await carrier.tell(to, [receipt(1)]), Delivered)
        await carrier.close()

    asyncio.run(once())


def failed(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed), outcome
    return outcome.code


def test_a_delivery_becomes_a_directory_with_the_octets_untouched(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY, PARTS)
    assert isinstance(carried(root, one), Delivered)
    place = root / "h33" / "in" / one.delivery.id
    assert sorted(os.listdir(place)) == ["delivery.json", "letter.edxml", "part-001.pdf", "part-002"]
    assert (place / "letter.edxml").read_bytes() == BODY
    assert (place / "part-002").read_bytes() == b"two"
    head = json.loads((place / "delivery.json").read_text())
    assert head["delivery"] == one.delivery.id
    assert head["recipient"] == "H33"
    assert head["due_on"] == "2026-12-01"
    assert [file["name"] for file in head["files"]] == ["", "Tờ trình.PDF", "../../etc/passwd"]
    assert [file["sha256"] for file in head["files"][1:]] == [part.sha256 for part in one.parts]
    assert os.listdir(root / "h33" / "in") == [one.delivery.id]


def test_handed_over_twice_is_there_once(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY, PARTS)
    carried(root, one)
    inode = (root / "h33/in" / one.delivery.id).stat().st_ino
    assert isinstance(carried(root, one), Delivered)
    assert (root / "h33/in" / one.delivery.id).stat().st_ino == inode


def test_what_the_recipient_took_away_already_is_not_brought_again(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY, PARTS)
    carried(root, one)
    (root / "h33/in" / one.delivery.id / "letter.edxml").unlink()
    assert isinstance(carried(root, one), Delivered)
    assert not (root / "h33/in" / one.delivery.id / "letter.edxml").exists()


@pytest.mark.parametrize("shape", ["other octets", "a file", "a link", "a pipe"])
def test_other_octets_under_the_name_are_never_overwritten(root: Path, shelf: Shelf, shape: str) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY)
    place = root / "h33/in" / one.delivery.id
    if shape == "a file":
        place.write_bytes(b"theirs")
    elif shape == "a link":
        place.symlink_to(shelf.directory)
    else:
        place.mkdir()
        if shape == "a pipe":
            os.mkfifo(place / "letter.edxml")
        else:
            (place / "letter.edxml").write_bytes(b"theirs")
    before = sorted(root.rglob("*"))
    assert failed(carried(root, one)) == "rejected"
    assert sorted(root.rglob("*")) == before
    if shape == "other octets":
        assert (place / "letter.edxml").read_bytes() == b"theirs"


@pytest.mark.parametrize("folder", ["", ".", "..", "../root2", "/etc", "h33/../..", "h33/in\0", "h33/out", "h33/loop"])
def test_no_option_leads_out_of_the_root(root: Path, shelf: Shelf, tmp_path: Path, folder: str) -> None:
    (tmp_path / "root2").mkdir()
    (root / "h33" / "out").symlink_to(tmp_path / "root2")
    (root / "h33" / "loop").symlink_to(root)
    with pytest.raises(Refused) as refused:
        Root(root).check({"folder": folder})
    assert refused.value.code == "registry-invalid"
    assert failed(carried(root, parcel(shelf, system("folder", folder=folder)))) == "misconfigured"
    assert os.listdir(tmp_path / "root2") == []


def test_a_link_that_stays_below_the_root_is_followed(root: Path, shelf: Shelf) -> None:
    (root / "new").symlink_to(root / "h33" / "in")
    one = parcel(shelf, system("folder", folder="new"))
    assert isinstance(carried(root, one), Delivered)
    assert (root / "h33/in" / one.delivery.id).is_dir()


def test_a_folder_must_exist_and_be_writable_when_it_is_registered(root: Path) -> None:
    assert Root(root).check({"folder": "h33/in"}) == "h33/in"
    for options in ({}, {"folder": 7}, {"folder": "h33/none"}):
        with pytest.raises(Refused):
            Root(root).check(options)
    with without_rights(root / "h33/in"), pytest.raises(Refused):
        Root(root).check({"folder": "h33/in"})
    assert os.listdir(root / "h33/in") == []


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """The folder cannot be written by this process meanwhile, not even by root."""
    folder.chmod(0o555)
    mine = os.geteuid()
    if mine == 0:
        for one in (folder, *list(folder.parents)[:-1]):
            if not one.stat().st_mode & 0o001:
                one.chmod(one.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)
        folder.chmod(0o755)


def test_without_rights_it_waits_and_nothing_half_is_seen(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY)
    with without_rights(root / "h33/in"):
        assert failed(carried(root, one)) == "misconfigured"
    assert os.listdir(root / "h33/in") == []
    assert isinstance(carried(root, one), Delivered)


def test_with_a_full_disk_it_waits_and_nothing_half_is_seen(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))  # the kernel refuses to write more of a file
    try:
        assert failed(carried(root, one)) == "answer-error"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(root / "h33/in") == []
    assert isinstance(carried(root, one), Delivered)


def test_octets_that_are_away_or_changed_are_not_handed_over(root: Path, shelf: Shelf) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), BODY)
    (shelf.directory / one.delivery.sha256).write_bytes(BODY.replace(b"x", b"y"))
    assert failed(carried(root, one)) == "octets-missing"
    (shelf.directory / one.delivery.sha256).unlink()
    assert failed(carried(root, one)) == "octets-missing"
    assert os.listdir(root / "h33/in") == []


def test_what_takes_longer_than_its_attempt_is_cut_off(root: Path, shelf: Shelf) -> None:
    assert failed(carried(root, parcel(shelf, system("folder", folder="h33/in"), seconds=-1))) == "timed-out"
    assert os.listdir(root / "h33/in") == []


def test_a_folder_or_root_that_is_away_is_told_apart(root: Path, shelf: Shelf, tmp_path: Path) -> None:
    assert failed(carried(None, parcel(shelf, system("folder", folder="h33/in")))) == "misconfigured"
    assert failed(carried(tmp_path / "none", parcel(shelf, system("folder", folder="h33/in")))) == "unreachable"
    (root / "plain").write_bytes(b"")
    assert failed(carried(root, parcel(shelf, system("folder", folder="plain")))) == "misconfigured"


def test_the_folders_group_may_take_the_document(root: Path, shelf: Shelf) -> None:
    (root / "h33/in").chmod(0o2770)
    one = parcel(shelf, system("folder", folder="h33/in"))
    carried(root, one)
    place = root / "h33/in" / one.delivery.id
    assert (place.stat().st_mode & 0o777, (place / "letter.edxml").stat().st_mode & 0o777) == (0o770, 0o660)
    if os.geteuid() == 0:
        os.chown(root / "h33/in", -1, 12345)
        (root / "h33/in").chmod(0o2770)
        two = parcel(shelf, system("folder", folder="h33/in"))
        carried(root, two)
        told_one(root, two.system)
        [file] = (root / "h33/in/receipts").iterdir()
        shared = (root / "h33/in" / two.delivery.id, root / "h33/in" / two.delivery.id / "letter.edxml", file)
        assert [one.stat().st_gid for one in shared] == [12345] * 3


KILLED = """
import asyncio, pathlib, sys
from adapters.folder import FolderCarrier
from tests.delivery.parcels import Shelf, parcel, system
root, shelf, delivery, pipe = sys.argv[1:]
one = parcel(Shelf(pathlib.Path(shelf)), system("folder", folder="h33/in"), b"abc", [("a.pdf", b"part")], id=delivery)
files = {one.delivery.sha256: one.file(one.delivery.sha256, 3)}
object.__setattr__(one, "file", lambda sha256, size: files.get(sha256, pathlib.Path(pipe)))
asyncio.run(FolderCarrier(pathlib.Path(root)).carry(one))
"""


def test_killed_while_writing_leaves_nothing_visible_and_the_next_attempt_tidies_up(
    root: Path, shelf: Shelf, tmp_path: Path
) -> None:
    one = parcel(shelf, system("folder", folder="h33/in"), b"abc", [("a.pdf", b"part")])
    os.mkfifo(tmp_path / "pipe")  # the writer waits here for the part's octets, with the letter written
    place = root / "h33/in"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(root), str(shelf.directory), one.delivery.id, str(tmp_path / "pipe")]
    )
    deadline = time.monotonic() + 30
    while not any((entry / "letter.edxml").exists() for entry in place.iterdir()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all(name.startswith(".") for name in os.listdir(place))
    assert os.listdir(place)
    assert isinstance(carried(root, one), Delivered)
    assert os.listdir(place) == [one.delivery.id]
    assert (place / one.delivery.id / "part-001.pdf").read_bytes() == b"part"


def test_receipts_become_files_in_the_feeds_order_and_stay_as_they_are(root: Path) -> None:
    receipts = [receipt(number) for number in (9, 10, 11)]
    to = system("folder", folder="h33/in")

    async def told(*records: object) -> Outcome:
        carrier = FolderCarrier(root)
        outcome = await carrier.tell(to, records)  # type: ignore[arg-type]  # receipts, all of them
        await carrier.close()
        return outcome

    assert isinstance(asyncio.run(told(*receipts[:2])), Delivered)
    assert isinstance(asyncio.run(told(*receipts)), Delivered)
    files = sorted((root / "h33/in/receipts").iterdir())
    assert [json.loads(file.read_text())["id"] for file in files] == [one.id for one in receipts]
    changed = replace(receipts[0], jws="x.y.z")
    assert failed(asyncio.run(told(changed))) == "rejected"
    assert json.loads(files[0].read_text())["jws"] == "a.b.c"
    assert len(os.listdir(root / "h33/in/receipts")) == 3


async def test_the_carrier_keeps_the_contract(root: Path, tmp_path: Path) -> None:
    def held() -> dict[str, str]:
        places = tmp_path.glob("*/h33/in/*")
        return {one.name: hashlib.sha256((one / "letter.edxml").read_bytes()).hexdigest() for one in places}

    async def arrived() -> dict[str, str]:
        return await asyncio.to_thread(held)

    async def down() -> None:
        os.rename(root, tmp_path / "away")

    async def up() -> None:
        os.rename(tmp_path / "away", root)

    rig = Rig(FolderCarrier(root), system("folder", folder="h33/in"), arrived, down, up)
    await check_contract(rig, PayloadStore(tmp_path / "store"))

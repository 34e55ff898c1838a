"""The container has one form: whatever another program or a forger makes of it is told, with the member's name."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.evidence.container import MEDIA_TYPE, MIMETYPE, Damaged, Draft, length, members_of, stream
from tests.evidence.packs import changed, flipped, member, written


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    draft = Draft()
    draft.add(MIMETYPE, MEDIA_TYPE.encode())
    draft.add("a/first.txt", b"first\n" * 50)
    draft.add("a/empty.txt", b"")
    draft.add("last.bin", bytes(range(256)))
    return written(tmp_path / "pack.asice", draft.members)


def test_other_programs_read_it_and_know_it_by_its_first_member(pack: Path) -> None:
    assert pack.read_bytes()[30:38] == MIMETYPE.encode()
    assert pack.read_bytes()[38:].startswith(MEDIA_TYPE.encode())
    with zipfile.ZipFile(pack) as read:
        assert read.testzip() is None
        assert read.read("last.bin") == bytes(range(256))
    subprocess.run(["unzip", "-tq", pack], check=True, capture_output=True)


def test_what_was_written_is_read_back(pack: Path) -> None:
    found = members_of(pack)
    assert [one.name for one in found] == [MIMETYPE, "a/first.txt", "a/empty.txt", "last.bin"]
    assert found[1].read() == b"first\n" * 50
    assert length(found) == pack.stat().st_size
    assert b"".join(stream(found)) == pack.read_bytes()


def test_every_single_octet_counts(pack: Path, tmp_path: Path) -> None:
    octets, wrong = pack.read_bytes(), tmp_path / "wrong.asice"
    for place in range(len(octets)):
        wrong.write_bytes(flipped(octets, place))
        with pytest.raises(Damaged):
            members_of(wrong)


def test_the_damaged_member_is_named(pack: Path, tmp_path: Path) -> None:
    octets, wrong = pack.read_bytes(), tmp_path / "wrong.asice"
    for one in members_of(pack):
        if one.size:
            wrong.write_bytes(octets.replace(one.read(), flipped(one.read(), one.size // 2)))
            with pytest.raises(Damaged) as damage:
                members_of(wrong)
            assert damage.value.member == one.name


@pytest.mark.parametrize(
    "name", ["../out.txt", "/etc/passwd", "a/../b", "a//b", "a\\b", ".hidden", "a b", "", "a" * 200]
)
def test_no_name_leads_out_of_the_directory(pack: Path, tmp_path: Path, name: str) -> None:
    forged = [*members_of(pack), member(name, b"x")]
    with pytest.raises(Damaged):
        members_of(written(tmp_path / "forged.asice", forged))
    with pytest.raises(ValueError, match="not a member's name"):
        Draft().add(name, b"x")


def test_a_name_stands_once(pack: Path, tmp_path: Path) -> None:
    forged = [*members_of(pack), member("last.bin", b"another")]
    with pytest.raises(Damaged, match=r"last\.bin: a second member"):
        members_of(written(tmp_path / "forged.asice", forged))


def rewritten(pack: Path, target: Path, change: Callable[[zipfile.ZipInfo], None]) -> Path:
    """By Python's own writer, the last member other than ours."""
    with zipfile.ZipFile(target, "w") as made:
        for one in members_of(pack):
            entry = zipfile.ZipInfo(one.name, (1980, 1, 1, 0, 0, 0))
            if one.name == "last.bin":
                change(entry)
            made.writestr(entry, one.read())
    return target


def test_links_and_compression_are_refused(pack: Path, tmp_path: Path) -> None:
    def link(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = 0o120777 << 16

    def compress(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_DEFLATED

    for change in (link, compress):
        with pytest.raises(Damaged):
            members_of(rewritten(pack, tmp_path / f"{change.__name__}.asice", change))


def test_nothing_stands_before_between_or_behind(pack: Path, tmp_path: Path) -> None:
    octets, wrong = pack.read_bytes(), tmp_path / "wrong.asice"
    middle = octets.index(b"PK\x03\x04", 10)
    for forged in (b"x" + octets, octets + b"x", octets[:middle] + b"x" + octets[middle:], octets[:-1], b""):
        wrong.write_bytes(forged)
        with pytest.raises(Damaged):
            members_of(wrong)


def test_a_length_beyond_the_file_is_told_before_it_is_read(pack: Path, tmp_path: Path) -> None:
    octets = bytearray(pack.read_bytes())
    struct.pack_into("<II", octets, 18, 0xFFFFFFF0, 0xFFFFFFF0)
    (tmp_path / "wrong.asice").write_bytes(octets)
    with pytest.raises(Damaged, match="the file ends before it"):
        members_of(tmp_path / "wrong.asice")


def test_a_long_attachment_is_never_held_in_memory(tmp_path: Path) -> None:
    long = tmp_path / "long.bin"
    with long.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    tracemalloc.start()
    draft = Draft(tmp_path)
    draft.add(MIMETYPE, MEDIA_TYPE.encode())
    draft.add_file("parts/001-long.bin", long)
    digest = hashlib.sha256()
    for chunk in stream(draft.members):
        digest.update(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_members_of_more_than_four_gigabytes_have_the_long_form(tmp_path: Path) -> None:
    """The records of APPNOTE 4.5.3, written without writing the octets: only heads and directory are looked at."""
    from hub.evidence import container

    long = container.Member("parts/001-long.bin", 5 * 2**30, "0" * 64, 7, lambda: (tmp_path / "none").open("rb"))
    after = member("after.txt", b"after")
    directory = container._directory([long, after])
    (tmp_path / "directory").write_bytes(directory)
    assert container._local(long)[18:26] == b"\xff" * 8
    assert struct.pack("<Q", long.size) in directory
    assert directory.count(b"PK\x06\x06") == 1
    assert length([long, after]) == len(container._local(long)) + long.size + len(container._local(after)) + 5 + len(
        directory
    )


def test_small_and_spilled_members_are_the_same(tmp_path: Path) -> None:
    draft = Draft(tmp_path)
    octets = [random.Random(number).randbytes(5 * 1024 * 1024) for number in range(3)]
    for number, one in enumerate(octets):
        draft.add(f"member-{number}", one)
    assert [one.read() for one in draft.members] == octets
    assert [one.sha256 for one in draft.members] == [hashlib.sha256(one).hexdigest() for one in octets]


def test_a_file_that_became_shorter_ends_the_stream(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    draft = Draft()
    draft.add_file("file", file)
    file.write_bytes(b"x" * 10)
    with pytest.raises(OSError, match="shorter"):
        b"".join(stream(draft.members))


def test_left_out_members_are_no_damage_of_the_container(pack: Path, tmp_path: Path) -> None:
    """That one is missing is for the lists to say."""
    assert len(members_of(written(tmp_path / "fewer.asice", changed(pack, {"a/first.txt": None})))) == 3

"""Removing files while the same octets come in: what an envelope names is always there."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.ledger import Ledger, envelopes, purged
from hub.ledger.payload_removal import Removal
from hub.ledger.payloads import PayloadWriter
from tests.ledger.stage import Store
from tests.retention.archive import Archive, digest_of

# ---------------------------------------------------------------- one step at a time


def intake(archive: Archive, body: bytes) -> PayloadWriter:
    writer = archive.payloads.writer()
    writer.write(body)
    return writer


def commit(archive: Archive, body: bytes) -> None:
    archive.ledger.write_now(envelopes.accept, [archive.stage.acceptance(body=body)])


def test_octets_that_came_in_again_are_left_alone_until_their_envelope_is_committed(archive: Archive) -> None:
    digest = archive.file(b"same")
    intake(archive, b"same").keep()  # finds the file and counts on it
    assert archive.removal().remove([digest]) == {digest: "young"}
    commit(archive, b"same")
    archive.age(digest)
    assert archive.removal().remove([digest]) == {digest: "needed"}
    assert archive.payloads.has(digest, 4)


@pytest.mark.parametrize("committed", [False, True])
def test_octets_that_come_in_while_they_are_moved_aside_are_brought_back_or_written_anew(
    shelf: Archive, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Between the first question and the move somebody touches the file; between the move and the second, keeps it."""
    digest = shelf.file(b"same")
    rename = os.rename

    def interrupted(source: Path, target: Path) -> None:
        intake(shelf, b"same").keep()
        if committed:
            commit(shelf, b"same")
        rename(source, target)

    monkeypatch.setattr(os, "rename", interrupted)
    assert shelf.removal().remove([digest]) == {digest: "needed" if committed else "young"}
    assert shelf.payloads.has(digest, 4)
    assert not list(shelf.payloads.leaving.iterdir())


def test_octets_that_come_in_after_they_were_moved_aside_are_written_anew(
    shelf: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = shelf.file(b"same")
    rename = os.rename

    def interrupted(source: Path, target: Path) -> None:
        rename(source, target)
        intake(shelf, b"same").keep()

    monkeypatch.setattr(os, "rename", interrupted)
    assert shelf.removal().remove([digest]) == {digest: "removed"}, "the old file; the new one is another's"
    assert shelf.payloads.has(digest, 4)
    assert shelf.removal().remove([digest]) == {digest: "young"}


def test_a_file_moved_between_the_touch_and_the_look_is_written_anew(
    shelf: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = shelf.file(b"same")
    utime = os.utime

    def interrupted(path: str, *more: object) -> None:
        utime(path)
        monkeypatch.setattr(os, "utime", utime)
        os.rename(path, shelf.payloads.leaving / f"{digest}-aside")

    monkeypatch.setattr(os, "utime", interrupted)
    intake(shelf, b"same").keep()
    assert shelf.payloads.has(digest, 4)
    assert shelf.removal().settle() == {digest: "young"}
    assert shelf.payloads.has(digest, 4)


def test_what_a_crash_left_aside_is_brought_back_where_it_is_needed_and_removed_elsewhere(shelf: Archive) -> None:
    needed, orphan = shelf.file(b"needed"), shelf.file(b"orphan")
    commit(shelf, b"needed")
    for digest in (needed, orphan):
        os.rename(shelf.path(digest), shelf.payloads.leaving / f"{digest}-crashed")
    assert shelf.removal().settle() == {needed: "needed"}
    assert shelf.payloads.has(needed, 6)
    assert not shelf.payloads.has(orphan, 6)
    assert not list(shelf.payloads.leaving.iterdir())


# ---------------------------------------------------------------- orphans


def test_files_that_no_envelope_names_go_after_a_day_and_others_stay(archive: Archive) -> None:
    commit(archive, b"named")
    bodies = (b"named", b"orphan", b"part")
    for body in bodies:
        archive.file(body)
    archive.letter(b"letter", parts=[b"part"])
    young = archive.file(b"young", old=False)
    bucket = archive.payloads.bucket(int(digest_of(b"orphan")[:2], 16))
    draft = bucket / ".keep-0190"
    draft.write_bytes(b"half")
    os.utime(draft, (1, 1))
    found = [archive.removal().collect(number) for number in range(256)]
    assert (sum(one.files for one in found), sum(one.octets for one in found)) == (1, 6)
    assert sum(one.drafts for one in found) == 1
    assert not draft.exists()
    assert not archive.path(digest_of(b"orphan")).exists()
    for body in (b"named", b"part", b"letter"):
        assert archive.payloads.has(digest_of(body), len(body))
    assert archive.path(young).exists()


async def test_another_ledger_or_one_that_was_set_back_has_nothing_removed(shelf: Archive, tmp_path: Path) -> None:
    orphan = shelf.file(b"orphan")
    bucket = int(orphan[:2], 16)
    assert (await shelf.carrying.collect(bucket)).files == 0, "a ledger without envelopes knows nothing"
    commit(shelf, b"first")
    shelf.payloads.witness.write_text("01900000-0000-7000-8000-000000000000\n")
    assert (await shelf.carrying.collect(bucket)).files == 0
    assert shelf.path(orphan).exists()
    shelf.payloads.witness.unlink()  # what an operator does who knows that it is the right one
    assert (await shelf.carrying.collect(bucket)).files == 1
    commit(shelf, b"second")
    again = shelf.file(b"orphan")
    assert (await shelf.carrying.collect(bucket)).files == 1
    assert not shelf.path(again).exists()
    assert shelf.ledger.read_now(purged.newest_envelope) == shelf.payloads.witness.read_text().strip()


async def test_what_came_again_after_its_purge_is_collected_when_it_is_no_longer_young(shelf: Archive) -> None:
    digest = digest_of(b"old")
    shelf.letter(b"old")
    await shelf.purge()
    shelf.file(b"old", old=False)
    bucket = int(digest[:2], 16)
    assert (await shelf.carrying.collect(bucket)).files == 0
    shelf.age(digest)
    assert (await shelf.carrying.collect(bucket)).files == 1
    assert not shelf.path(digest).exists()


async def test_a_purge_waits_for_octets_that_came_in_again_today(shelf: Archive) -> None:
    shelf.letter(b"old")
    shelf.file(b"old", old=False)
    purge_id = await shelf.purge()
    assert shelf.entries("retention.payload_purged") == []
    assert shelf.ledger.read_now(shelf.purges.view, purge_id).record.state == "confirmed"
    shelf.age(digest_of(b"old"))
    assert await shelf.carrying.step() == 1
    assert shelf.ledger.read_now(shelf.purges.view, purge_id).record.state == "done"


# ---------------------------------------------------------------- at the same moment


def test_threads_that_take_in_and_remove_the_same_octets_lose_none_that_were_accepted(
    archive: Archive, store: Store
) -> None:
    """Files that nobody names lie there for long; four intakes want them at the moment at which two sweeps look."""
    bodies = [b"%d" % number for number in range(20)]
    digests = [archive.file(body) for body in bodies]
    start, ended = threading.Barrier(6), threading.Event()

    def take_in(ledger: Ledger) -> None:
        start.wait()
        for body in bodies:
            intake(archive, body).keep()
            ledger.write_now(envelopes.accept, [archive.stage.acceptance(body=body)])

    def remove(ledger: Ledger) -> None:
        removal = Removal(archive.payloads, lambda wanted: ledger.read_now(purged.needed, wanted))
        start.wait()
        while not ended.is_set():
            for digest in reversed(digests):
                removal.remove([digest])

    with ThreadPoolExecutor(6) as pool:
        sweeps = [pool.submit(remove, store.open()) for _ in range(2)]
        intakes = [pool.submit(take_in, store.open()) for _ in range(4)]
        try:
            for one in intakes:
                one.result()
        finally:
            ended.set()
        for one in sweeps:
            one.result()
    assert [body for body in bodies if not archive.payloads.has(digest_of(body), len(body))] == []
    assert not list(archive.payloads.leaving.iterdir())

"""Short bodies kept together: at every moment each stands in a synced journal or in a synced file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ledger import PayloadStore
from hub.ledger.journal import Journal, recover
from hub.ledger.payloads import SHORT, keep_all
from tests.world import eventually

BODIES = [b"", b"one", b"two" * 1000, os.urandom(SHORT)]
# keeps what it is given and dies without a word
DYING = """
import os, sys
from pathlib import Path
from hub.ledger import PayloadStore
from hub.ledger.payloads import keep_all
store = PayloadStore(Path(sys.argv[1]))
writers = []
for text in sys.argv[2:]:
    writers.append(store.writer())
    writers[-1].write(text.encode())
print(keep_all(writers, store.journal), flush=True)
os._exit(9)
"""


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    return PayloadStore(tmp_path / "payloads")


def keep(payloads: PayloadStore, bodies: Sequence[bytes]) -> list[str | Exception]:
    writers = [payloads.writer() for _ in bodies]
    for writer, body in zip(writers, bodies, strict=True):
        writer.write(body)
    return keep_all(writers, payloads.journal)


def journals(payloads: PayloadStore) -> list[Path]:
    return list((payloads.directory / "journals").iterdir())


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def stands(payloads: PayloadStore, body: bytes) -> bool:
    return payloads.has(digest_of(body), len(body)) and (payloads.path(digest_of(body), len(body)).read_bytes() == body)


def died(payloads: PayloadStore, *texts: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", DYING, str(payloads.directory), *texts], capture_output=True, text=True, check=False
    )
    assert process.returncode == 9, process.stderr


def test_short_bodies_stand_under_their_digests_with_one_sync_for_all(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(payloads, [b"so that there is a journal"])
    synced: list[int] = []
    really = os.fdatasync

    def counted(handle: int) -> None:
        synced.append(handle)
        really(handle)

    monkeypatch.setattr(os, "fdatasync", counted)
    monkeypatch.setattr(os, "fsync", lambda _handle: pytest.fail("a short body is synced with the others"))
    assert keep(payloads, BODIES) == [digest_of(body) for body in BODIES]
    assert all(stands(payloads, body) for body in BODIES)
    assert len(synced) == 1


def test_a_long_body_among_them_is_synced_by_itself(payloads: PayloadStore) -> None:
    long = os.urandom(SHORT + 1)
    assert keep(payloads, [long, b"short"]) == [digest_of(long), digest_of(b"short")]
    assert stands(payloads, long)
    (journal,) = journals(payloads)
    assert journal.stat().st_size < 100


def test_what_a_dead_process_kept_and_the_machine_lost_is_written_again(payloads: PayloadStore) -> None:
    died(payloads, "gone", "zeroed", "whole")
    payloads.path(digest_of(b"gone"), 4).unlink()
    payloads.path(digest_of(b"zeroed"), 6).write_bytes(bytes(6))
    assert payloads.recover() == 3
    assert all(stands(payloads, body) for body in (b"gone", b"zeroed", b"whole"))
    assert journals(payloads) == []
    assert payloads.recover() == 0


def test_the_journal_of_a_living_process_is_left_alone(payloads: PayloadStore) -> None:
    keep(payloads, [b"living"])
    being_made = payloads.directory / "journals" / ".one.journal"
    being_made.touch()
    assert PayloadStore(payloads.directory).recover() == 0
    assert len(journals(payloads)) == 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6), st.data())
def test_a_journal_cut_anywhere_gives_back_every_body_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("journals")
    journal = Journal(directory)
    with journal.holding([(hashlib.sha256(body).digest(), body) for body in bodies]):
        (path,) = directory.iterdir()
        octets = path.read_bytes()
    journal.settle()
    ends = [sum(40 + len(body) for body in bodies[:count]) for count in range(len(bodies) + 1)]
    assert len(octets) == ends[-1]
    cut = data.draw(st.integers(0, len(octets)))
    (directory / "cut.journal").write_bytes(octets[:cut])
    found: list[bytes] = []
    count = recover(directory, lambda _digest, body: found.append(body))
    whole = max(number for number, end in enumerate(ends) if end <= cut)
    assert (found, count) == (bodies[:whole], whole)


def test_settling_waits_for_whoever_still_writes_and_removes_the_journal(payloads: PayloadStore) -> None:
    digest = hashlib.sha256(b"held").digest()
    with payloads.journal.holding([(digest, b"held")]):
        settling = threading.Thread(target=payloads.journal.settle)
        settling.start()
        settling.join(0.2)
        assert settling.is_alive()
        assert len(journals(payloads)) == 1
    settling.join()
    assert journals(payloads) == []


def test_a_journal_is_settled_of_itself(payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.ledger.journal.SETTLED_AFTER", 0.1)
    keep(payloads, [b"in time"])
    eventually(lambda: journals(payloads) == [], 30)
    monkeypatch.setattr("hub.ledger.journal.SETTLED_AFTER", 3600.0)
    monkeypatch.setattr("hub.ledger.journal.LARGEST", 10)
    keep(payloads, [b"longer than ten octets"])
    eventually(lambda: journals(payloads) == [], 30)
    assert stands(payloads, b"in time")
    assert stands(payloads, b"longer than ten octets")


def test_where_no_journal_can_be_written_each_body_is_synced_by_itself_and_the_next_journal_is_new(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(payloads, [b"before"])
    synced: list[int] = []
    really = os.fsync

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    def counted(handle: int) -> None:
        synced.append(handle)
        really(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        patched.setattr(os, "fsync", counted)
        assert keep(payloads, [b"by itself"]) == [digest_of(b"by itself")]
        assert len(synced) == 2  # the file and its name
        patched.setattr(os, "fsync", full)
        (outcome,) = keep(payloads, [b"refused"])
    assert isinstance(outcome, OSError)
    assert not payloads.has(digest_of(b"refused"), 7)
    keep(payloads, [b"after"])
    assert len(journals(payloads)) == 2
    assert all(stands(payloads, body) for body in (b"before", b"by itself", b"after"))

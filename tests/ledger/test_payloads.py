"""The payload store: kept once, whole or not at all, and nowhere else."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.ledger import PayloadStore, PayloadWriter
from hub.ledger.payloads import SPILL_BYTES

BIG = os.urandom(3 * SPILL_BYTES + 17)


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    return PayloadStore(tmp_path / "payloads")


def written(payloads: PayloadStore, body: bytes, step: int = 65_536) -> PayloadWriter:
    writer = payloads.writer()
    for start in range(0, len(body), step):
        writer.write(body[start : start + step])
    return writer


def files(payloads: PayloadStore) -> list[Path]:
    return [path for path in payloads.directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("body", [b"", b"x", BIG[:SPILL_BYTES], BIG[: SPILL_BYTES + 1], BIG])
def test_a_kept_body_is_found_whole_under_its_digest(payloads: PayloadStore, body: bytes) -> None:
    writer = written(payloads, body)
    digest = writer.keep()
    writer.discard()
    assert digest == hashlib.sha256(body).hexdigest()
    assert payloads.path(digest, len(body)).read_bytes() == body
    assert files(payloads) == [payloads.path(digest, len(body))]


def test_a_body_that_is_not_kept_leaves_nothing(payloads: PayloadStore) -> None:
    writer = written(payloads, BIG)
    assert writer.read() == BIG
    assert writer.size == len(BIG)
    writer.discard()
    assert files(payloads) == []


def test_reading_does_not_disturb_keeping(payloads: PayloadStore) -> None:
    writer = written(payloads, BIG)
    assert writer.read() == BIG
    assert payloads.path(writer.keep(), len(BIG)).read_bytes() == BIG


def test_a_long_body_spills_to_disk_and_a_short_one_does_not(payloads: PayloadStore) -> None:
    short, long = written(payloads, BIG[:1000]), written(payloads, BIG)
    assert short.in_memory
    assert not long.in_memory
    short.discard()
    long.discard()


def test_a_body_can_be_read_by_several_at_once_and_after_it_was_discarded(payloads: PayloadStore) -> None:
    for body in (BIG[:1000], BIG):
        writer = written(payloads, body)
        with writer.open() as one, writer.open() as other:
            assert one.read(10) == other.read(10) == body[:10]
            assert one.seek(-3, os.SEEK_END) == len(body) - 3
            writer.discard()
            assert one.read() == body[-3:]
            assert other.read() == body[10:]


def test_a_discarded_body_cannot_be_kept(payloads: PayloadStore) -> None:
    for body in (BIG[:1000], BIG):
        writer = written(payloads, body)
        writer.discard()
        with pytest.raises(ValueError, match="discarded"):
            writer.keep()


def test_a_long_body_is_not_copied_when_it_is_kept(payloads: PayloadStore) -> None:
    writer = written(payloads, BIG)
    assert writer._file is not None
    path = payloads.path(writer.keep(), len(BIG))
    assert path.stat().st_ino == os.fstat(writer._file.number).st_ino


def test_a_long_body_is_copied_where_files_cannot_be_given_a_name(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_given: object, **_more: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", cannot)
    assert payloads.path(written(payloads, BIG).keep(), len(BIG)).read_bytes() == BIG


def test_the_same_content_is_kept_once_however_many_keep_it_at_once(payloads: PayloadStore) -> None:
    writers = [written(payloads, BIG) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(PayloadWriter.keep, writers))
    assert len(digests) == 1
    assert files(payloads) == [payloads.path(digests.pop(), len(BIG))]


def test_a_file_that_was_lost_or_shortened_is_not_handed_out(payloads: PayloadStore) -> None:
    digest = written(payloads, BIG).keep()
    path = payloads.path(digest, len(BIG))
    os.truncate(path, 100)
    with pytest.raises(FileNotFoundError):
        payloads.path(digest, len(BIG))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        payloads.path(digest, len(BIG))


def test_keeping_again_mends_a_shortened_file(payloads: PayloadStore) -> None:
    digest = written(payloads, BIG).keep()
    os.truncate(payloads.path(digest, len(BIG)), 100)
    written(payloads, BIG).keep()
    assert payloads.path(digest, len(BIG)).read_bytes() == BIG


def test_a_body_that_cannot_be_stored_fails_and_leaves_nothing(
    payloads: PayloadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    writer = written(payloads, BIG)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writer.keep()
    assert files(payloads) == []


@pytest.mark.parametrize(
    "digest", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "g" * 64, "a" * 62 + "/.", "a" * 64 + "\n"]
)
def test_only_a_digest_names_a_file(payloads: PayloadStore, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        payloads.path(digest, 1)

"""``verify-log`` against exports: right ones, and every way of making one wrong (of both stores: test_log_export)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from hub import clock
from hub.audit import Entry, Event, canonical, verify_log
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.audit.verify_log import Wrong, check
from hub.ledger import exchange_log, log_export, log_tables, transparency
from tests.ledger.stage import Stage, Store

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
OTHER = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
WITNESS = NoteSigner("witness.test", Ed25519PrivateKey.generate())
SIGNING = Signing([LOG])
KEY, WITNESS_KEY = LOG.log_key.text, WITNESS.witness_key.text
SEEN = 1_790_000_000


@pytest.fixture
def stage(sqlite_store: Store) -> Stage:
    made = Stage(sqlite_store.open())
    made.furnish()
    return made


@pytest.fixture
def log(stage: Stage) -> Stage:
    """Letters, receipts, and one entry of another time; two checkpoints, the newest cosigned."""
    stage.accept("H33", "H40")
    entries = [
        Entry(Event.LOG_QUERIED, clock.now() - timedelta(days=3 * (n == 5)), "test", detail={"n": n, "x": 0.5 + n})
        for n in range(12)
    ]
    stage.ledger.write_now(exchange_log.append, entries)
    stage.ledger.write_now(transparency.seal, SIGNING, 1000)
    stage.accept("H33")
    stage.ledger.write_now(exchange_log.append, [Entry(Event.LOG_QUERIED, clock.now(), "test") for _ in range(4)])
    stage.ledger.write_now(transparency.seal, SIGNING, 1000)
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    line = WITNESS.cosign(newest.note.split("\n\n")[0] + "\n", SEEN)
    row = {"size": newest.size, "witness": WITNESS_KEY, "line": line, "at": clock.now()}
    stage.ledger.write_now(lambda tx: tx.execute(insert(log_tables.log_cosignature).values(row)) and None)
    return stage


@pytest.fixture
def export(log: Stage, tmp_path: Path) -> Callable[..., Path]:
    def write(start: int = 0, end: int | None = None, **more: Any) -> Path:
        path = tmp_path / f"{start}-{end}.ndjson"
        opened = log.ledger.read_now(log_export.opening, start, end, [KEY], **more)
        path.write_bytes(b"".join(log_export.lines_now(log.ledger, opened)))
        return path

    return write


def wrong(path: Path, octets: bytes, **options: Any) -> Wrong:
    path.write_bytes(octets)
    with pytest.raises(Wrong) as error:
        check([path], **options)
    return error.value


def changed(path: Path, **members: Any) -> bytes:
    """The file with other members in its first line."""
    head, _, rest = path.read_bytes().partition(b"\n")
    return canonical.canonical(json.loads(head) | members) + b"\n" + rest


def test_a_right_export_is_found_right(export: Callable[..., Path]) -> None:
    [found] = check([export()], keys=[KEY], witnesses=[WITNESS_KEY])
    assert (found.start, found.end, found.trusted) == (0, found.size, True)
    assert (found.entries + found.receipts, found.receipts) == (found.size, 2)
    assert found.witnesses == [("witness.test", SEEN)]
    assert found.keys == [f"hub.test/log+{LOG.log_key.id.hex()}"]
    assert found.far_count == 1
    line, at, identifier = found.far[0]
    leaf = json.loads(export().read_bytes().split(b"\n")[line - 1])
    assert (leaf["at"], leaf["id"]) == (at, identifier)
    assert leaf["detail"]["n"] == 5


def test_without_a_given_key_it_says_that_the_key_came_from_the_file(export: Callable[..., Path]) -> None:
    [found] = check([export()])
    assert not found.trusted
    assert found.unchecked == ["witness.test"]


def test_ranges_are_found_right_and_join(export: Callable[..., Path]) -> None:
    found = check([export(9), export(0, 3), export(3, 9)], keys=[KEY])
    assert [(one.start, one.end) for one in found] == [(0, 3), (3, 9), (9, found[-1].size)]


def test_files_that_leave_something_out_or_overlap_do_not_join(export: Callable[..., Path]) -> None:
    for first, second in (((0, 3), (4, 9)), ((0, 4), (3, 9))):
        with pytest.raises(Wrong, match="begins at leaf"):
            check([export(*first), export(*second)])
    with pytest.raises(Wrong, match="begins at leaf"):
        check([export(0, 3), export(0, 3)])


def test_every_flipped_octet_is_noticed_and_its_line_named(export: Callable[..., Path]) -> None:
    """In every part of the file, by turns in every bit."""
    path = export()
    right = path.read_bytes()
    for place in range(0, len(right), 31):
        octets = bytearray(right)
        octets[place] ^= 1 << place % 8
        error = wrong(path, bytes(octets), keys=[KEY], witnesses=[WITNESS_KEY])
        assert error.line == right.count(b"\n", 0, place) + 1 or octets[place] == 10 or right[place] == 10, (
            place,
            error,
        )


def test_a_truncated_or_longer_file_is_noticed(export: Callable[..., Path]) -> None:
    path = export(2, 8)
    right = path.read_bytes()
    lines = right.split(b"\n")[:-1]
    assert wrong(path, right[:-1]).line == len(lines)
    assert wrong(path, b"\n".join(lines[:-1]) + b"\n").line == len(lines)
    assert wrong(path, right + b"\n").line == len(lines) + 1
    assert wrong(path, right + lines[-1] + b"\n").line == len(lines) + 1
    assert wrong(path, b"").line == 1
    assert wrong(path, right.replace(b"\n", b"\r\n")).line == 1


def test_leaves_in_another_order_or_twice_are_noticed(export: Callable[..., Path]) -> None:
    path = export()
    head, *lines = path.read_bytes().split(b"\n")[:-1]
    swapped = [*lines[:4], lines[5], lines[4], *lines[6:]]
    assert wrong(path, b"\n".join([head, *swapped, b""])).line == 6
    twice = [*lines[:4], lines[3], *lines[5:]]
    assert wrong(path, b"\n".join([head, *twice, b""])).line == 6


def test_a_change_with_the_marks_made_anew_is_noticed_all_the_same(export: Callable[..., Path]) -> None:
    path = export()
    head, *lines = path.read_bytes().split(b"\n")[:-1]
    lines[3] = lines[3].replace(b'"test"', b'"tess"').replace(b"H33", b"H34")
    header = json.loads(head)
    header["marks"] = base64.b64encode(
        b"".join(verify_log.leaf_hash(one)[: verify_log.MARK_BYTES] for one in lines)
    ).decode()
    error = wrong(path, b"\n".join([canonical.canonical(header), *lines, b""]))
    assert "do not give the checkpoint's root" in error.reason
    del header["marks"]
    assert wrong(path, b"\n".join([canonical.canonical(header), *lines, b""])).line == 0


def test_the_first_line_is_held_against_the_checkpoint(export: Callable[..., Path]) -> None:
    path = export()
    header = json.loads(path.read_bytes().partition(b"\n")[0])
    for members in (
        {"format": "lienthong-log/2"},
        {"origin": "other.test/log"},
        {"size": header["size"] + 1},
        {"from": 1},
        {"from": "0"},
        {"from": True},
        {"to": header["to"] - 1},
        {"left": [base64.b64encode(bytes(32)).decode()]},
        {"right": [base64.b64encode(bytes(32)).decode()]},
        {"right": ["AAAA"]},
        {"keys": []},
        {"keys": [OTHER.log_key.text]},
        {"keys": [KEY[:-4] + "AAA="]},
        {"marks": ""},
        {"extra": 1},
        {"checkpoint": header["checkpoint"].replace("\n\n", "\n")},
        {"checkpoint": header["checkpoint"].replace("hub.test/log\n", "hub.test/log\nmore\n", 1)},
        {"checkpoint": OTHER.sign("x") + header["checkpoint"]},
    ):
        assert wrong(path, changed(path, **members)).line in (0, 1, 2), members
        path = export()


def test_a_log_signed_by_another_key_is_not_taken(export: Callable[..., Path]) -> None:
    with pytest.raises(Wrong, match="not signed by the given key"):
        check([export()], keys=[OTHER.log_key.text])
    with pytest.raises(Wrong, match="did not sign"):
        check([export()], keys=[KEY], witnesses=[OTHER.witness_key.text])
    with pytest.raises(ValueError, match="different kinds"):
        check([export()], keys=[WITNESS_KEY])
    with pytest.raises(ValueError, match=r"not a verifier key|not base64"):
        check([export()], keys=["hub.test/log"])


def test_a_log_that_was_written_anew_does_not_join_what_was_kept(
    log: Stage, export: Callable[..., Path], tmp_path: Path
) -> None:
    """Another tree under the same key: each file is right by itself, together they are not."""
    kept = export(0, 6)
    from hub.audit import merkle, ranges
    from hub.audit.note import Checkpoint, signed

    leaves = kept.read_bytes().split(b"\n")[1:-1]
    rest = export(6).read_bytes().split(b"\n")[1:-1]
    leaves[2] = leaves[2].replace(b'"id":"', b'"id":"0')
    hashes = [merkle.leaf_hash(one) for one in [*leaves, *rest]]

    def nodes(level: int, first: int, count: int) -> list[bytes]:
        return hashes[first : first + count]

    size = len(hashes)
    left, _right = ranges.sides(6, size, size, nodes)
    header = {
        "format": verify_log.FORMAT, "origin": "hub.test/log", "from": 6, "to": size, "size": size, "keys": [KEY],
        "checkpoint": signed(Checkpoint("hub.test/log", size, merkle.fold(hashes)), [LOG]),
        "left": [base64.b64encode(one).decode() for one in left], "right": [],
    }  # fmt: skip
    anew = tmp_path / "anew.ndjson"
    anew.write_bytes(b"\n".join([canonical.canonical(header), *rest, b""]))
    assert check([anew], keys=[KEY])
    with pytest.raises(Wrong, match="does not continue"):
        check([kept, anew], keys=[KEY])


@pytest.mark.parametrize(
    "line",
    [
        b'{"at":"2026-11-22T00:00:00Z","id":"x","kind":"k","kind":"k"}',
        b'{"id":"x","at":"2026-11-22T00:00:00Z","kind":"k"}',
        b'{"at":"2026-11-22T00:00:00Z", "id":"x","kind":"k"}',
        b'{"at":"2026-11-22T00:00:00Z","id":"\\u0061","kind":"k"}',
        b'{"at":"2026-11-22T00:00:00Z","id":"x","kind":"k","n":NaN}',
        b'{"at":"2026-11-22T00:00:00Z","id":"x","kind":"k","n":-0}',
        b'{"at":"2026-11-22T00:00:00Z","id":"x","kind":"\\ud800"}',
        b'{"at":"2026-11-22T00:00:00Z","id":"x","kind":1}',
        b'{"at":"yesterday","id":"x","kind":"k"}',
        b'{"at":"2026-11-22T00:00:00","id":"x","kind":"k"}',
        b'["at"]',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_a_leaf_that_is_not_canonical_is_named(export: Callable[..., Path], line: bytes) -> None:
    path = export()
    lines = path.read_bytes().split(b"\n")
    lines[4] = line
    assert wrong(path, b"\n".join(lines)).line == 5


def test_every_leaf_is_shown_to_who_watches(export: Callable[..., Path]) -> None:
    path = export(3, 7, question={"from": "A"})
    seen: list[tuple[int, str]] = []

    def watch(header: Any, number: int, leaf: Any) -> None:
        assert header["question"] == {"from": "A"}
        seen.append((number, leaf["id"]))

    [found] = check([path], watch=watch)
    assert found.question == {"from": "A"}
    assert [number for number, _ in seen] == [3, 4, 5, 6]

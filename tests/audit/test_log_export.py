"""The log written out, on both stores: every leaf as it was sealed, whatever the range, or nothing at all."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from hub import clock
from hub.audit import Entry, Event, merkle, ranges
from hub.audit.note import Checkpoint, Note, NoteSigner
from hub.audit.sealer import Signing
from hub.audit.verify_log import check
from hub.ledger import exchange_log, log_export, log_tables, transparency
from hub.problems import Refused
from tests.ledger.stage import Stage

SIGNING = Signing([NoteSigner("hub.test/log", Ed25519PrivateKey.generate())])
KEYS = [one.log_key.text for one in SIGNING.signers]


@pytest.fixture
def filled(stage: Stage) -> Stage:
    """Accepted letters, and 600 entries in three checkpoints; one of them names a time long before."""
    stage.accept("H33", "H40")
    for number in range(3):
        at = clock.now() - timedelta(days=400 * (number == 1))
        entries = [Entry(Event.LOG_QUERIED, at, "test", detail={"n": n, "đ": "\u2028"}) for n in range(200)]
        stage.ledger.write_now(exchange_log.append, entries)
        stage.ledger.write_now(transparency.seal, SIGNING, 1000)
    return stage


def written(stage: Stage, start: int = 0, end: int | None = None) -> tuple[dict[str, Any], list[bytes]]:
    opened = stage.ledger.read_now(log_export.opening, start, end, KEYS)
    head, *leaves = b"".join(log_export.lines_now(stage.ledger, opened)).removesuffix(b"\n").split(b"\n")
    return json.loads(head), leaves


def holds(head: dict[str, Any], leaves: list[bytes]) -> bool:
    checkpoint = Checkpoint.parse(Note.parse(head["checkpoint"]).text)
    sides = ([base64.b64decode(one) for one in head[name]] for name in ("left", "right"))
    hashes = [merkle.leaf_hash(one) for one in leaves]
    assert (len(leaves), checkpoint.size) == (head["to"] - head["from"], head["size"])
    return ranges.verify(head["from"], hashes, head["size"], *sides, checkpoint.root)


def test_the_whole_log_gives_the_root_of_its_checkpoint(filled: Stage) -> None:
    head, leaves = written(filled)
    assert (head["format"], head["origin"], head["keys"]) == ("lienthong-log/1", "hub.test/log", KEYS)
    assert (head["from"], head["left"], head["right"]) == (0, [], [])
    assert holds(head, leaves)
    kinds = [json.loads(one)["kind"] for one in leaves]
    assert kinds.count("log.queried") == 600
    assert {"envelope.accepted", "receipt.issued"} <= set(kinds)


def test_the_independent_program_finds_it_right(filled: Stage, tmp_path: Path) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    for file, (start, end) in zip(files, ((0, 250), (250, None)), strict=True):
        opened = filled.ledger.read_now(log_export.opening, start, end, KEYS)
        file.write_bytes(b"".join(log_export.lines_now(filled.ledger, opened)))
    found = check(files, KEYS)
    assert sum(one.entries + one.receipts for one in found) == found[-1].size
    # 200 entries of long before: all but the one with which the second file begins
    assert sum(one.far_count for one in found) == 199


@pytest.mark.parametrize("batch", [7, 1000])
def test_a_range_gives_the_root_whatever_the_batches(
    filled: Stage, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_export, "BATCH", batch)
    _, everything = written(filled)
    for start, end in ((0, 1), (3, 20), (255, 258), (len(everything) - 1, len(everything))):
        head, leaves = written(filled, start, end)
        assert leaves == everything[start:end]
        assert holds(head, leaves)
        assert not holds(head, [*leaves[:-1], b"{}"])


def test_the_newest_cosigned_checkpoint_over_the_range_is_preferred(filled: Stage) -> None:
    first = filled.ledger.read_now(transparency.covering, 0)
    assert first is not None
    witness = NoteSigner("witness.test", Ed25519PrivateKey.generate())
    line = witness.cosign(Note.parse(first.note).text, 1_790_000_000)
    row = {"size": first.size, "witness": witness.witness_key.text, "line": line, "at": clock.now()}
    filled.ledger.write_now(lambda tx: tx.execute(insert(log_tables.log_cosignature).values(row)) and None)
    head, leaves = written(filled, 2, first.size)
    assert head["size"] == first.size
    assert Note.parse(head["checkpoint"]).seconds_of(witness.witness_key) == 1_790_000_000
    assert holds(head, leaves)
    assert written(filled, 2, first.size + 1)[0]["size"] > first.size


@pytest.mark.parametrize(("start", "end"), [(5, 5), (5, 4), (-1, 4), (0, 100_000), (100_000, None)])
def test_a_range_that_is_not_sealed_is_refused(filled: Stage, start: int, end: int | None) -> None:
    with pytest.raises(Refused, match="the log has leaves"):
        filled.ledger.read_now(log_export.opening, start, end, KEYS)


def test_an_empty_log_has_nothing_to_write(stage: Stage) -> None:
    with pytest.raises(Refused):
        stage.ledger.read_now(log_export.opening, 0, None, KEYS)


async def test_the_stream_is_the_same_file(filled: Stage) -> None:
    opened = filled.ledger.read_now(log_export.opening, 10, None, KEYS)
    streamed = [piece async for piece in log_export.lines(filled.ledger, opened)]
    assert b"".join(streamed) == b"".join(log_export.lines_now(filled.ledger, opened))

"""What of a letter goes into whose pack, on both stores."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from hub import clock
from hub.audit import Entry, Event
from hub.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.evidence.container import Member
from hub.evidence.packing import pack
from hub.evidence.proving import Published
from hub.evidence.seal import Seal
from hub.evidence.verifying import Trusted, verify
from hub.ledger import exchange_log, receipts, transparency
from hub.ledger.audit_tables import purge, purge_item
from hub.ledger.case import AT_ONCE, Case, Reader, collect
from hub.ledger.log_tables import log_cosignature, log_timestamp
from hub.receipts.signing import Audience, Subject
from tests.evidence.packs import written
from tests.ledger.stage import Stage

SIGNER = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
SIGNING = Signing([SIGNER])
BODY = b"<edXML/>"


def seal_log(stage: Stage) -> int:
    while stage.ledger.write_now(transparency.seal, SIGNING, 1000).more:
        pass
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    return newest.size


def note(stage: Stage, envelope: str, delivery: str = "", event: Event = Event.DELIVERY_READY, count: int = 1) -> None:
    entries = [Entry(event, clock.now(), "test", envelope_id=envelope, delivery_id=delivery) for _ in range(count)]
    stage.ledger.write_now(exchange_log.append, entries)


def settled(stage: Stage, envelope: str, delivery: str, recipient: str) -> str:
    subject = Subject(envelope, "doc", "G22", hashlib.sha256(BODY).hexdigest(), delivery, recipient)
    receipt = stage.signer.delivered(subject, Audience("sender", "G22"), clock.now())
    stage.ledger.write_now(receipts.add, [receipt.row])
    return receipt.id


def read(stage: Stage, envelope: str, reader: Reader) -> Case | None:
    return stage.ledger.read_now(collect, envelope, reader)


def whole(stage: Stage, envelope: str) -> Case:
    case = read(stage, envelope, Reader())
    assert case is not None
    return case


def test_the_sender_and_an_auditor_see_all_a_recipient_its_own_and_others_nothing(stage: Stage) -> None:
    stored = stage.accept("H33", "H40", body=BODY)
    envelope, of = stored.envelope_id, dict(stored.deliveries)
    mine, theirs = (settled(stage, envelope, of[code], code) for code in ("H33", "H40"))
    note(stage, envelope, of["H40"])
    seal_log(stage)
    for reader in (Reader(), Reader(system_id="sender"), Reader(agency="G22")):
        case = read(stage, envelope, reader)
        assert case is not None
        assert (case.whole, len(case.recipients)) == (True, 2)
        assert {mine, theirs} <= {leaf.id for leaf in case.leaves}
    for reader in (Reader(system_id="h33"), Reader(agency="H33")):
        case = read(stage, envelope, reader)
        assert case is not None
        assert (case.whole, [row.code for row in case.recipients]) == (False, ["H33"])
        seen = {leaf.id for leaf in case.leaves}
        assert mine in seen
        assert theirs not in seen
        assert of["H40"] not in {leaf.delivery_id for leaf in case.leaves}
        assert [leaf.kind for leaf in case.leaves if leaf.jws] == ["envelope.accepted", "delivery.settled"]
    for reader in (Reader(system_id="nobody"), Reader(agency="H33.01")):
        assert read(stage, envelope, reader) is None
    assert read(stage, clock.new_id(), Reader()) is None


def test_every_leaf_of_a_long_letter_is_proved_and_every_tree_begins_with_the_one_before(stage: Stage) -> None:
    envelope = stage.accept("H33", body=BODY).envelope_id
    seal_log(stage)
    note(stage, envelope, count=AT_ONCE + 20)
    seal_log(stage)
    stage.accept("H40")
    seal_log(stage)
    note(stage, envelope)
    case = whole(stage, envelope)
    assert len(case.leaves) == AT_ONCE + 23
    assert [leaf.id in case.proofs for leaf in case.leaves] == [*itertools.repeat(True, AT_ONCE + 22), False]
    numbers = [case.proofs[leaf.id].number for leaf in case.leaves[:-1]]
    assert numbers == sorted(numbers)
    for leaf in case.leaves[:-1]:
        proved = case.proofs[leaf.id]
        checkpoint = proved.checkpoint
        assert verify_inclusion(leaf_hash(leaf.octets), proved.number, checkpoint.size, proved.path, checkpoint.root)
    assert len(case.checkpoints) == 3
    for one in case.consistency:
        old, new = case.checkpoints[one.old], case.checkpoints[one.size]
        assert verify_consistency(one.old, old.root, one.size, new.root, one.path)
    assert [(one.old, one.size) for one in case.consistency] == list(itertools.pairwise(sorted(case.checkpoints)))


def stamp(stage: Stage, *sizes: int) -> None:
    at = clock.now()
    for size in sizes:
        row = {"size": size, "authority": "tsa.test", "token": b"token", "stamped_at": at, "at": at}
        stage.ledger.write_now(lambda transaction, row=row: transaction.execute(insert(log_timestamp).values(row)))


def test_the_oldest_stamp_that_covers_a_leaf_is_the_one_that_counts(stage: Stage) -> None:
    stage.accept("H40")
    before = seal_log(stage)
    envelope = stage.accept("H33", body=BODY).envelope_id
    first = seal_log(stage)
    note(stage, envelope)
    second = seal_log(stage)
    stage.accept("H40")
    third = seal_log(stage)
    assert whole(stage, envelope).stamps == []
    stamp(stage, before, second, third)
    case = whole(stage, envelope)
    assert [one.checkpoint.size for one in case.stamps] == [before, second]
    assert {before, first, second, third} == set(case.checkpoints)
    stamp(stage, first)
    assert [one.checkpoint.size for one in whole(stage, envelope).stamps] == [before, first, second]


def test_the_newest_cosigned_checkpoint_is_there_beside_the_newest(stage: Stage) -> None:
    envelope = stage.accept("H33", body=BODY).envelope_id
    seen = seal_log(stage)
    row = {"size": seen, "witness": "witness.test/w1+x", "line": "— w x\n", "at": clock.now()}
    stage.ledger.write_now(lambda transaction: transaction.execute(insert(log_cosignature).values(row)))
    note(stage, envelope)
    newest = seal_log(stage)
    case = whole(stage, envelope)
    assert set(case.checkpoints) == {seen, newest}
    assert case.cosignatures == {seen: [("witness.test/w1+x", "— w x\n")]}


def published(stage: Stage) -> Published:
    return Published("hub.test", "hub.test/log", [stage.signer.key.jwk], [SIGNER.log_key])


def packed(stage: Stage, envelope: str, file: Path) -> list[Member]:
    """``file`` lies where the document's octets would."""
    members = pack(
        whole(stage, envelope), published(stage), Seal.create("hub.test", clock.now()), lambda *_: file, (), clock.now()
    )
    written(file.with_suffix(".asice"), members)
    return members


def purged(stage: Stage, envelope: str, *, gone: bool) -> None:
    at = clock.now()
    identifier = clock.new_id()
    rows: Sequence[tuple[object, dict[str, object]]] = (
        (purge, {
            "id": identifier, "state": "confirmed", "scope": {}, "reason": "hết thời hạn", "asked_by": "one",
            "asked_at": at, "decided_by": "two", "decided_at": at,
        }),
        (purge_item, {
            "purge_id": identifier, "envelope_id": envelope, "size": len(BODY),
            "going_at": at, "purged_at": at + timedelta(seconds=1) if gone else None,
        }),
    )  # fmt: skip
    for table, row in rows:
        stage.ledger.write_now(lambda transaction, table=table, row=row: transaction.execute(insert(table).values(row)))


@pytest.mark.parametrize("gone", [False, True], ids=["going", "gone"])
def test_a_purged_letter_still_proves_what_happened_to_it(stage: Stage, tmp_path: Path, gone: bool) -> None:
    stored = stage.accept("H33", body=BODY)
    settled(stage, stored.envelope_id, dict(stored.deliveries)["H33"], "H33")
    seal_log(stage)
    purged(stage, stored.envelope_id, gone=gone)
    members = packed(stage, stored.envelope_id, tmp_path / "nothing-lies-here")
    assert not [one.name for one in members if one.name == "envelope.xml" or one.name.startswith("parts/")]
    report = verify(tmp_path / "nothing-lies-here.asice", Trusted((), (SIGNER.log_key,), jwks=_jwks(stage)))
    assert report.holds, report.found
    (document,) = (one for one in report.found if one.member == "envelope.xml")
    assert (document.standing, document.claim) == ("unproved", "signature")
    assert all(word in document.detail for word in ("purged", "one", "two"))
    assert {one.standing for one in report.found if one.claim in ("receipt", "proof", "leaf")} == {"good"}
    assert report.facts["envelope"]["sha256"] == hashlib.sha256(BODY).hexdigest()
    summary = next(one for one in members if one.name == "summary.html").read().decode()
    assert "hết thời hạn" in summary


def _jwks(stage: Stage) -> dict[str, object]:
    return {"keys": [stage.signer.key.jwk]}

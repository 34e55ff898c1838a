"""Sealing on both stores: order, proofs, two sealers, crashes, and a log that was rewritten."""

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select, update

from hub import clock
from hub.audit import Entry, Event, merkle
from hub.audit.leaves import entry_leaf, receipt_leaf
from hub.audit.note import Checkpoint, NoteSigner, opened
from hub.audit.sealer import Rewritten, Sealer, Signing
from hub.ledger import Transaction, exchange_log, log_tables, log_troubles, tables, transparency
from hub.ledger.transparency import LedgerSealing
from hub.problems import Misconfigured
from tests.ledger.stage import Stage, Store
from tests.rights import tamper

SIGNING = Signing([NoteSigner("hub.test/log", Ed25519PrivateKey.generate())])
KEYS = [one.log_key for one in SIGNING.signers]


def write(stage: Stage, count: int) -> list[str]:
    entries = [Entry(Event.LOG_QUERIED, clock.now(), actor="test", detail={"entries": n}) for n in range(count)]
    stage.ledger.write_now(exchange_log.append, entries)
    return [entry.id for entry in entries]


def seal(stage: Stage, most: int = 1000) -> transparency.Sealed:
    return stage.ledger.write_now(transparency.seal, SIGNING, most)


def expected(transaction: Transaction) -> list[bytes]:
    """Leaf hashes of everything in the log, computed anew, in the order of the leaves."""
    made: dict[str, bytes] = {}
    for table, leaf in ((tables.audit_entry, entry_leaf), (tables.receipt, receipt_leaf)):
        made |= {row["id"]: merkle.leaf_hash(leaf(dict(row))) for row in transaction.execute(select(table)).mappings()}
    order = transaction.execute(select(log_tables.log_leaf.c.id).order_by(log_tables.log_leaf.c.number)).scalars()
    return [made[one] for one in order]


def checked(stage: Stage) -> Checkpoint:
    """The newest checkpoint, which must be the tree of all that was committed."""
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    checkpoint = opened(newest.note, KEYS)
    hashes = stage.ledger.read_now(expected)
    assert (checkpoint.size, checkpoint.root) == (len(hashes), merkle.fold(hashes))
    return checkpoint


def test_entries_and_receipts_become_leaves_once_and_in_order(stage: Stage) -> None:
    stage.accept("H33", "H40")
    ids = write(stage, 3)
    first = seal(stage)
    assert (first.leaves, first.more) == (first.size, False)
    assert seal(stage).leaves == 0
    checked(stage)
    numbers = stage.ledger.read_now(transparency.numbers_of, ids)
    assert [numbers[one] for one in ids] == list(range(numbers[ids[0]], numbers[ids[0]] + 3))
    write(stage, 2)
    assert seal(stage).size == first.size + 2
    checked(stage)


def test_a_backlog_is_sealed_in_batches_into_one_tree(stage: Stage) -> None:
    write(stage, 700)
    sealed = seal(stage, 300)
    assert sealed.more
    while sealed.more:
        sealed = seal(stage, 300)
    assert checked(stage).size >= 700


def test_every_leaf_has_a_proof_that_never_changes(stage: Stage) -> None:
    [one, *_] = write(stage, 5)
    assert stage.ledger.read_now(transparency.proofs, [one]) == {}
    seal(stage)
    first = stage.ledger.read_now(transparency.proofs, [one])[one]
    write(stage, 600)
    seal(stage)
    again = stage.ledger.read_now(transparency.proofs, [one])[one]
    assert again == first
    leaf = stage.ledger.read_now(expected)[first.number]
    checkpoint = opened(first.checkpoint.note, KEYS)
    assert merkle.verify_inclusion(leaf, first.number, checkpoint.size, first.path, checkpoint.root)


def test_every_checkpoint_is_consistent_with_all_before(stage: Stage) -> None:
    for count in (1, 4, 251, 300, 1):
        write(stage, count)
        seal(stage)

    def proved(transaction: Transaction) -> int:
        kept = transaction.execute(select(log_tables.log_checkpoint).order_by(log_tables.log_checkpoint.c.size)).all()
        tree = transparency.Tree(transaction, kept[-1].size)
        for old, new in ((a, b) for a in kept for b in kept if a.size <= b.size):
            proof = merkle.consistency_proof(old.size, new.size, tree)
            assert merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)
        return len(kept)

    assert stage.ledger.read_now(proved) == 5


def test_two_sealers_at_once_make_one_tree(store: Store, stage: Stage) -> None:
    write(stage, 900)
    failures: list[BaseException] = []

    def work() -> None:
        ledger = store.open()
        try:
            while ledger.write_now(transparency.seal, SIGNING, 50).leaves:
                pass
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert checked(stage).size >= 900


def test_a_crash_in_mid_batch_leaves_nothing_of_the_batch(stage: Stage) -> None:
    write(stage, 300)
    seal(stage)
    before = checked(stage)
    write(stage, 300)

    class Dying(Signing):
        def note(self, size: int, root: bytes) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.ledger.write_now(transparency.seal, Dying(SIGNING.signers), 1000)
    assert checked(stage) == before
    assert seal(stage).size == before.size + 300
    checked(stage)


async def test_a_rewritten_leaf_is_noticed_and_nothing_is_signed_on_top_of_it(stage: Stage) -> None:
    write(stage, 10)
    seal(stage)
    leaf = log_tables.log_leaf
    tamper(stage.ledger, update(leaf).where(leaf.c.number == 3).values(hash=merkle.leaf_hash(b"another truth")))
    write(stage, 1)
    with pytest.raises(Rewritten):
        seal(stage)
    assert await Sealer(LedgerSealing(stage.ledger), SIGNING).step() is False
    [trouble] = stage.ledger.read_now(log_troubles.every)
    assert (trouble.kind, trouble.subject) == ("rewritten", "")
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    assert newest.size == len(stage.ledger.read_now(expected))


async def test_a_removed_leaf_is_noticed(stage: Stage) -> None:
    write(stage, 10)
    seal(stage)
    leaf = log_tables.log_leaf
    tamper(stage.ledger, delete(leaf).where(leaf.c.number == 9))
    write(stage, 1)
    assert await Sealer(LedgerSealing(stage.ledger), SIGNING).step() is False
    assert [one.kind for one in stage.ledger.read_now(log_troubles.every)] == ["rewritten"]


def test_a_leaf_that_was_slipped_in_beyond_the_head_is_noticed(stage: Stage) -> None:
    write(stage, 4)
    size = seal(stage).size
    tamper(stage.ledger, insert(log_tables.log_leaf).values(number=size, id="slipped in", hash=merkle.leaf_hash(b"x")))
    write(stage, 1)
    with pytest.raises(Rewritten, match="stands already"):
        seal(stage)


async def test_with_nothing_new_nothing_is_written(stage: Stage) -> None:
    store = LedgerSealing(stage.ledger)
    write(stage, 3)
    assert (await store.seal(SIGNING, 1000)).leaves > 0

    class Writes(Signing):
        def note(self, size: int, root: bytes) -> str:
            raise AssertionError("nothing is there to be signed")

    before = checked(stage)
    assert (await store.seal(Writes(SIGNING.signers), 1000)).leaves == 0
    assert checked(stage) == before


def test_a_log_keeps_its_name(stage: Stage) -> None:
    write(stage, 1)
    seal(stage)
    other = Signing([NoteSigner("other.test/log", Ed25519PrivateKey.generate())])
    with pytest.raises(Misconfigured, match="for ever"):
        stage.ledger.write_now(transparency.seal, other, 10)
    with pytest.raises(Misconfigured, match="for ever"):
        stage.ledger.read_now(transparency.require_origin, "other.test/log")
    assert stage.ledger.read_now(transparency.require_origin, "hub.test/log") == "hub.test/log"
    assert stage.ledger.read_now(log_troubles.every) == []

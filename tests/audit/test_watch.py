"""The log's own watch on both stores: what was changed, removed or slipped in behind the leaves is found."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, func, insert, select, update

from hub import clock
from hub.audit import Entry, Event, merkle
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.audit.watch import Looked, Watch
from hub.ledger import exchange_log, log_tables, log_troubles, tables, transparency
from hub.ledger.log_watch import LedgerWatch
from tests.ledger.stage import Stage
from tests.rights import tamper

SIGNING = Signing([NoteSigner("hub.test/log", Ed25519PrivateKey.generate())])
LEAF, NODE, ENTRY, RECEIPT = log_tables.log_leaf, log_tables.log_node, tables.audit_entry, tables.receipt


def fill(stage: Stage, count: int) -> list[str]:
    """A letter with its receipt, and this many entries, sealed; the entries' identifiers."""
    stage.accept("H33", "H40")
    entries = [Entry(Event.LOG_QUERIED, clock.now(), actor="test", detail={"entries": n}) for n in range(count)]
    stage.ledger.write_now(exchange_log.append, entries)
    while stage.ledger.write_now(transparency.seal, SIGNING, 2000).more:
        pass
    return [one.id for one in entries]


async def watched(stage: Stage) -> list[Looked]:
    """One round, every step by a watch of its own: nothing is remembered but in the ledger."""
    steps = [await Watch(LedgerWatch(stage.ledger)).step()]
    while not steps[-1].round_ended:
        steps.append(await Watch(LedgerWatch(stage.ledger)).step())
    return steps


def troubles(stage: Stage) -> list[str]:
    return [one.detail for one in stage.ledger.read_now(log_troubles.every) if one.kind == "rewritten"]


async def test_a_sound_log_is_looked_at_round_and_round_without_a_word(stage: Stage) -> None:
    assert (await watched(stage))[-1] == Looked(0, (), round_ended=True)
    fill(stage, 1200)
    size = stage.ledger.read_now(lambda tx: tx.execute(select(func.count()).select_from(LEAF)).scalar_one())
    for _ in range(2):
        steps = await watched(stage)
        assert [step.wrong for step in steps] == [()] * len(steps)
        assert [step.leaves for step in steps] == [512, 512, size - 1024]
    fill(stage, 3)
    assert sum(step.leaves for step in await watched(stage)) > size
    assert troubles(stage) == []


def changed(stage: Stage, ids: list[str]) -> Any:
    return update(ENTRY).where(ENTRY.c.id == ids[300]).values(actor="somebody else")


def detail_changed(stage: Stage, ids: list[str]) -> Any:
    return update(ENTRY).where(ENTRY.c.id == ids[0]).values(detail={"entries": 1})


def removed(stage: Stage, ids: list[str]) -> Any:
    return delete(ENTRY).where(ENTRY.c.id == ids[550])


def receipt_replaced(stage: Stage, ids: list[str]) -> Any:
    return update(RECEIPT).values(jws="another.receipt.altogether")


def leaf_removed(stage: Stage, ids: list[str]) -> Any:
    return delete(LEAF).where(LEAF.c.id == ids[3])


def subtree_replaced(stage: Stage, ids: list[str]) -> Any:
    return update(NODE).where(NODE.c.level == 1, NODE.c.number == 1).values(hash=merkle.leaf_hash(b"another truth"))


def slipped_in(stage: Stage, ids: list[str]) -> Any:
    """An entry among those that were sealed long ago, as its transaction number says."""
    row = Entry(Event.LOG_QUERIED, clock.now(), actor="forger").row() | {"tx": 0, "seq": -1, "at": clock.now()}
    return insert(ENTRY).values(row)


HARMS = (
    (changed, "was changed"),
    (detail_changed, "was changed"),
    (removed, "is gone"),
    (receipt_replaced, "was changed"),
    (leaf_removed, "1 of the leaves"),
    (subtree_replaced, "subtree 1 of level 1"),
    (slipped_in, "has no leaf"),
)


async def test_what_was_done_behind_the_log_is_found_within_a_round_and_stays_on_show(stage: Stage) -> None:
    ids, before = fill(stage, 560), set[str]()
    for harm, said in HARMS:
        await Watch(LedgerWatch(stage.ledger)).step()
        tamper(stage.ledger, harm(stage, ids))
        await watched(stage)  # what is left of this round
        found = {one for step in await watched(stage) for one in step.wrong}
        assert [one for one in found - before if said in one], (harm, found)
        before = found
    [detail] = troubles(stage)
    assert any(one in detail for one in before)


async def test_thousands_of_changes_are_told_in_few_words(stage: Stage) -> None:
    fill(stage, 300)
    tamper(stage.ledger, update(ENTRY).values(actor="somebody else"))
    await watched(stage)
    [detail] = troubles(stage)
    assert detail.endswith("more")
    assert len(detail) < 1000

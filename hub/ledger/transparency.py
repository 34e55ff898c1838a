"""The transparency log in the ledger: sealing, and the tree as others read it.

A leaf never changes and is never removed; the tree of any size that was ever signed can be computed for ever.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, insert, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from hub import clock
from hub.audit import merkle
from hub.audit.leaves import entry_leaf, receipt_leaf
from hub.audit.sealer import Rewritten, Sealed, Signing
from hub.ledger import log_troubles
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.feed import settled
from hub.ledger.log_tables import log_checkpoint, log_head, log_leaf, log_node
from hub.ledger.tables import audit_entry, receipt
from hub.problems import Misconfigured

_HEAD = text("INSERT INTO log_head (id) VALUES (1) ON CONFLICT DO NOTHING")


class _Unsealed(NamedTuple):
    tx: int
    seq: int
    id: str
    leaf: bytes


def seal(transaction: Transaction, signing: Signing, most: int) -> Sealed:
    """Give numbers to what was committed since, and sign the tree. See ``SealingStore.seal``."""
    transaction.execute(_HEAD)
    head = transaction.execute(select(log_head).with_for_update()).mappings().one()
    _check_origin(head["origin"], signing.origin)
    entries = _entries(transaction, head["entry_tx"], head["entry_seq"], most)
    receipts = _receipts(transaction, head["receipt_tx"], head["receipt_seq"], most)
    new = sorted((*((one.tx, 0, one) for one in entries), *((one.tx, 1, one) for one in receipts)), key=_order)
    if not new:
        return Sealed(head["size"], 0, more=False)
    size = head["size"]
    nodes = functools.partial(_read, transaction)
    if size and merkle.root(size, nodes) != head["root"]:
        raise Rewritten(f"the tree of {size} leaves is not the one that was signed")
    leaves = [(one.id, merkle.leaf_hash(one.leaf)) for _, _, one in new]
    root, complete = merkle.grown(size, [hashed for _, hashed in leaves], nodes)
    _write(transaction, size, leaves, complete)
    at = clock.now()
    total = size + len(leaves)
    note = signing.note(total, root)
    transaction.execute(insert(log_checkpoint).values(size=total, root=root, note=note, at=at))
    moved = {"origin": signing.origin, "size": total, "root": root, "sealed_at": at}
    for name, found in (("entry", entries), ("receipt", receipts)):
        if found:
            moved |= {f"{name}_tx": found[-1].tx, f"{name}_seq": found[-1].seq}
    transaction.execute(update(log_head).values(moved))
    return Sealed(total, len(leaves), more=most in (len(entries), len(receipts)))


def require_origin(transaction: Transaction, origin: str) -> str:
    """The log's name. Raises ``Misconfigured`` when it was sealed under another one: that would not be a rewriting,
    but receipts would promise a log that nobody keeps."""
    _check_origin(transaction.execute(select(log_head.c.origin)).scalar_one_or_none(), origin)
    return origin


def _check_origin(kept: str | None, origin: str) -> None:
    if kept not in (None, "", origin):
        reason = f"the log is called {kept} for ever, not {origin}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_LOG_ORIGIN")


def _nothing_new(transaction: Transaction) -> int | None:
    """The size of the tree when all that was committed is in it; None when there is something to seal."""
    head = transaction.execute(select(log_head)).mappings().one_or_none()
    if head is None:
        return None
    for table, name in ((audit_entry, "entry"), (receipt, "receipt")):
        after = _after(transaction, select(table.c.seq), table, head[f"{name}_tx"], head[f"{name}_seq"], 1)
        if transaction.execute(after).first() is not None:
            return None
    size: int = head["size"]
    return size


def _order(one: tuple[int, int, _Unsealed]) -> tuple[int, int, int]:
    """By transaction; within one, entries before the receipts that they explain."""
    return one[0], one[1], one[2].seq


_ENTRY = (
    "tx", "seq", "id", "at", "kind", "actor", "agency_code", "envelope_id", "delivery_id", "document_id", "code",
    "detail",
)  # fmt: skip
_RECEIPT = (
    "tx", "seq", "id", "at", "event", "envelope_id", "delivery_id", "document_id", "sender_code", "recipient_code",
    "jws",
)  # fmt: skip
_ENTRIES = select(*(audit_entry.c[name] for name in _ENTRY))
_RECEIPTS = select(*(receipt.c[name] for name in _RECEIPT))


def _entries(transaction: Transaction, tx: int, seq: int, most: int) -> list[_Unsealed]:
    rows = transaction.execute(_after(transaction, _ENTRIES, audit_entry, tx, seq, most))
    return [_Unsealed(row.tx, row.seq, row.id, entry_leaf(dict(zip(_ENTRY, row, strict=True)))) for row in rows]


def _receipts(transaction: Transaction, tx: int, seq: int, most: int) -> list[_Unsealed]:
    rows = transaction.execute(_after(transaction, _RECEIPTS, receipt, tx, seq, most))
    return [_Unsealed(row.tx, row.seq, row.id, receipt_leaf(dict(zip(_RECEIPT, row, strict=True)))) for row in rows]


def _after(transaction: Transaction, wanted: Select[Any], table: Table, tx: int, seq: int, most: int) -> Select[Any]:
    column = table.c
    wanted = wanted.where(tuple_(column.tx, column.seq) > tuple_(tx, seq))
    return settled(wanted.order_by(column.tx, column.seq).limit(most), table, transaction)


# the hashes travel as one text of octets, 32 a leaf: as rows of their own they cost more than all the hashing
_LEAVES = text(
    "INSERT INTO log_leaf (number, id, hash)"
    " SELECT :first + place - 1, id, substring(CAST(:hashes AS bytea) FROM CAST(place - 1 AS integer) * 32 + 1 FOR 32)"
    " FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY AS leaf(id, place)"
)


def _write(
    transaction: Transaction,
    size: int,
    leaves: Sequence[tuple[str, bytes]],
    complete: dict[tuple[int, int], bytes],
) -> None:
    try:
        _number(transaction, size, leaves)
    except IntegrityError as error:
        raise Rewritten(f"leaf {size} or one after it stands already") from error
    if complete:
        rows = [{"level": level, "number": number, "hash": hashed} for (level, number), hashed in complete.items()]
        transaction.execute(insert(log_node), rows)


def _number(transaction: Transaction, first: int, leaves: Sequence[tuple[str, bytes]]) -> None:
    if transaction.dialect.name == "postgresql":
        ids, hashes = zip(*leaves, strict=True)
        transaction.execute(_LEAVES, {"first": first, "ids": list(ids), "hashes": b"".join(hashes)})
        return
    rows = [{"number": first + place, "id": one, "hash": hashed} for place, (one, hashed) in enumerate(leaves)]
    transaction.execute(insert(log_leaf), rows)


def _read(transaction: Transaction, level: int, first: int, count: int) -> list[bytes]:
    """``merkle.Nodes``. Raises ``Rewritten`` for a hash that is not there."""
    table = log_leaf if level == 0 else log_node
    wanted = select(table.c.hash).where(table.c.number >= first, table.c.number < first + count)
    if level:
        wanted = wanted.where(table.c.level == level)
    found = list(transaction.execute(wanted.order_by(table.c.number)).scalars())
    if len(found) != count:
        raise Rewritten(f"hashes {first} to {first + count - 1} of level {level} are not all there")
    return found


class Tree:
    """``merkle.Nodes`` over one transaction that reads whole tiles and keeps them: proofs share most of theirs."""

    def __init__(self, transaction: Transaction, size: int) -> None:
        self._transaction = transaction
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, first: int, count: int) -> list[bytes]:
        place = first % merkle.WIDTH
        tile = self._tile(level, first // merkle.WIDTH)
        if len(tile) < place + count:
            raise Rewritten(f"hashes {first} to {first + count - 1} of level {level} are not all there")
        return tile[place : place + count]

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self._tiles:
            begin = number * merkle.WIDTH
            width = min(merkle.WIDTH, (self._size >> 8 * level) - begin)
            self._tiles[level, number] = tile(self._transaction, level, number, width)
        return self._tiles[level, number]


class _Folded:
    """``merkle.Nodes`` for many proofs at once: a range that a path needs whole is given as its root, made once.

    Such a range is complete, and the fold of one hash is that hash.
    """

    def __init__(self, nodes: merkle.Nodes) -> None:
        self._nodes = nodes
        self._made: dict[tuple[int, int, int], list[bytes]] = {}

    def __call__(self, level: int, first: int, count: int) -> list[bytes]:
        if (level, first, count) not in self._made:
            self._made[level, first, count] = [merkle.fold(self._nodes(level, first, count))]
        return self._made[level, first, count]


def tile(transaction: Transaction, level: int, number: int, width: int) -> list[bytes]:
    """The first ``width`` hashes of a tile (C2SP tlog-tiles). Raises ``Rewritten`` where some are missing."""
    return _read(transaction, level, number * merkle.WIDTH, width)


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint as the log signed it."""

    size: int
    root: bytes
    note: str
    at: datetime


_CHECKPOINT = select(log_checkpoint.c.size, log_checkpoint.c.root, log_checkpoint.c.note, log_checkpoint.c.at)


def newest(transaction: Transaction) -> CheckpointRecord | None:
    """The newest checkpoint; None before the first."""
    row = transaction.execute(_CHECKPOINT.order_by(log_checkpoint.c.size.desc()).limit(1)).one_or_none()
    return None if row is None else CheckpointRecord(*row)


def covering(transaction: Transaction, number: int) -> CheckpointRecord | None:
    """The first checkpoint whose tree holds leaf ``number``: the proof against it never changes."""
    wanted = _CHECKPOINT.where(log_checkpoint.c.size > number).order_by(log_checkpoint.c.size).limit(1)
    row = transaction.execute(wanted).one_or_none()
    return None if row is None else CheckpointRecord(*row)


def numbers_of(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, int]:
    """Leaf numbers of entries and receipts, by their identifiers; without those that are not sealed yet."""
    found = select(log_leaf.c.id, log_leaf.c.number).where(log_leaf.c.id.in_(list(identifiers)))
    return {row.id: row.number for row in transaction.execute(found)}


@dataclass(frozen=True, slots=True)
class Proved:
    """Where a leaf stands: its number, the path to the root of ``checkpoint``."""

    number: int
    checkpoint: CheckpointRecord
    path: list[bytes]


def proofs(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, Proved]:
    """Inclusion proofs, each against the first checkpoint that covers it; without what is not sealed yet."""
    proved: dict[str, Proved] = {}
    numbers = sorted(numbers_of(transaction, identifiers).items(), key=lambda one: one[1])
    last = newest(transaction)  # after the numbers: its tree holds them all, even if the log was sealed meanwhile
    tree = _Folded(Tree(transaction, 0 if last is None else last.size))
    checkpoint: CheckpointRecord | None = None
    known: dict[tuple[int, int], bytes] = {}
    for identifier, number in numbers:
        if checkpoint is None or number >= checkpoint.size:
            checkpoint = covering(transaction, number)
        if checkpoint is not None:
            path = merkle.inclusion_proof(number, checkpoint.size, tree, known)
            proved[identifier] = Proved(number, checkpoint, path)
    return proved


class LedgerSealing:
    """``SealingStore`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def seal(self, signing: Signing, most: int) -> Sealed:
        # looking takes no lock and writes nothing: a hub with nothing to do must not keep its disk busy
        size = await self._ledger.read(_nothing_new)
        if size is not None:
            return Sealed(size, 0, more=False)
        return await self._ledger.write(seal, signing, most)

    async def alarm(self, detail: str) -> None:
        await self._ledger.write(log_troubles.note, "rewritten", "", detail, clock.now())

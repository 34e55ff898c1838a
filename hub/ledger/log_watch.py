"""The log's own watch in the ledger: leaves against what they were made of, and what has no leaf (``hub.audit.watch``).

It reads without locks and remembers how far it has come, so that any process goes on where another stopped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, insert, select, tuple_

from hub import clock
from hub.audit import merkle
from hub.audit.watch import Looked
from hub.ledger import log_proofs, log_troubles
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.log_tables import log_head, log_leaf, log_node, log_watch
from hub.ledger.tables import audit_entry, receipt

_MOST_TOLD = 5
_BEFORE_ALL = (-(2**63), -(2**63))


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the watch is: the next leaf, the last entry and the last receipt looked at, in the order of feeds."""

    number: int = 0
    entry: tuple[int, int] = _BEFORE_ALL
    receipt: tuple[int, int] = _BEFORE_ALL


@dataclass(frozen=True, slots=True)
class _Step:
    reached: Reached
    leaves: int
    wrong: tuple[str, ...]
    round_ended: bool


def look(transaction: Transaction, reached: Reached, tiles: int) -> _Step:
    """One step from there; the next starts at its ``reached``."""
    head = transaction.execute(select(log_head)).one_or_none()
    if head is None or head.size == 0:
        return _Step(Reached(), 0, (), round_ended=True)
    end = min(head.size, reached.number + tiles * merkle.WIDTH)
    wrong = list(_leaves(transaction, reached.number, end))
    most = tiles * merkle.WIDTH
    entry, without = _without_leaf(transaction, audit_entry, reached.entry, (head.entry_tx, head.entry_seq), most)
    wrong += [f"entry {one} was committed and has no leaf" for one in without]
    issued, without = _without_leaf(transaction, receipt, reached.receipt, (head.receipt_tx, head.receipt_seq), most)
    wrong += [f"receipt {one} was committed and has no leaf" for one in without]
    done = (entry, issued) == (None, None) and end == head.size
    next_one = Reached(end, entry or (head.entry_tx, head.entry_seq), issued or (head.receipt_tx, head.receipt_seq))
    return _Step(Reached() if done else next_one, end - reached.number, tuple(wrong), done)


def _leaves(transaction: Transaction, first: int, end: int) -> Iterator[str]:
    """What is wrong with these leaves, with what they were made of, and with the subtrees that they complete."""
    column = log_leaf.c
    wanted = select(column.number, column.id, column.hash).where(column.number >= first, column.number < end)
    rows = transaction.execute(wanted.order_by(column.number)).all()
    if len(rows) != end - first:
        yield f"{end - first - len(rows)} of the leaves {first} to {end - 1} are gone"
    octets = log_proofs.leaves(transaction, [row.id for row in rows])
    for row in rows:
        if row.id not in octets:
            yield f"what was sealed as leaf {row.number} is gone: {row.id}"
        elif merkle.leaf_hash(octets[row.id]) != row.hash:
            yield f"what was sealed as leaf {row.number} was changed: {row.id}"
    yield from _subtrees(transaction, rows, first, end)


def _subtrees(transaction: Transaction, rows: Sequence[Any], first: int, end: int) -> Iterator[str]:
    """Whatever is complete with the last leaf of a tile must be the root of what stands below it, level by level."""
    for tile in range(first // merkle.WIDTH, end // merkle.WIDTH):
        hashes = [row.hash for row in rows if row.number // merkle.WIDTH == tile]
        level, number = 1, tile
        while merkle.fold(hashes) == _hashes(transaction, level, number, 1)[0]:
            if (number + 1) % merkle.WIDTH:
                break
            number //= merkle.WIDTH
            hashes = [one or b"" for one in _hashes(transaction, level, number * merkle.WIDTH, merkle.WIDTH)]
            level += 1
        else:
            yield f"subtree {number} of level {level} is not what stands below it"


def _hashes(transaction: Transaction, level: int, first: int, count: int) -> list[bytes | None]:
    """Of complete subtrees; None for one that is not there."""
    column = log_node.c
    wanted = select(column.number, column.hash).where(
        column.level == level, column.number >= first, column.number < first + count
    )
    found = {row.number: row.hash for row in transaction.execute(wanted)}
    return [found.get(number) for number in range(first, first + count)]


def _without_leaf(
    transaction: Transaction, table: Table, after: tuple[int, int], until: tuple[int, int], most: int
) -> tuple[tuple[int, int] | None, list[str]]:
    """How far it looked, None for to the end; and the identifiers of rows in between that have no leaf."""
    column = table.c
    place = tuple_(column.tx, column.seq)
    wanted = select(column.tx, column.seq, column.id).where(place > tuple_(*after), place <= tuple_(*until))
    rows = transaction.execute(wanted.order_by(column.tx, column.seq).limit(most)).all()
    names = [row.id for row in rows]
    sealed = set(transaction.execute(select(log_leaf.c.id).where(log_leaf.c.id.in_(names))).scalars())
    last = (rows[-1].tx, rows[-1].seq) if len(rows) == most else None
    return last, [name for name in names if name not in sealed]


def reached(transaction: Transaction) -> Reached:
    """Where the last step ended."""
    row = transaction.execute(select(log_watch)).one_or_none()
    if row is None:
        return Reached()
    return Reached(row.number, (row.entry_tx, row.entry_seq), (row.receipt_tx, row.receipt_seq))


def keep(transaction: Transaction, step: _Step) -> None:
    """Remember how far it is, and say what is wrong."""
    now, to = clock.now(), step.reached
    before = transaction.execute(select(log_watch.c.round_at)).scalar_one_or_none()
    transaction.execute(delete(log_watch))
    row = {
        "id": 1,
        "number": to.number,
        "entry_tx": to.entry[0],
        "entry_seq": to.entry[1],
        "receipt_tx": to.receipt[0],
        "receipt_seq": to.receipt[1],
        "round_at": now if step.round_ended else before,
    }
    transaction.execute(insert(log_watch).values(row))
    if step.wrong:
        more = len(step.wrong) - _MOST_TOLD
        told = "; ".join([*step.wrong[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])])
        log_troubles.note(transaction, "rewritten", "", told, now)


class LedgerWatch:
    """``WatchedStore`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def look(self, tiles: int) -> Looked:
        step = await self._ledger.read(functools.partial(_from_there, tiles=tiles))
        await self._ledger.write(keep, step)
        return Looked(step.leaves, step.wrong, step.round_ended)


def _from_there(transaction: Transaction, tiles: int) -> _Step:
    return look(transaction, reached(transaction), tiles)

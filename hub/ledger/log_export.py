"""The log written out so that it can be computed again without the hub: ``lienthong-log/1`` (NDJSON).

The first line is an object: ``format``, ``origin``, ``from`` and ``to`` (leaf numbers, the second exclusive), ``size``,
``keys`` (verifier keys of the log), ``checkpoint`` (the note of the tree of ``size`` with its cosignatures), ``left``
and ``right`` (base64; ``hub.audit.ranges``), ``question`` where the range answers one, and up to a million leaves
``marks`` (base64): the first four octets of each leaf's hash, which prove nothing and say which line is wrong if any.
Then one line for each leaf, in order: its exact octets. Whoever reads them computes the checkpoint's root.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select

from hub.audit import merkle, ranges
from hub.audit.canonical import canonical
from hub.audit.leaves import entry_leaf, receipt_leaf
from hub.audit.note import Checkpoint, Note
from hub.audit.sealer import Rewritten
from hub.ledger import log_proofs
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.log_tables import log_checkpoint, log_cosignature, log_leaf
from hub.ledger.tables import audit_entry, receipt
from hub.ledger.transparency import CheckpointRecord, Tree, newest
from hub.problems import Refused

FORMAT = "lienthong-log/1"
MEDIA_TYPE = "application/x-ndjson"
BATCH = 1000
MARK_BYTES, MOST_MARKS = 4, 1_000_000
# an entry is written at about the time that its identifier says; whoever lies farther off is looked for everywhere
_ABOUT = timedelta(days=1)
_Leaf = Callable[[Mapping[str, Any]], bytes]


@dataclass(frozen=True, slots=True)
class Written:
    """A range that is about to be written: its first line, and the numbers of the leaves that follow it."""

    header: bytes
    start: int
    end: int


def opening(
    transaction: Transaction,
    start: int,
    end: int | None,
    keys: Sequence[str] | None = None,
    question: Mapping[str, Any] | None = None,
) -> Written:
    """The first line for leaves ``start`` to ``end - 1``; ``end`` None: all that are sealed.

    ``keys``: verifier keys of the log; None: all that the ledger knows.
    Raises ``Refused('request-invalid')`` for a range that is empty or not sealed, ``Rewritten`` for a tree with holes.
    """
    last = newest(transaction)
    size = 0 if last is None else last.size
    end = size if end is None else end
    if last is None or not 0 <= start < end <= size:
        raise Refused("request-invalid", f"the log has leaves 0 to {size - 1}", "to" if start < end else "from")
    checkpoint = _best(transaction, end) or last
    left, right = ranges.sides(start, end, checkpoint.size, Tree(transaction, checkpoint.size))
    origin = Checkpoint.parse(Note.parse(checkpoint.note).text).origin
    header = {
        "format": FORMAT,
        "origin": origin,
        "from": start,
        "to": end,
        "size": checkpoint.size,
        "keys": log_proofs.verifier_keys(transaction, origin) if keys is None else list(keys),
        "checkpoint": log_proofs.cosigned(transaction, checkpoint),
        "left": [base64.b64encode(one).decode() for one in left],
        "right": [base64.b64encode(one).decode() for one in right],
    }
    if end - start <= MOST_MARKS:
        header["marks"] = base64.b64encode(_marks(transaction, start, end)).decode()
    if question is not None:
        header["question"] = question
    return Written(canonical(header) + b"\n", start, end)


def _best(transaction: Transaction, end: int) -> CheckpointRecord | None:
    """The newest checkpoint over these leaves that a witness cosigned."""
    column = log_checkpoint.c
    wanted = (
        select(column.size, column.root, column.note, column.at)
        .where(column.size >= end, column.size.in_(select(log_cosignature.c.size)))
        .order_by(column.size.desc())
        .limit(1)
    )
    row = transaction.execute(wanted).one_or_none()
    return None if row is None else CheckpointRecord(*row)


def _marks(transaction: Transaction, start: int, end: int) -> bytes:
    column = log_leaf.c
    wanted = select(column.hash).where(column.number >= start, column.number < end).order_by(column.number)
    return b"".join(one[:MARK_BYTES] for one in transaction.execute(wanted).scalars())


def leaves(transaction: Transaction, start: int, end: int) -> list[bytes]:
    """Octets of leaves ``start`` to ``end - 1``, made anew from their entries and receipts.

    Raises ``Rewritten`` for one that is not there, or that is not what was sealed.
    """
    column = log_leaf.c
    wanted = select(column.number, column.id, column.hash).where(column.number >= start, column.number < end)
    rows = transaction.execute(wanted.order_by(column.number)).all()
    if [row.number for row in rows] != list(range(start, end)):
        raise Rewritten(f"leaves {start} to {end - 1} are not all there")
    made = _entries(transaction, [row.id for row in rows])
    made |= _receipts(transaction, [row.id for row in rows if row.id not in made])
    for row in rows:
        if row.id not in made:
            raise Rewritten(f"leaf {row.number} is of an entry or receipt that is gone: {row.id}")
        if merkle.leaf_hash(made[row.id]) != row.hash:
            raise Rewritten(f"leaf {row.number} is not what was sealed: {row.id}")
    return [made[row.id] for row in rows]


def _entries(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, bytes]:
    """Leaves of those that are entries. Looked for in the months that their identifiers name, then everywhere."""
    wanted = select(audit_entry)
    moments = [moment for one in identifiers if (moment := _moment(one)) is not None]
    made: dict[str, bytes] = {}
    if moments:
        early, late = min(moments) - _ABOUT, max(moments) + _ABOUT
        made = _made(transaction, wanted.where(audit_entry.c.at.between(early, late)), identifiers, entry_leaf)
    missing = [one for one in identifiers if one not in made]
    receipts = set(transaction.execute(select(receipt.c.id).where(receipt.c.id.in_(missing))).scalars())
    return made | _made(transaction, wanted, [one for one in missing if one not in receipts], entry_leaf)


def _receipts(transaction: Transaction, identifiers: Sequence[str]) -> dict[str, bytes]:
    return _made(transaction, select(receipt), identifiers, receipt_leaf)


def _made(
    transaction: Transaction,
    wanted: Select[Any],
    identifiers: Sequence[str],
    leaf: Callable[[Mapping[str, Any]], bytes],
) -> dict[str, bytes]:
    if not identifiers:
        return {}
    column = wanted.selected_columns.id
    rows = transaction.execute(wanted.where(column.in_(identifiers))).mappings()
    return {row["id"]: leaf(dict(row)) for row in rows}


def _moment(identifier: str) -> datetime | None:
    """When a UUIDv7 was made (RFC 9562 §5.7); None for any other text."""
    try:
        found = uuid.UUID(identifier)
    except ValueError:
        return None
    return datetime.fromtimestamp((found.int >> 80) / 1000, UTC) if found.version == 7 else None


def _batches(wanted: Written) -> Iterator[tuple[int, int]]:
    return ((at, min(at + BATCH, wanted.end)) for at in range(wanted.start, wanted.end, BATCH))


async def lines(ledger: Ledger, wanted: Written) -> AsyncIterator[bytes]:
    """The file, some lines at a time. What is written never changes, so each batch is a transaction of its own.

    Raises ``Rewritten`` in the middle: the file then ends short of what its first line says.
    """
    yield wanted.header
    for start, end in _batches(wanted):
        yield _joined(await ledger.read(leaves, start, end))


def lines_now(ledger: Ledger, wanted: Written) -> Iterator[bytes]:
    """``lines`` for callers without an event loop."""
    yield wanted.header
    for start, end in _batches(wanted):
        yield _joined(ledger.read_now(leaves, start, end))


def _joined(octets: Sequence[bytes]) -> bytes:
    # canonical JSON has no newline in it
    return b"".join(one + b"\n" for one in octets)

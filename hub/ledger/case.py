"""Everything the ledger holds about one envelope that is handed out as evidence: facts, leaves and their proofs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from hub.audit import merkle
from hub.audit.leaves import entry_leaf, receipt_leaf
from hub.ledger import envelopes, evidence, journey, transparency
from hub.ledger.audit_tables import purge, purge_item
from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import PartRecord
from hub.ledger.evidence import Piece
from hub.ledger.journey import Letter, RecipientRow
from hub.ledger.log_tables import hub_key, log_cosignature, log_timestamp
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import audit_entry, delivery, envelope, receipt
from hub.ledger.transparency import CheckpointRecord, Proved

# identifiers asked for at once: a statement takes so many values on both engines
AT_ONCE = 500
TAKEN = "evidence.taken"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: a system, or a person of an agency; neither: one who may see everything (an auditor)."""

    system_id: str | None = None
    agency: str | None = None

    @property
    def sees_all(self) -> bool:
        return self.system_id is None and self.agency is None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry or a receipt as the log has it. ``jws``: of a receipt."""

    id: str
    at: datetime
    kind: str
    delivery_id: str
    octets: bytes
    jws: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time stamp over a checkpoint's note as the log signed it."""

    checkpoint: CheckpointRecord
    authority: str
    token: bytes
    stamped_at: datetime


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of ``size`` begins with the tree of ``old`` (RFC 9162 §2.1.4)."""

    old: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Purged:
    """The octets went by policy: when, asked by whom, confirmed by whom, and why."""

    at: datetime
    asked_by: str
    decided_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A public key of this hub. ``purpose``: ``receipts`` or ``log``."""

    purpose: str
    jwk: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One envelope. ``whole``: nothing was left out; a recipient's case has its own deliveries only.

    ``leaves``: in the order of the log, what is not sealed yet last. ``checkpoints``: by size, the newest, the newest
    that a witness cosigned, and every one that a proof or a time stamp is about. ``cosignatures``: by size, the
    witness's verifier key and its line.
    """

    letter: Letter
    whole: bool
    parts: tuple[PartRecord, ...]
    pieces: list[Piece]
    recipients: list[RecipientRow]
    leaves: list[Leaf]
    proofs: dict[str, Proved]
    checkpoints: dict[int, CheckpointRecord]
    cosignatures: dict[int, list[tuple[str, str]]]
    stamps: list[Stamp]
    consistency: list[Consistency]
    keys: list[PublishedKey]
    purged: Purged | None
    names: dict[str, str] = field(default_factory=dict)


def collect(transaction: Transaction, envelope_id: str, reader: Reader) -> Case | None:
    """The case of an envelope; None when there is none or the reader may not see it."""
    head = journey.letter(transaction, envelope_id)
    sees = None if head is None else _sees(transaction, envelope_id, reader)
    if head is None or sees is None:
        return None
    recipients = [
        row for row in _recipients(transaction, envelope_id) if sees is _EVERYTHING or row.id in sees.deliveries
    ]
    leaves = _leaves(transaction, envelope_id, sees, taken=reader.sees_all)
    proofs = _proofs(transaction, [one.id for one in leaves])
    leaves.sort(key=lambda leaf: (leaf.id not in proofs, proofs[leaf.id].number if leaf.id in proofs else 0, leaf.at))
    stamps = list(_stamps(transaction, sorted(one.number for one in proofs.values())))
    used = [one.checkpoint for one in proofs.values()] + [one.checkpoint for one in stamps]
    checkpoints = {one.size: one for one in (*used, *_newest(transaction))}
    return Case(
        letter=head,
        whole=sees is _EVERYTHING,
        parts=envelopes.parts_of(transaction, envelope_id),
        pieces=evidence.of_envelope(transaction, envelope_id),
        recipients=recipients,
        leaves=leaves,
        proofs=proofs,
        checkpoints=checkpoints,
        cosignatures=_cosignatures(transaction, sorted(checkpoints)),
        stamps=stamps,
        consistency=_consistency(transaction, sorted(checkpoints)),
        keys=[PublishedKey(*row) for row in transaction.execute(select(hub_key.c.purpose, hub_key.c.jwk))],
        purged=_purged(transaction, envelope_id),
        names=journey.agency_names(transaction, {row.code for row in recipients} | {head.sender_code}),
    )


@dataclass(frozen=True, slots=True)
class _Sees:
    deliveries: frozenset[str] = frozenset()


_EVERYTHING = _Sees()


def _sees(transaction: Transaction, envelope_id: str, reader: Reader) -> _Sees | None:
    """The sender and an auditor see everything, a recipient its own deliveries; others see nothing."""
    if reader.sees_all:
        return _EVERYTHING
    if reader.system_id is not None:
        sent, received = envelope.c.sender_system_id == reader.system_id, delivery.c.system_id == reader.system_id
    else:
        sent, received = envelope.c.sender_code == reader.agency, delivery.c.recipient_code == reader.agency
    if transaction.execute(select(envelope.c.id).where(envelope.c.id == envelope_id, sent)).first() is not None:
        return _EVERYTHING
    mine = select(delivery.c.id).where(delivery.c.envelope_id == envelope_id, received, TO_RECIPIENT)
    found = frozenset(transaction.execute(mine).scalars())
    return _Sees(found) if found else None


def _recipients(transaction: Transaction, envelope_id: str) -> Iterator[RecipientRow]:
    after: str | None = ""
    while after is not None:
        page, after = journey.recipients(transaction, envelope_id, after=after)
        yield from page


def _leaves(transaction: Transaction, envelope_id: str, sees: _Sees, *, taken: bool) -> list[Leaf]:
    """``taken``: with the entries of evidence that was handed out before, which are nobody's business but auditors'."""
    entries = select(audit_entry).where(audit_entry.c.envelope_id == envelope_id)
    if not taken:
        entries = entries.where(audit_entry.c.kind != TAKEN)
    found = [
        Leaf(row["id"], row["at"], row["kind"], row["delivery_id"], entry_leaf(dict(row)))
        for row in transaction.execute(entries.order_by(audit_entry.c.seq)).mappings()
        if sees is _EVERYTHING or not row["delivery_id"] or row["delivery_id"] in sees.deliveries
    ]
    receipts = select(receipt).where(receipt.c.envelope_id == envelope_id, _for(sees)).order_by(receipt.c.seq)
    for row in transaction.execute(receipts).mappings():
        octets = receipt_leaf(dict(row))
        about = row["delivery_id"] or ""
        found.append(Leaf(row["id"], row["at"], row["event"], about, octets, row["jws"], row["recipient_code"]))
    return found


def _for(sees: _Sees) -> ColumnElement[bool]:
    acknowledged = receipt.c.kind == "acknowledgement"
    if sees is _EVERYTHING:
        return or_(acknowledged, receipt.c.kind != "acknowledgement")
    return or_(acknowledged, receipt.c.delivery_id.in_(sorted(sees.deliveries)))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _proofs(transaction: Transaction, identifiers: list[str]) -> dict[str, Proved]:
    found: dict[str, Proved] = {}
    for some in _chunks(identifiers):
        found |= transparency.proofs(transaction, some)
    return found


def _newest(transaction: Transaction) -> Iterator[CheckpointRecord]:
    newest = transparency.newest(transaction)
    if newest is not None:
        yield newest
    sizes = select(log_cosignature.c.size).order_by(log_cosignature.c.size.desc()).limit(1)
    cosigned = transaction.execute(sizes).scalar_one_or_none()
    if cosigned is not None and (record := transparency.covering(transaction, cosigned - 1)) is not None:
        yield record


def _stamps(transaction: Transaction, numbers: Sequence[int]) -> Iterator[Stamp]:
    """For each leaf the oldest stamped checkpoint that covers it, and before the first the newest that does not."""
    if not numbers:
        return
    column = log_timestamp.c
    before = select(column.size).where(column.size <= numbers[0]).order_by(column.size.desc()).limit(1)
    size = transaction.execute(before).scalar_one_or_none()
    if size is not None:
        yield from _stamps_of(transaction, size)
    reached = 0
    for number in numbers:
        if number < reached:
            continue
        after = select(column.size).where(column.size > number).order_by(column.size).limit(1)
        size = transaction.execute(after).scalar_one_or_none()
        if size is None:
            return
        reached = size
        yield from _stamps_of(transaction, size)


def _stamps_of(transaction: Transaction, size: int) -> Iterator[Stamp]:
    checkpoint = transparency.covering(transaction, size - 1)
    column = log_timestamp.c
    rows = select(column.authority, column.token, column.stamped_at).where(column.size == size)
    for row in transaction.execute(rows.order_by(column.authority)):
        if checkpoint is not None:
            yield Stamp(checkpoint, *row)


def _cosignatures(transaction: Transaction, sizes: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    column = log_cosignature.c
    for some in _chunks(sizes):
        rows = select(column.size, column.witness, column.line).where(column.size.in_(list(some)))
        for size, witness, line in transaction.execute(rows.order_by(column.size, column.witness)):
            found.setdefault(size, []).append((witness, line))
    return found


def _consistency(transaction: Transaction, sizes: Sequence[int]) -> list[Consistency]:
    """Each of these trees begins with the one before it."""
    found = []
    for old, size in itertools.pairwise(sizes):
        tree = transparency.Tree(transaction, size)
        found.append(Consistency(old, size, tuple(merkle.consistency_proof(old, size, tree))))
    return found


def _purged(transaction: Transaction, envelope_id: str) -> Purged | None:
    """From ``going_at`` on the octets are nobody's any more, though their files go a moment later."""
    went = func.coalesce(purge_item.c.purged_at, purge_item.c.going_at, type_=Instant())
    found = (
        select(went, purge.c.asked_by, purge.c.decided_by, purge.c.reason)
        .join(purge, purge.c.id == purge_item.c.purge_id)
        .where(purge_item.c.envelope_id == envelope_id, purge_item.c.going_at.is_not(None))
        .limit(1)
    )
    row = transaction.execute(found).one_or_none()
    return None if row is None else Purged(*row)

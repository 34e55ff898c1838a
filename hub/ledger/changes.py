"""Recalls, updates and replacements: the document they are about with all its versions, and what was asked of whom.

A version is an envelope of the same sender under the same document id, or an update that goes back to one of those; a
recall is none. Changes of one document wait for each other: each takes its lock before it looks at deliveries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from hub import clock
from hub.ledger.delivery_tables import change
from hub.ledger.engine import Ledger, Transaction
from hub.ledger.tables import delivery, envelope, receipt

RECALL, UPDATE = 1, 2
# what an office reports when it acts on a document: accepted, assigned, in process, finished (edXML 1.4)
ACTED = ("03", "04", "05", "06")
# the kinds that ask for the document back; 15 and 16 answer these and an update alike
TAKING_BACK = ("recall", "remove", "replace")


class Version(NamedTuple):
    """An envelope that carried the document, or a later state of it."""

    id: str
    document_id: str
    received_at: datetime


def versions(
    transaction: Transaction, sender: str, document_ids: Sequence[str], *, lock: bool = False
) -> list[Version]:
    """Every version of these documents, oldest first; ``lock`` keeps other changes of them waiting until the end."""
    under_its_name = and_(
        envelope.c.sender_code == sender,
        envelope.c.document_id.in_(list(document_ids)),
        envelope.c.business_type != RECALL,
    )
    if lock:
        _one_at_a_time(transaction, sender, document_ids)
    found: dict[str, Version] = {}
    wanted: ColumnElement[bool] = under_its_name
    while True:
        rows = transaction.execute(select(envelope.c.id, envelope.c.document_id, envelope.c.received_at).where(wanted))
        new = [Version(*row) for row in rows if row.id not in found]
        if not new:
            return sorted(found.values(), key=lambda one: (one.received_at, one.id))
        found.update((one.id, one) for one in new)
        wanted = and_(
            envelope.c.previous_id.in_([one.id for one in new]),
            envelope.c.business_type == UPDATE,
            envelope.c.sender_code == sender,
        )


def _one_at_a_time(transaction: Transaction, sender: str, document_ids: Sequence[str]) -> None:
    """Wait for other changes of these documents, until the end of the transaction; SQLite has one writer anyway.

    Not by locking envelopes: whoever may lock rows on PostgreSQL may change them.
    """
    if transaction.dialect.name == "postgresql":
        for document_id in sorted(set(document_ids)):
            key = hashlib.sha256(f"{sender}\0{document_id}".encode()).digest()[:8]
            transaction.execute(select(func.pg_advisory_xact_lock(int.from_bytes(key, "big", signed=True))))


def receivers(transaction: Transaction, sender: str, document_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Of these documents those that the sender sent, each with the codes of all who were to receive a version of it."""
    found: dict[str, frozenset[str]] = {}
    for document_id in dict.fromkeys(document_ids):
        if known := versions(transaction, sender, [document_id]):
            rows = transaction.execute(
                select(delivery.c.recipient_code)
                .where(delivery.c.envelope_id.in_([one.id for one in known]))
                .distinct()
            )
            found[document_id] = frozenset(rows.scalars())
    return found


class LedgerSent:
    """``hub.validation.examination.Sent`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def receivers(self, sender: str, document_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        return await self._ledger.read(receivers, sender, document_ids)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A delivery of an earlier version, locked. ``superseded``: a replay took its place."""

    id: str
    envelope_id: str
    system_id: str
    recipient_code: str
    state: str
    attempts: int
    status_code: str | None
    superseded: bool
    document_id: str
    sender_code: str
    sender_system_id: str
    sha256: str

    @property
    def taken(self) -> bool:
        """The recipient's system holds it, or may hold it."""
        return self.state in ("leased", "settled")

    @property
    def untaken(self) -> bool:
        return self.state in ("pending", "published", "ready")

    @property
    def shown(self) -> bool:
        """It was handed out at least once, whatever came of that."""
        return self.attempts > 0 or self.taken or self.state == "refused"


def earlier(transaction: Transaction, condition: ColumnElement[bool]) -> list[Earlier]:
    """Deliveries that meet the condition, locked in the order of their ids (``of_versions``, ``of_deliveries``).

    A lease passes over what is locked here; one that came first is waited for, and then seen.
    """
    rows = transaction.execute(
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            delivery.c.system_id,
            delivery.c.recipient_code,
            delivery.c.state,
            delivery.c.attempts,
            delivery.c.status_code,
            delivery.c.superseded_by.is_not(None).label("superseded"),
            envelope.c.document_id,
            envelope.c.sender_code,
            envelope.c.sender_system_id,
            envelope.c.sha256,
        )
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(condition)
        .order_by(delivery.c.id)
        .with_for_update(of=delivery)
    )
    return [Earlier(**row._mapping) for row in rows]


def of_versions(envelope_ids: Iterable[str], codes: Iterable[str]) -> ColumnElement[bool]:
    return and_(delivery.c.envelope_id.in_(list(envelope_ids)), delivery.c.recipient_code.in_(list(codes)))


def of_deliveries(delivery_ids: Iterable[str]) -> ColumnElement[bool]:
    return delivery.c.id.in_(list(delivery_ids))


def acted(transaction: Transaction, delivery_ids: Collection[str]) -> set[str]:
    """Those of the deliveries whose office has reported that it accepted, assigned, processes or finished."""
    if not delivery_ids:
        return set()
    rows = transaction.execute(
        select(receipt.c.delivery_id)
        .where(receipt.c.delivery_id.in_(list(delivery_ids)), receipt.c.kind == "status", receipt.c.code.in_(ACTED))
        .distinct()
    )
    return {one for one in rows.scalars() if one is not None}


@dataclass(frozen=True, slots=True)
class NewChange:
    """What is asked of one delivery, or was done to it; a row of the table ``change``."""

    kind: str
    delivery_id: str
    request_envelope_id: str | None
    request_receipt_id: str | None
    asked_at: datetime
    reason: str
    state_then: str
    status_then: str | None
    acted_before: bool
    outcome: str


def add(transaction: Transaction, rows: Sequence[NewChange]) -> None:
    if rows:
        names = NewChange.__slots__
        transaction.execute(
            insert(change), [{"id": clock.new_id(), **{name: getattr(one, name) for name in names}} for one in rows]
        )


def show(transaction: Transaction, delivery_ids: Sequence[str], code: str, description: str, at: datetime) -> None:
    """Show a question (13) or its answer (15, 16) whatever stood there: it is the last word about the document."""
    if delivery_ids:
        transaction.execute(
            update(delivery)
            .where(delivery.c.id.in_(list(delivery_ids)))
            .values(status_code=code, status_description=description, status_at=at)
        )


class Question(NamedTuple):
    """A change as its answer finds it."""

    id: str
    kind: str
    delivery_id: str
    request_envelope_id: str | None
    asked_at: datetime
    reason: str
    outcome: str


_QUESTION = tuple(change.c[name] for name in Question._fields)


def questions_of(transaction: Transaction, delivery_ids: Collection[str]) -> list[Question]:
    """All that was asked of these deliveries, oldest first."""
    if not delivery_ids:
        return []
    statement = select(*_QUESTION).where(change.c.delivery_id.in_(list(delivery_ids)))
    return [Question(*row) for row in transaction.execute(statement.order_by(change.c.asked_at, change.c.id))]


def asked_of(transaction: Transaction, envelope_id: str, recipient: str) -> list[Question]:
    """What a recall, update or replacement asked of one recipient."""
    statement = (
        select(*_QUESTION)
        .join(delivery, delivery.c.id == change.c.delivery_id)
        .where(change.c.request_envelope_id == envelope_id, delivery.c.recipient_code == recipient)
        .order_by(change.c.id)
    )
    return [Question(*row) for row in transaction.execute(statement)]


def close(transaction: Transaction, change_ids: Sequence[str], outcome: str, at: datetime) -> list[str]:
    """Give open questions their answer; returns those that it closed: each is answered once."""
    if not change_ids:
        return []
    closed = transaction.execute(
        update(change)
        .where(change.c.id.in_(list(change_ids)), change.c.outcome == "asked")
        .values(outcome=outcome, answered_at=at)
        .returning(change.c.id)
    )
    return list(closed.scalars())


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What was asked of one delivery and what came of it, as people and systems read it."""

    kind: str
    asked_at: datetime
    reason: str
    state_then: str
    status_then: str | None
    acted_before: bool
    outcome: str
    answered_at: datetime | None
    request_envelope_id: str | None
    request_receipt_id: str | None
    delivery_id: str
    envelope_id: str
    recipient_code: str


def of_envelope(
    transaction: Transaction, envelope_id: str, codes: Collection[str] | None = None
) -> Mapping[str, list[ChangeRow]]:
    """By recipient, oldest first: what was asked about this envelope, and what this envelope asked about earlier ones.

    ``codes`` are the recipients wanted; None: all.
    """
    names = ChangeRow.__slots__
    columns: list[Any] = [
        delivery.c[name] if name in ("envelope_id", "recipient_code") else change.c[name] for name in names
    ]
    statement = (
        select(*columns)
        .join(delivery, delivery.c.id == change.c.delivery_id)
        .where(or_(delivery.c.envelope_id == envelope_id, change.c.request_envelope_id == envelope_id))
        .order_by(change.c.asked_at, change.c.id)
    )
    if codes is not None:
        statement = statement.where(delivery.c.recipient_code.in_(list(codes)))
    found: dict[str, list[ChangeRow]] = {}
    for row in transaction.execute(statement):
        found.setdefault(row.recipient_code, []).append(ChangeRow(*row))
    return found

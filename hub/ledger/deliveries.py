"""Deliveries: taking over from the broker, leasing, closing. Every move is one conditional statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, null, select, update
from sqlalchemy.sql.dml import Update

from hub.audit import Entry, Event
from hub.envelope.lifecycle import before
from hub.ledger import exchange_log
from hub.ledger.engine import Transaction
from hub.ledger.tables import IN_TRANSIT, TAKEABLE, agency, delivery, envelope, outbox, system


def take_over(transaction: Transaction, delivery_ids: Sequence[str], at: datetime) -> list[str]:
    """Put deliveries into their systems' inboxes; those already beyond are left alone. Returns the moved ids."""
    rows = transaction.execute(
        update(delivery)
        .where(delivery.c.id.in_(list(delivery_ids)), delivery.c.state.in_(IN_TRANSIT))
        .values(state="ready", since=at, available_at=at)
        .returning(delivery.c.id, delivery.c.envelope_id, delivery.c.recipient_code, delivery.c.system_id)
    ).all()
    documents = _document_ids(transaction, {row.envelope_id for row in rows})
    exchange_log.append(
        transaction,
        [
            Entry(
                Event.DELIVERY_READY,
                at,
                actor="courier",
                agency_code=row.recipient_code,
                envelope_id=row.envelope_id,
                delivery_id=row.id,
                document_id=documents[row.envelope_id],
                detail={"recipient": row.recipient_code, "system": row.system_id},
            )
            for row in rows
        ],
    )
    return [row.id for row in rows]


def _document_ids(transaction: Transaction, envelope_ids: set[str]) -> dict[str, str]:
    if not envelope_ids:
        return {}
    rows = transaction.execute(select(envelope.c.id, envelope.c.document_id).where(envelope.c.id.in_(envelope_ids)))
    return {row.id: row.document_id for row in rows}


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery under a lease, with what its taker needs to know of the envelope."""

    id: str
    envelope_id: str
    recipient_code: str
    attempts: int
    lease_id: str
    lease_until: datetime
    sender_code: str
    sender_name: str
    document_id: str
    business_type: int
    number: str
    notation: str
    document_type: str
    subject: str
    priority: int
    due_on: date | None
    sha256: str
    size: int
    parts: int
    parts_size: int
    received_at: datetime


def lease(
    transaction: Transaction,
    system_id: str,
    lease_id: str,
    limit: int,
    at: datetime,
    until: datetime,
    *,
    by_courier: bool = False,
) -> list[Leased]:
    """Lease up to ``limit`` takeable deliveries of one system, most urgent first.

    ``by_courier``: for an attempt to hand over, which writes its own entry when its outcome is known.

    ``SKIP LOCKED`` on PostgreSQL, the single writer on SQLite: two clients never get the same delivery.
    """
    free = (
        select(delivery.c.id)
        .where(delivery.c.system_id == system_id, delivery.c.state.in_(TAKEABLE), delivery.c.available_at <= at)
        .order_by(delivery.c.priority.desc(), delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")  # a plain subquery might be run again by the planner and lock more than the limit
    )
    taken = transaction.execute(
        update(delivery)
        .where(delivery.c.id.in_(select(free.c.id)))
        .values(state="leased", since=at, lease_id=lease_id, available_at=until, attempts=delivery.c.attempts + 1)
        .returning(delivery.c.id, delivery.c.envelope_id, delivery.c.recipient_code, delivery.c.attempts)
    ).all()
    if not taken:
        return []
    letters = _letters(transaction, [row.envelope_id for row in taken])
    if not by_courier:
        _log_leases(transaction, taken, letters, system_id, lease_id, at)
    leases = [_leased(row, letters[row.envelope_id], lease_id, until) for row in taken]
    return sorted(leases, key=lambda one: (-one.priority, one.id))


def _log_leases(
    transaction: Transaction,
    taken: Sequence[Row[Any]],
    letters: Mapping[str, Row[Any]],
    system_id: str,
    lease_id: str,
    at: datetime,
) -> None:
    exchange_log.append(
        transaction,
        [
            Entry(
                Event.DELIVERY_LEASED,
                at,
                actor=system_id,
                agency_code=row.recipient_code,
                envelope_id=row.envelope_id,
                delivery_id=row.id,
                document_id=letters[row.envelope_id].document_id,
                detail={"recipient": row.recipient_code, "system": system_id, "lease": lease_id},
            )
            for row in taken
        ],
    )


def takeable(transaction: Transaction, system_ids: Sequence[str], at: datetime) -> set[str]:
    """Those of the systems for which something may be taken now."""
    found = (
        select(delivery.c.id)
        .where(delivery.c.system_id == system.c.id, delivery.c.state.in_(TAKEABLE), delivery.c.available_at <= at)
        .exists()
    )
    rows = transaction.execute(select(system.c.id).where(system.c.id.in_(list(system_ids)), found))
    return set(rows.scalars())


def _letters(transaction: Transaction, envelope_ids: list[str]) -> dict[str, Row[*tuple[Any, ...]]]:
    rows = transaction.execute(
        select(
            envelope.c.id,
            envelope.c.sender_code,
            agency.c.name.label("sender_name"),
            envelope.c.document_id,
            envelope.c.business_type,
            envelope.c.number,
            envelope.c.notation,
            envelope.c.document_type,
            envelope.c.subject,
            envelope.c.priority,
            envelope.c.due_on,
            envelope.c.sha256,
            envelope.c.size,
            envelope.c.parts,
            envelope.c.parts_size,
            envelope.c.received_at,
        )
        .join(agency, agency.c.code == envelope.c.sender_code)
        .where(envelope.c.id.in_(set(envelope_ids)))
    )
    return {row.id: row for row in rows}


def _leased(row: Row[*tuple[Any, ...]], letter: Row[Any], lease_id: str, until: datetime) -> Leased:
    fields = dict(letter._mapping)
    fields.pop("id")
    return Leased(
        id=row.id,
        envelope_id=row.envelope_id,
        recipient_code=row.recipient_code,
        attempts=row.attempts,
        lease_id=lease_id,
        lease_until=until,
        **fields,
    )


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as its lease's holder and the receipts need it."""

    id: str
    envelope_id: str
    system_id: str
    recipient_code: str
    state: str
    available_at: datetime | None
    lease_id: str | None
    reason: str
    document_id: str
    sender_code: str
    sender_system_id: str
    sha256: str


_RECORD = (
    delivery.c.id,
    delivery.c.envelope_id,
    delivery.c.system_id,
    delivery.c.recipient_code,
    delivery.c.state,
    delivery.c.available_at,
    delivery.c.lease_id,
    delivery.c.reason,
    envelope.c.document_id,
    envelope.c.sender_code,
    envelope.c.sender_system_id,
    envelope.c.sha256,
)


def find(transaction: Transaction, delivery_ids: Sequence[str], *, lock: bool = False) -> dict[str, DeliveryRecord]:
    """Deliveries by id; ``lock`` keeps other writers off them until the transaction ends."""
    statement = (
        select(*_RECORD)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(delivery.c.id.in_(list(delivery_ids)))
        .order_by(delivery.c.id)
    )
    if lock:
        statement = statement.with_for_update(of=delivery)
    return {row.id: DeliveryRecord(**row._mapping) for row in transaction.execute(statement)}


def close(transaction: Transaction, delivery_ids: Sequence[str], state: str, at: datetime) -> None:
    """Close leased deliveries as ``settled``; the caller holds their locks."""
    if delivery_ids:
        transaction.execute(_close(delivery_ids, state, at))


def refuse(transaction: Transaction, delivery_id: str, reason: str, at: datetime) -> None:
    """Close one leased delivery as refused for good."""
    transaction.execute(_close([delivery_id], "refused", at).values(reason=reason))


def end(transaction: Transaction, delivery_ids: Sequence[str], state: str, reason: str, at: datetime) -> list[str]:
    """Move deliveries to a final state wherever that is legal; returns those that moved. Also out of the outbox."""
    if not delivery_ids:
        return []
    moved = transaction.execute(_close(delivery_ids, state, at).values(reason=reason).returning(delivery.c.id))
    ended = list(moved.scalars())
    transaction.execute(delete(outbox).where(outbox.c.delivery_id.in_(ended)))
    return ended


def _close(delivery_ids: Sequence[str], state: str, at: datetime) -> Update:
    return (
        update(delivery)
        .where(delivery.c.id.in_(list(delivery_ids)), delivery.c.state.in_(before(state)))
        .values(state=state, since=at, closed_at=at, available_at=null())
    )


def give_back(transaction: Transaction, delivery_id: str, at: datetime) -> None:
    """End a lease: the delivery may be taken again at once."""
    transaction.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "leased")
        .values(state="ready", since=at, available_at=at, lease_id=null())
    )


def extend(transaction: Transaction, delivery_id: str, until: datetime) -> None:
    """Keep a lease until ``until``."""
    transaction.execute(
        update(delivery).where(delivery.c.id == delivery_id, delivery.c.state == "leased").values(available_at=until)
    )


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One recipient in an envelope's matrix."""

    code: str
    name: str
    delivery_id: str
    system_id: str
    state: str
    since: datetime
    attempts: int
    reason: str
    status_code: str | None
    status_description: str
    status_at: datetime | None


def matrix(transaction: Transaction, envelope_id: str) -> list[MatrixRow]:
    """Every recipient of an envelope with where it stands."""
    rows = transaction.execute(
        select(
            delivery.c.recipient_code,
            agency.c.name,
            delivery.c.id,
            delivery.c.system_id,
            delivery.c.state,
            delivery.c.since,
            delivery.c.attempts,
            delivery.c.reason,
            delivery.c.status_code,
            delivery.c.status_description,
            delivery.c.status_at,
        )
        .join(agency, agency.c.code == delivery.c.recipient_code)
        .where(delivery.c.envelope_id == envelope_id, delivery.c.superseded_by.is_(None))
        .order_by(delivery.c.id)
    )
    return [MatrixRow(*row) for row in rows]


def log(
    transaction: Transaction,
    kind: Event,
    record: DeliveryRecord,
    at: datetime,
    *,
    actor: str = "",
    code: str = "",
    **detail: object,
) -> None:
    """An entry about one delivery, by its recipient's system unless ``actor`` is another."""
    entry = Entry(
        kind,
        at,
        actor=actor or record.system_id,
        code=code,
        agency_code=record.recipient_code,
        envelope_id=record.envelope_id,
        delivery_id=record.id,
        document_id=record.document_id,
        detail={"recipient": record.recipient_code, "system": record.system_id, **detail},
    )
    exchange_log.append(transaction, [entry])

"""Deliveries: taking over from the broker, closing. Every move is one conditional statement."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, Text, any_, bindparam, delete, func, literal, null, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.dml import Update

from hub.audit import Entry, Event
from hub.envelope.lifecycle import before
from hub.ledger import bulk, exchange_log
from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import AUDIT
from hub.ledger.replays import Replayed
from hub.ledger.tables import IN_TRANSIT, agency, delivery, envelope, outbox

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def take_over(transaction: Transaction, delivery_ids: Sequence[str], at: datetime) -> list[str]:
    """Put deliveries into their systems' inboxes; those already beyond are left alone. Returns the moved ids.

    A scheduled one waits there for its hour. The others may be taken at once, also by a role whose clock is behind.
    """
    work = _take_over_at_once if transaction.dialect.name == "postgresql" else _take_over_by_steps
    return work(transaction, delivery_ids, at)


# literal, so that a prepared statement can use the index of what is in transit
_TAKING_OVER = text(
    f"""
    WITH moved AS (
        UPDATE delivery d SET state = 'ready', since = :at, available_at = coalesce(d.not_before, :long_ago)
        FROM envelope e
        WHERE d.id = ANY(CAST(:ids AS text[])) AND d.state IN ('pending', 'published') AND e.id = d.envelope_id
        RETURNING d.id, d.envelope_id, d.recipient_code, d.system_id, e.document_id
    ), logged AS (
        INSERT INTO audit_entry ({", ".join(AUDIT)}, tx)
        SELECT {bulk.NEW_ID}, :at, '{Event.DELIVERY_READY}', 'courier', m.recipient_code, m.envelope_id, m.id,
               m.document_id, '', jsonb_build_object('recipient', m.recipient_code, 'system', m.system_id),
               {bulk.TX["postgresql"]}
        FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM moved) m
    )
    SELECT id FROM moved
    """  # noqa: S608 - built from constants only
).bindparams(bindparam("at", type_=Instant()), bindparam("long_ago", LONG_AGO, type_=Instant()))


def _take_over_at_once(transaction: Transaction, delivery_ids: Sequence[str], at: datetime) -> list[str]:
    given = {"ids": list(delivery_ids), "at": at, **bulk.new_ids(len(delivery_ids))}
    return list(transaction.execute(_TAKING_OVER, given).scalars())


def _take_over_by_steps(transaction: Transaction, delivery_ids: Sequence[str], at: datetime) -> list[str]:
    rows = transaction.execute(
        update(delivery)
        .where(delivery.c.id.in_(list(delivery_ids)), delivery.c.state.in_(IN_TRANSIT))
        .values(
            state="ready", since=at, available_at=func.coalesce(delivery.c.not_before, literal(LONG_AGO, Instant()))
        )
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
    arrival: int  # the recipient's own count of what it was shown, without gaps
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
    round: int = 1  # above 1 for what was sent again; ``replay`` says why
    replay: Replayed | None = None
    paper: int | None = None  # 1: a paper copy follows; None: the sender says nothing
    previous_id: str | None = None  # the version that this one changes
    response_for: Sequence[Mapping[str, Any]] | None = None  # what it answers


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


@functools.cache
def _finding(dialect: str, lock: bool) -> Select[Any]:
    """On PostgreSQL one text for any number of deliveries, so that it is prepared once."""
    if dialect == "postgresql":
        wanted = delivery.c.id == any_(bindparam("ids", type_=ARRAY(Text())))
    else:
        wanted = delivery.c.id.in_(bindparam("ids", expanding=True))
    found = select(*_RECORD).join(envelope, envelope.c.id == delivery.c.envelope_id).where(wanted)
    found = found.order_by(delivery.c.id)
    return found.with_for_update(of=delivery) if lock else found


def find(transaction: Transaction, delivery_ids: Sequence[str], *, lock: bool = False) -> dict[str, DeliveryRecord]:
    """Deliveries by id; ``lock`` keeps other writers off them until the transaction ends."""
    rows = transaction.execute(_finding(transaction.dialect.name, lock), {"ids": list(delivery_ids)})
    return {row.id: DeliveryRecord(*row) for row in rows}


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
    confirm_by: datetime | None
    process_by: datetime | None
    expires_at: datetime | None
    round: int
    available_at: datetime | None


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
            delivery.c.confirm_by,
            delivery.c.process_by,
            delivery.c.expires_at,
            delivery.c.round,
            delivery.c.available_at,
        )
        .join(agency, agency.c.code == delivery.c.recipient_code)
        .where(delivery.c.envelope_id == envelope_id, delivery.c.superseded_by.is_(None))
        .order_by(delivery.c.id)
    )
    return [MatrixRow(*tuple(row)) for row in rows]


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

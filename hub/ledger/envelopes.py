"""Envelopes: accepting a batch in one statement, finding one."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, select, text, tuple_

from hub.ledger import bulk
from hub.ledger.engine import Transaction
from hub.ledger.purged import IS_GONE
from hub.ledger.revocation_tables import revocation_pending
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import agency, audit_entry, delivery, envelope, envelope_part, outbox, receipt

ENVELOPE = [
    "id", "sender_code", "sender_system_id", "document_id", "business_type", "profile", "number", "notation",
    "promulgated_on", "document_type", "subject", "priority", "due_on", "sha256", "size", "received_at", "details",
    "traceparent", "search", "parts", "parts_size", "edition", "previous_id", "paper",
]  # fmt: skip
DELIVERY = [
    "id", "envelope_id", "recipient_code", "system_id", "state", "priority", "since", "not_before", "expires_at",
    "confirm_by", "process_by", "chase_at",
]  # fmt: skip
# sender's code, document id, business type, edition
Key = tuple[str, str, int, str]
OUTBOX = ["delivery_id", "envelope_id", "system_id", "recipient_code", "document_id", "priority", "traceparent"]
RECEIPT = [
    "id", "kind", "event", "audience_system_id", "audience_code", "envelope_id", "delivery_id", "document_id",
    "sender_code", "recipient_code", "code", "description", "at", "repeat_key", "payload_sha256", "jws",
]  # fmt: skip
AUDIT = [
    "id", "at", "kind", "actor", "agency_code", "envelope_id", "delivery_id", "document_id", "code", "detail",
]  # fmt: skip
PART = ["envelope_id", "number", "content_id", "name", "content_type", "sha256", "size"]
PENDING = ["envelope_id", "certificate_sha256", "issuer_sha256", "since"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything one accepted envelope commits. Rows are JSON-ready: times are RFC 3339 text.

    ``pending``: certificates of which it is not known yet whether they were revoked. ``parts``: attachments beside the
    document.
    """

    envelope: dict[str, Any]
    deliveries: list[dict[str, Any]]
    outbox: list[dict[str, Any]]
    receipt: dict[str, Any]
    entries: list[dict[str, Any]]
    pending: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> Key:
        row = self.envelope
        return row["sender_code"], row["document_id"], row["business_type"], row["edition"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What stands in the ledger under an acceptance's duplicate key. ``new`` when this call put it there."""

    new: bool
    envelope_id: str
    sha256: str
    size: int
    received_at: datetime
    acknowledgement: str
    deliveries: tuple[tuple[str, str], ...]  # recipient code, delivery id


# parts that few envelopes have: the statement mentions them only for a batch that does
_SELDOM = {"revocation_pending": (revocation_pending, PENDING), "envelope_part": (envelope_part, PART)}


@functools.cache
def _accepting(dialect: str, seldom: tuple[str, ...]) -> list[TextClause]:
    """The statements of one acceptance, made once. On PostgreSQL they are one, on SQLite they share one transaction."""
    conflict = "(sender_code, document_id, business_type, edition)"
    known = "SELECT id FROM accepted"
    parts = {
        "accepted": bulk.insert(envelope, dialect, ENVELOPE, conflict=conflict, returning="id"),
        "d": bulk.insert(delivery, dialect, DELIVERY, where=f"r.envelope_id IN ({known})"),
        "o": bulk.insert(outbox, dialect, OUTBOX, where=f"r.envelope_id IN ({known})"),
        "c": bulk.insert(receipt, dialect, RECEIPT, where=f"r.envelope_id IN ({known})"),
        "a": bulk.insert(audit_entry, dialect, AUDIT, where=f"r.envelope_id IN ({known})"),
    }
    for name in seldom:
        table, columns = _SELDOM[name]
        parts[f"s_{name}"] = bulk.insert(table, dialect, columns, where=f"r.envelope_id IN ({known})")
    if dialect == "postgresql":
        # deliveries must stand before outbox and receipts refer to them; within one statement the references are
        # checked at its end
        body = ", ".join(f"{name} AS ({statement})" for name, statement in parts.items())
        return [text(f"WITH {body} SELECT id FROM accepted")]  # noqa: S608 - built from constants only
    return [
        text(parts["accepted"]),
        *(
            text(bulk.insert(table, dialect, columns))
            for table, columns in (
                (delivery, DELIVERY),
                (outbox, OUTBOX),
                (receipt, RECEIPT),
                (audit_entry, AUDIT),
                *(_SELDOM[name] for name in seldom),
            )
        ),
    ]


def accept(transaction: Transaction, batch: Sequence[Acceptance]) -> list[Stored]:
    """Commit a batch; one answer each. An item whose key is taken (also within the batch) commits nothing."""
    rows: dict[str, list[dict[str, Any]]] = {
        # in the order of their keys: two gateways that insert the same documents can wait, but never for each other
        "envelope": [item.envelope for item in sorted(batch, key=lambda item: item.key)],
        "delivery": [row for item in batch for row in item.deliveries],
        "outbox": [row for item in batch for row in item.outbox],
        "receipt": [item.receipt for item in batch],
        "audit_entry": [row for item in batch for row in item.entries],
        "revocation_pending": [row for item in batch for row in item.pending],
        "envelope_part": [row for item in batch for row in item.parts],
    }
    seldom = tuple(name for name in _SELDOM if rows[name])
    rows = {name: made for name, made in rows.items() if name in seldom or name not in _SELDOM}
    statements = _accepting(transaction.dialect.name, seldom)
    if transaction.dialect.name == "postgresql":
        parameters = {name: bulk.dumps(values) for name, values in rows.items()}
        new = set(transaction.execute(statements[0], parameters).scalars())
    else:
        new = _accept_sqlite(transaction, statements, rows)
    taken = _stored(transaction, [item.key for item in batch if item.envelope["id"] not in new])
    return [_outcome(item, taken) if item.envelope["id"] not in new else _fresh(item) for item in batch]


def _accept_sqlite(transaction: Transaction, statements: list[TextClause], rows: Mapping[str, list[Any]]) -> set[str]:
    new = set(transaction.execute(statements[0], {"envelope": bulk.dumps(rows["envelope"])}).scalars())
    for statement, name in zip(statements[1:], list(rows)[1:], strict=True):
        kept = [row for row in rows[name] if row["envelope_id"] in new]
        transaction.execute(statement, {name: bulk.dumps(kept)})
    return new


def _fresh(item: Acceptance) -> Stored:
    row = item.envelope
    return Stored(
        new=True,
        envelope_id=row["id"],
        sha256=row["sha256"],
        size=row["size"],
        received_at=datetime.fromisoformat(row["received_at"]),
        acknowledgement=item.receipt["jws"],
        deliveries=tuple((one["recipient_code"], one["id"]) for one in item.deliveries),
    )


def _outcome(item: Acceptance, taken: Mapping[Key, Stored]) -> Stored:
    return taken[item.key]


_KEY = tuple(envelope.c[name] for name in ("sender_code", "document_id", "business_type", "edition"))


def _stored(transaction: Transaction, keys: list[Key]) -> dict[Key, Stored]:
    if not keys:
        return {}
    found = transaction.execute(
        select(
            envelope.c.sender_code,
            envelope.c.document_id,
            envelope.c.business_type,
            envelope.c.edition,
            envelope.c.id,
            envelope.c.sha256,
            envelope.c.size,
            envelope.c.received_at,
            receipt.c.jws,
        )
        .join(receipt, (receipt.c.envelope_id == envelope.c.id) & (receipt.c.kind == "acknowledgement"))
        .where(
            tuple_(*(envelope.c[name] for name in ("sender_code", "document_id", "business_type", "edition"))).in_(keys)
        )
    ).all()
    return {
        (row.sender_code, row.document_id, row.business_type, row.edition): Stored(
            False, row.id, row.sha256, row.size, row.received_at, row.jws, deliveries_of(transaction, row.id)
        )
        for row in found
    }


def stored(transaction: Transaction, key: Key) -> Stored | None:
    """What was accepted under a duplicate key."""
    return _stored(transaction, [key]).get(key)


def repeated(transaction: Transaction, key: Key, sha256: str, system_id: str, parts: Sequence[str]) -> Stored | None:
    """What was accepted from this system under the key, if it is these octets and these parts (SHA-256, in order)."""
    first = stored(transaction, key)
    if first is None or first.sha256 != sha256:
        return None
    record = find(transaction, first.envelope_id)
    if record is None or record.sender_system_id != system_id:
        return None
    kept = sorted(part.sha256 for part in parts_of(transaction, first.envelope_id))
    return first if kept == sorted(parts) else None


def deliveries_of(transaction: Transaction, envelope_id: str) -> tuple[tuple[str, str], ...]:
    rows = transaction.execute(
        select(delivery.c.recipient_code, delivery.c.id)
        .where(delivery.c.envelope_id == envelope_id)
        .order_by(delivery.c.id)
    )
    return tuple((row.recipient_code, row.id) for row in rows)


@dataclass(frozen=True, slots=True)
class EnvelopeRecord:
    """An accepted envelope."""

    id: str
    sender_code: str
    sender_name: str
    sender_system_id: str
    document_id: str
    business_type: int
    number: str
    notation: str
    promulgated_on: date
    document_type: str
    subject: str
    priority: int
    due_on: date | None
    sha256: str
    size: int
    received_at: datetime
    parts: int
    parts_size: int
    previous_id: str | None
    paper: int | None
    details: dict[str, Any]


_COLUMNS = [
    envelope.c[name]
    for name in (
        "id", "sender_code", "sender_system_id", "document_id", "business_type", "number", "notation",
        "promulgated_on", "document_type", "subject", "priority", "due_on", "sha256", "size", "received_at", "parts",
        "parts_size", "previous_id", "paper", "details",
    )
]  # fmt: skip


def find(transaction: Transaction, envelope_id: str) -> EnvelopeRecord | None:
    """The envelope with this id, or None."""
    row = transaction.execute(
        select(*_COLUMNS, agency.c.name.label("sender_name"))
        .join(agency, agency.c.code == envelope.c.sender_code)
        .where(envelope.c.id == envelope_id)
    ).one_or_none()
    return None if row is None else EnvelopeRecord(**row._mapping)


class Payload(NamedTuple):
    """The document's octets, how many attachments lie beside it, and whether all that was purged."""

    sha256: str
    size: int
    document_id: str
    parts: int
    gone: bool


_VISIBLE = select(
    envelope.c.sha256, envelope.c.size, envelope.c.document_id, envelope.c.parts, IS_GONE.label("gone")
).where(envelope.c.id == bindparam("envelope_id"))


def visible_payload(transaction: Transaction, envelope_id: str, system_id: str | None) -> Payload | None:
    """Where the octets are, if the system sent the envelope or may see it as recipient; ``system_id`` None sees all."""
    statement = _VISIBLE
    if system_id is not None:
        recipient = (
            select(delivery.c.id)
            .where(
                delivery.c.envelope_id == envelope.c.id, delivery.c.system_id == bindparam("system_id"), TO_RECIPIENT
            )
            .exists()
        )
        statement = statement.where((envelope.c.sender_system_id == bindparam("system_id")) | recipient)
    row = transaction.execute(statement, {"envelope_id": envelope_id, "system_id": system_id}).one_or_none()
    return None if row is None else Payload(*row)


class PartRecord(NamedTuple):
    """An attachment beside the document, under the name and type that the signed manifest gives it."""

    content_id: str
    name: str
    content_type: str
    sha256: str
    size: int


def parts_of(transaction: Transaction, envelope_id: str) -> tuple[PartRecord, ...]:
    """The attachments beside a document, in the manifest's order."""
    rows = transaction.execute(
        select(*(envelope_part.c[name] for name in PartRecord._fields))
        .where(envelope_part.c.envelope_id == envelope_id)
        .order_by(envelope_part.c.number)
    )
    return tuple(PartRecord(*row) for row in rows)

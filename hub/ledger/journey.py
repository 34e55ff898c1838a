"""One envelope as people see it: the letter's head, how it stands with every recipient, and what happened when.

``own_agency`` is whose letters the reader may see; None means everyone's. A recipient's clerk sees the letter and the
own delivery; what other recipients did is between them and the sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from hub.ledger.engine import Transaction
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import agency, audit_entry, delivery, envelope, system

RECIPIENTS_PER_PAGE = 200
ENTRIES_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """The envelope's head. ``details`` is JSON: signer, attachments, warnings, head, response_for."""

    id: str
    sender_code: str
    sender_name: str
    sender_system: str
    document_id: str
    business_type: int
    profile: str
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
    details: dict[str, Any]

    @property
    def is_trial(self) -> bool:
        """A test document, which the hub made and signed itself (``hub.delivery.trials``)."""
        return not self.sender_system


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """One delivery: ``state`` is the hub's, ``status_code`` what the recipient's office reported."""

    id: str
    code: str
    name: str
    system_name: str
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
    chase_step: str
    round: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the exchange log."""

    seq: int
    id: str
    at: datetime
    kind: str
    actor: str
    agency_code: str
    envelope_id: str
    delivery_id: str
    document_id: str
    code: str
    detail: dict[str, Any]


ENTRY_COLUMNS = tuple(audit_entry.c[name] for name in Entry.__slots__)


def entry_of(row: Any) -> Entry:
    """An ``Entry`` from a row of ``ENTRY_COLUMNS``."""
    return Entry(*tuple(row))


def letter(transaction: Transaction, envelope_id: str, own_agency: str | None = None) -> Letter | None:
    """The head of an envelope; None when there is none or the reader may not see it."""
    statement = (
        select(
            envelope.c.id,
            envelope.c.sender_code,
            agency.c.name,
            func.coalesce(system.c.name, ""),
            *(envelope.c[name] for name in Letter.__slots__[4:]),
        )
        .join(agency, agency.c.code == envelope.c.sender_code)
        # a test document of the hub was sent by no system
        .outerjoin(system, system.c.id == envelope.c.sender_system_id)
        .where(envelope.c.id == envelope_id)
    )
    if own_agency is not None:
        received = select(delivery.c.id).where(
            delivery.c.envelope_id == envelope.c.id, delivery.c.recipient_code == own_agency, TO_RECIPIENT
        )
        statement = statement.where(or_(envelope.c.sender_code == own_agency, received.exists()))
    row = transaction.execute(statement).one_or_none()
    return None if row is None else Letter(*tuple(row))


def recipients(
    transaction: Transaction, envelope_id: str, *, only: str | None = None, after: str = ""
) -> tuple[list[RecipientRow], str | None]:
    """Up to ``RECIPIENTS_PER_PAGE`` deliveries by recipient code, and the cursor to the next ones."""
    conditions: list[ColumnElement[bool]] = [
        delivery.c.envelope_id == envelope_id,
        delivery.c.recipient_code > after,
        delivery.c.superseded_by.is_(None),
    ]
    if only is not None:
        conditions.append(delivery.c.recipient_code == only)
    rows = transaction.execute(
        select(
            delivery.c.id,
            delivery.c.recipient_code,
            agency.c.name,
            system.c.name,
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
            delivery.c.chase_step,
            delivery.c.round,
        )
        .join(agency, agency.c.code == delivery.c.recipient_code)
        .join(system, system.c.id == delivery.c.system_id)
        .where(*conditions)
        .order_by(delivery.c.recipient_code)
        .limit(RECIPIENTS_PER_PAGE + 1)
    )
    found = [RecipientRow(*tuple(row)) for row in rows]
    more, found = len(found) > RECIPIENTS_PER_PAGE, found[:RECIPIENTS_PER_PAGE]
    return found, found[-1].code if more else None


def standing(transaction: Transaction, envelope_id: str, *, only: str | None = None) -> dict[str, int]:
    """How many deliveries there are by business status code, or by state where the office said nothing."""
    shown = func.coalesce(delivery.c.status_code, delivery.c.state)
    current = (delivery.c.envelope_id == envelope_id, delivery.c.superseded_by.is_(None))
    statement = select(shown, func.count()).where(*current).group_by(shown)
    if only is not None:
        statement = statement.where(delivery.c.recipient_code == only)
    return dict(transaction.execute(statement).all())


def timeline(
    transaction: Transaction, envelope_id: str, *, only: str | None = None, after: int = 0
) -> tuple[list[Entry], int | None]:
    """Up to ``ENTRIES_PER_PAGE`` entries of the log about this envelope, oldest first, and the cursor to later ones.

    ``only`` leaves out what concerns other recipients' deliveries.
    """
    statement = select(*ENTRY_COLUMNS).where(audit_entry.c.envelope_id == envelope_id, audit_entry.c.seq > after)
    if only is not None:
        mine = select(delivery.c.id).where(delivery.c.envelope_id == envelope_id, delivery.c.recipient_code == only)
        statement = statement.where(or_(audit_entry.c.delivery_id == "", audit_entry.c.delivery_id.in_(mine)))
    rows = transaction.execute(statement.order_by(audit_entry.c.seq).limit(ENTRIES_PER_PAGE + 1))
    found = [entry_of(row) for row in rows]
    more, found = len(found) > ENTRIES_PER_PAGE, found[:ENTRIES_PER_PAGE]
    return found, found[-1].seq if more else None


def with_recipients(entries: list[Entry], recipients: list[RecipientRow]) -> list[Entry]:
    """Entries whose detail does not name the recipient get it from their delivery."""
    code_of = {row.id: row.code for row in recipients}
    for entry in entries:
        if entry.delivery_id in code_of:
            entry.detail.setdefault("recipient", code_of[entry.delivery_id])
    return entries


def settlements(transaction: Transaction, envelope_id: str) -> list[Entry]:
    """What became known of the signer's certificates after the envelope was accepted, oldest first."""
    mine = (audit_entry.c.envelope_id == envelope_id) & (audit_entry.c.kind == "revocation.settled")
    return [
        entry_of(row) for row in transaction.execute(select(*ENTRY_COLUMNS).where(mine).order_by(audit_entry.c.seq))
    ]


def agency_names(transaction: Transaction, codes: set[str]) -> dict[str, str]:
    """Names of these agencies; unknown codes are left out."""
    if not codes:
        return {}
    return dict(transaction.execute(select(agency.c.code, agency.c.name).where(agency.c.code.in_(codes))).all())


def system_names(transaction: Transaction, identifiers: set[str]) -> dict[str, str]:
    """Names of these systems; unknown identifiers are left out."""
    if not identifiers:
        return {}
    return dict(transaction.execute(select(system.c.id, system.c.name).where(system.c.id.in_(identifiers))).all())


@dataclass(frozen=True, slots=True)
class Names:
    """Names for what entries mention by code or identifier."""

    agencies: dict[str, str]
    systems: dict[str, str]


def names_of(transaction: Transaction, entries: list[Entry]) -> Names:
    """The names of the agencies and systems in these entries."""
    codes = {entry.agency_code for entry in entries} | {recipient_of(entry) for entry in entries}
    actors = {entry.actor for entry in entries} | {str(entry.detail.get("system", "")) for entry in entries}
    return Names(agency_names(transaction, codes - {""}), system_names(transaction, actors - {""}))


def recipient_of(entry: Entry) -> str:
    """The recipient's code in an entry about a delivery; empty for others."""
    code = entry.detail.get("recipient")
    return code if isinstance(code, str) else ""

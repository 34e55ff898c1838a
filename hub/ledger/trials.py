"""Test documents as they are kept: ordinary deliveries of an envelope that no system sent.

Their sender's system is empty, so no feed of receipts is theirs; they have no deadlines, so nobody is chased; and they
stand in ``trial``, by which figures leave them out. They are not acknowledged: nobody submitted them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import exchange_log, tables
from hub.ledger.engine import Transaction
from hub.ledger.registry_tables import trial
from hub.ledger.tables import agency, delivery, envelope, outbox


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A test document that is to be delivered. ``sha256`` and ``size`` are those of the kept octets."""

    system_id: str
    agency_code: str
    profile: str
    document_id: str
    number: str
    notation: str
    promulgated_on: date
    document_type: str
    subject: str
    sha256: str
    size: int
    details: dict[str, Any]
    asked_by: str
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """A test document and how it stands."""

    envelope_id: str
    delivery_id: str
    agency_code: str
    agency_name: str
    document_id: str
    state: str
    since: datetime
    reason: str
    attempts: int
    asked_by: str
    asked_at: datetime

    @property
    def is_over(self) -> bool:
        return self.state in tables.FINAL


def add(transaction: Transaction, new: NewTrial) -> str:
    """Put a test document on its way; returns the envelope's identifier."""
    envelope_id, delivery_id = clock.new_id(), clock.new_id()
    transaction.execute(insert(envelope).values(_letter(new, envelope_id)))
    row = {
        "id": delivery_id,
        "envelope_id": envelope_id,
        "recipient_code": new.agency_code,
        "system_id": new.system_id,
        "state": "pending",
        "priority": 0,
        "since": new.at,
        "expires_at": new.expires_at,
    }
    transaction.execute(insert(delivery).values(row))
    published = {name: row[name] for name in ("envelope_id", "system_id", "recipient_code", "priority")}
    transaction.execute(insert(outbox).values(delivery_id=delivery_id, document_id=new.document_id, **published))
    kept = {"system_id": new.system_id, "agency_code": new.agency_code, "asked_by": new.asked_by, "asked_at": new.at}
    transaction.execute(insert(trial).values(envelope_id=envelope_id, delivery_id=delivery_id, **kept))
    entry = Entry(
        Event.TRIAL_SENT,
        new.at,
        actor=f"person:{new.asked_by}",
        agency_code=new.agency_code,
        envelope_id=envelope_id,
        document_id=new.document_id,
        detail={"system": new.system_id, "sha256": new.sha256, "size": new.size, "recipients": [new.agency_code]},
    )
    exchange_log.append(transaction, [entry])
    return envelope_id


def _letter(new: NewTrial, envelope_id: str) -> dict[str, Any]:
    told = ("document_id", "profile", "number", "notation", "promulgated_on", "document_type", "subject")
    return {
        **{name: getattr(new, name) for name in (*told, "sha256", "size", "details")},
        "id": envelope_id,
        "sender_code": new.agency_code,
        "sender_system_id": "",
        "business_type": 0,
        "priority": 0,
        "received_at": new.at,
    }


def latest(transaction: Transaction, system_id: str, limit: int = 3) -> list[Trial]:
    """The last test documents of a system, the newest first."""
    statement = (
        select(
            trial.c.envelope_id,
            trial.c.delivery_id,
            trial.c.agency_code,
            agency.c.name,
            envelope.c.document_id,
            delivery.c.state,
            delivery.c.since,
            delivery.c.reason,
            delivery.c.attempts,
            trial.c.asked_by,
            trial.c.asked_at,
        )
        .join(envelope, envelope.c.id == trial.c.envelope_id)
        .join(delivery, delivery.c.id == trial.c.delivery_id)
        .join(agency, agency.c.code == trial.c.agency_code)
        .where(trial.c.system_id == system_id)
        .order_by(trial.c.envelope_id.desc())
        .limit(limit)
    )
    return [Trial(*tuple(row)) for row in transaction.execute(statement)]

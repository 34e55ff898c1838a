"""Duty contacts: whom to write to at an agency when its office lets a document lie."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from hub.ledger.delivery_tables import duty_contact
from hub.ledger.engine import Transaction
from hub.ledger.tables import agency


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or a desk, by address of mail."""

    agency_code: str
    email: str
    name: str


_COLUMNS = (duty_contact.c.agency_code, duty_contact.c.email, duty_contact.c.name)


def add(transaction: Transaction, contact: Contact, at: datetime) -> bool:
    """Keep one; False when the agency has that address already: then its name is what was given last."""
    known = remove(transaction, contact.agency_code, contact.email)
    transaction.execute(
        insert(duty_contact).values(
            agency_code=contact.agency_code, email=contact.email, name=contact.name, added_at=at
        )
    )
    return not known


def remove(transaction: Transaction, agency_code: str, email: str) -> bool:
    """Forget one; False when there was none."""
    gone = transaction.execute(
        delete(duty_contact).where(duty_contact.c.agency_code == agency_code, duty_contact.c.email == email)
    )
    return bool(gone.rowcount)


def of(transaction: Transaction, codes: Collection[str]) -> dict[str, list[Contact]]:
    """The contacts of these agencies, in the order in which they were added."""
    rows = transaction.execute(
        select(*_COLUMNS).where(duty_contact.c.agency_code.in_(list(codes))).order_by(duty_contact.c.added_at)
    )
    found: dict[str, list[Contact]] = {}
    for row in rows:
        found.setdefault(row.agency_code, []).append(Contact(*row))
    return found


def every(transaction: Transaction, agency_code: str | None = None) -> list[tuple[Contact, str]]:
    """All contacts, or those of one agency, each with the agency's name."""
    statement = (
        select(*_COLUMNS, agency.c.name)
        .join(agency, agency.c.code == duty_contact.c.agency_code)
        .order_by(duty_contact.c.agency_code, duty_contact.c.email)
    )
    if agency_code is not None:
        statement = statement.where(duty_contact.c.agency_code == agency_code)
    return [(Contact(*row[:3]), row[3]) for row in transaction.execute(statement)]

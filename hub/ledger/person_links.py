"""One-time links by which people choose a password: the first administrator, the invited, who forgot theirs.

A link is known to the ledger by its token's SHA-256 only; a person has one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, insert, or_, select

from hub.audit import Entry, Event
from hub.ledger import exchange_log, people
from hub.ledger.engine import Transaction
from hub.ledger.people import Person
from hub.ledger.people_tables import person_link
from hub.ledger.sessions import digest
from hub.problems import Refused

LIFETIME = timedelta(hours=24)

Purpose = Literal["first", "invitation", "reset"]


@dataclass(frozen=True, slots=True)
class Link:
    """``person`` None: the first administrator, who chooses everything."""

    purpose: str
    person: Person | None
    expires_at: datetime


def make(transaction: Transaction, person: Person, token: str, at: datetime, actor: str) -> Link:
    """A new link for this person; an earlier one ends. Raises ``Refused('person-inactive')``."""
    if not person.active:
        raise Refused("person-inactive", person.login)
    purpose: Purpose = "invitation" if person.invited else "reset"
    _clear(transaction, person.id, at)
    _add(transaction, purpose, person.id, token, at, actor)
    detail = {"login": person.login, "purpose": purpose}
    exchange_log.append(transaction, [Entry(Event.LINK_MADE, at, actor=actor, detail=detail)])
    return Link(purpose, person, at + LIFETIME)


def first(transaction: Transaction, token: str, at: datetime) -> bool:
    """Make the link for the first administrator, in place of an earlier one; False when there is an administrator."""
    if people.other_administrators(transaction, ""):
        return False
    _clear(transaction, None, at)
    _add(transaction, "first", None, token, at, "hub")
    entry = Entry(Event.LINK_MADE, at, actor="hub", detail={"login": "", "purpose": "first"})
    exchange_log.append(transaction, [entry])
    return True


def find(transaction: Transaction, token: str, at: datetime) -> Link | None:
    """The link as long as it can be used."""
    row = transaction.execute(select(person_link).where(person_link.c.token_sha256 == digest(token))).one_or_none()
    if row is None or row.expires_at <= at:
        return None
    if row.person_id is None:
        return None if people.other_administrators(transaction, "") else Link(row.purpose, None, row.expires_at)
    found = people.find(transaction, row.person_id)
    return None if found is None or not found[0].active else Link(row.purpose, found[0], row.expires_at)


def take(transaction: Transaction, token: str, at: datetime) -> Link:
    """Use the link up. Raises ``Refused('link-unusable')`` when it was used, replaced or is too old."""
    link = find(transaction, token, at)
    taken = transaction.execute(delete(person_link).where(person_link.c.token_sha256 == digest(token))).rowcount
    if link is None or not taken:
        raise Refused("link-unusable")
    return link


def remove(transaction: Transaction, person_id: str) -> None:
    """The person's link ends unused."""
    transaction.execute(delete(person_link).where(person_link.c.person_id == person_id))


def _clear(transaction: Transaction, person_id: str | None, at: datetime) -> None:
    column = person_link.c
    whose = column.person_id.is_(None) if person_id is None else column.person_id == person_id
    transaction.execute(delete(person_link).where(or_(whose, column.expires_at <= at)))


def _add(
    transaction: Transaction, purpose: Purpose, person_id: str | None, token: str, at: datetime, actor: str
) -> None:
    values = {"purpose": purpose, "person_id": person_id, "made_by": actor, "made_at": at}
    transaction.execute(
        insert(person_link).values(values | {"token_sha256": digest(token), "expires_at": at + LIFETIME})
    )

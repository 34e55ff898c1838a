"""People as the province's identity provider knows them: who is who, and who is on the way there and back.

An identity (issuer and subject, OpenID Connect Core 1.0 §5.7) is bound to a person of the registry beforehand; signing
in makes no person and gives no role.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update

from hub.audit import Event
from hub.ledger import people, person_acts
from hub.ledger.engine import Transaction
from hub.ledger.identity_tables import openid_journey, person_identity
from hub.ledger.people import Person
from hub.ledger.sessions import digest
from hub.problems import Refused
from hub.registry.openid import Assertion

# from the button to the way back: a password and a second factor are typed meanwhile
JOURNEY_LIFETIME = timedelta(minutes=10)
LONGEST = 255  # OpenID Connect Core 1.0 §2: a subject has at most 255 characters


@dataclass(frozen=True, slots=True)
class Identity:
    """``subject`` empty: not known yet, ``email`` stands for it until the first sign-in."""

    issuer: str
    subject: str
    email: str
    entered_by: str
    entered_at: datetime


def depart(transaction: Transaction, state: str, wanted: str, at: datetime) -> None:
    """Somebody leaves for the provider; ``wanted`` is the page to open afterwards."""
    transaction.execute(delete(openid_journey).where(openid_journey.c.expires_at <= at))
    row = {"state_sha256": digest(state), "wanted": wanted, "expires_at": at + JOURNEY_LIFETIME}
    transaction.execute(insert(openid_journey).values(row))


def arrive(transaction: Transaction, state: str, at: datetime) -> str | None:
    """The page that was wanted; None when nobody left with this state, came back already or took too long."""
    column = openid_journey.c
    left = (
        delete(openid_journey).where(column.state_sha256 == digest(state)).returning(column.wanted, column.expires_at)
    )
    row = transaction.execute(left).one_or_none()
    return None if row is None or row.expires_at <= at else str(row.wanted)


def of_person(transaction: Transaction, person_id: str, issuer: str) -> Identity | None:
    column = person_identity.c
    found = transaction.execute(
        select(person_identity).where(column.person_id == person_id, column.issuer == issuer)
    ).one_or_none()
    if found is None:
        return None
    return Identity(found.issuer, found.subject or "", found.email or "", found.entered_by, found.entered_at)


def enter(
    transaction: Transaction, person: Person, issuer: str, subject: str, email: str, actor: str, at: datetime
) -> None:
    """An administrator says who this is at the provider: by the subject, or by an address that it verifies.

    Replaces what was entered before. Raises ``Refused``: ``request-invalid`` (neither), ``identity-taken``.
    """
    subject, email = subject.strip(), email.strip().lower()
    if not (subject or email) or len(subject) > LONGEST or len(email) > LONGEST or (email and "@" not in email[1:-1]):
        raise Refused("request-invalid", "a subject or a mail address", "subject")
    _keep(transaction, person, Identity(issuer, subject, email, actor, at))


def bind(transaction: Transaction, person: Person, found: Assertion, at: datetime) -> None:
    """Whoever opened the person's link signed in there as ``found``. Raises ``Refused('identity-taken')``."""
    _keep(transaction, person, Identity(found.issuer, found.subject, found.email, f"person:{person.login}", at))


def _keep(transaction: Transaction, person: Person, one: Identity) -> None:
    column = person_identity.c
    same = [given == value for given, value in ((column.subject, one.subject), (column.email, one.email)) if value]
    other = select(column.person_id).where(column.issuer == one.issuer, column.person_id != person.id, or_(*same))
    if transaction.execute(other.limit(1)).first() is not None:
        raise Refused("identity-taken", one.subject or one.email, "subject")
    _remove(transaction, person.id, one.issuer)
    values = {"issuer": one.issuer, "person_id": person.id, "subject": one.subject or None, "email": one.email or None}
    entered = {"entered_by": one.entered_by, "entered_at": one.entered_at}
    transaction.execute(insert(person_identity).values(values | entered))
    person_acts.record(
        transaction, Event.PERSON_CHANGED, person, one.entered_by, identity=one.subject or one.email, issuer=one.issuer
    )


def remove(transaction: Transaction, person: Person, issuer: str, actor: str) -> bool:
    """The person signs in there no more; whether there was such an identity."""
    if not _remove(transaction, person.id, issuer):
        return False
    person_acts.record(transaction, Event.PERSON_CHANGED, person, actor, identity="", issuer=issuer)
    return True


def _remove(transaction: Transaction, person_id: str, issuer: str) -> bool:
    column = person_identity.c
    gone = delete(person_identity).where(column.person_id == person_id, column.issuer == issuer)
    return bool(transaction.execute(gone).rowcount)


def recognise(transaction: Transaction, found: Assertion) -> Person | None:
    """The active person who is this; an address that was entered leads to a person once, and then the subject does."""
    column = person_identity.c
    of_issuer = select(column.person_id).where(column.issuer == found.issuer)
    person_id = transaction.execute(of_issuer.where(column.subject == found.subject)).scalar_one_or_none()
    if person_id is None and found.email:
        by_email = (column.email == found.email.lower(), column.subject.is_(None))
        person_id = transaction.execute(of_issuer.where(*by_email).with_for_update()).scalar_one_or_none()
        if person_id is not None:
            known = update(person_identity).where(column.issuer == found.issuer, column.person_id == person_id)
            transaction.execute(known.values(subject=found.subject))
    row = None if person_id is None else people.find(transaction, person_id)
    return row[0] if row is not None and row[0].active else None

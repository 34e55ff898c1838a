"""People who log in at the dashboard, and their sessions.

A session is known to the browser by 256 random bits and to the ledger by their SHA-256 only: a copy of the ledger
opens no session.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Row, delete, insert, select, update

from hub import clock
from hub.ledger.engine import Transaction
from hub.ledger.tables import person, person_session
from hub.problems import Refused

Role = Literal["operator", "administrator", "auditor", "reporting", "clerk"]
ROLES: tuple[Role, ...] = ("operator", "administrator", "auditor", "reporting", "clerk")

# a session is marked as seen at most this often: not every page view is a write
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Person:
    """One who may log in. ``agency_code`` limits a clerk to the letters of that agency."""

    id: str
    login: str
    name: str
    roles: frozenset[str]
    agency_code: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class Session:
    """An open session; ``touch_due`` says that the next page view should be recorded by ``touch_session``."""

    person: Person
    created_at: datetime
    expires_at: datetime
    touch_due: bool


def _person(row: Row[tuple[object, ...]]) -> Person:
    return Person(row.id, row.login, row.name, frozenset(row.roles), row.agency_code, row.active)


def add_person(
    transaction: Transaction,
    login: str,
    name: str,
    roles: tuple[Role, ...],
    password_hash: str,
    agency_code: str | None,
    at: datetime,
) -> str:
    """Add a person and return the identifier.

    Raises ``Refused('request-invalid')`` for an unknown role, a clerk without an agency or a login in use.
    """
    if not roles or not set(roles) <= set(ROLES):
        raise Refused("request-invalid", f"roles are {', '.join(ROLES)}", "roles")
    if "clerk" in roles and agency_code is None:
        raise Refused("request-invalid", "a clerk belongs to an agency", "agency_code")
    login = login.strip().lower()
    if find_by_login(transaction, login) is not None:
        raise Refused("request-invalid", f"the login {login} is in use", "login")
    identifier = clock.new_id()
    transaction.execute(
        insert(person).values(
            id=identifier,
            login=login,
            name=name,
            roles=list(roles),
            password_hash=password_hash,
            agency_code=agency_code,
            created_at=at,
        )
    )
    return identifier


def find_by_login(transaction: Transaction, login: str) -> tuple[Person, str] | None:
    """The person with this login and the hash of the password; logins do not distinguish case."""
    row = transaction.execute(select(person).where(person.c.login == login.strip().lower())).one_or_none()
    return None if row is None else (_person(row), row.password_hash)


def with_roles(transaction: Transaction, roles: Sequence[str]) -> list[Person]:
    """Everybody who has one of these roles, by login."""
    found = map(_person, transaction.execute(select(person).order_by(person.c.login)))
    return [one for one in found if one.roles & set(roles)]


def set_password_hash(transaction: Transaction, person_id: str, password_hash: str) -> None:
    transaction.execute(update(person).where(person.c.id == person_id).values(password_hash=password_hash))


def open_session(transaction: Transaction, person_id: str, token: str, at: datetime, lifetime: timedelta) -> None:
    """Open a session that ends ``lifetime`` after ``at`` at the latest; the person's expired ones are removed."""
    transaction.execute(
        delete(person_session).where(person_session.c.person_id == person_id, person_session.c.expires_at <= at)
    )
    transaction.execute(
        insert(person_session).values(
            token_sha256=_digest(token), person_id=person_id, created_at=at, seen_at=at, expires_at=at + lifetime
        )
    )


def session_person(transaction: Transaction, token: str, at: datetime, idle: timedelta) -> Session | None:
    """Who holds this token; None when the session ended, was idle for longer than ``idle``, or the person left."""
    row = transaction.execute(
        select(
            person,
            person_session.c.created_at.label("opened_at"),
            person_session.c.seen_at,
            person_session.c.expires_at,
        )
        .join(person, person.c.id == person_session.c.person_id)
        .where(person_session.c.token_sha256 == _digest(token))
    ).one_or_none()
    if row is None or not row.active or row.expires_at <= at or row.seen_at + idle <= at:
        return None
    return Session(_person(row), row.opened_at, row.expires_at, touch_due=row.seen_at + TOUCH_EVERY <= at)


def touch_session(transaction: Transaction, token: str, at: datetime) -> None:
    transaction.execute(
        update(person_session).where(person_session.c.token_sha256 == _digest(token)).values(seen_at=at)
    )


def close_session(transaction: Transaction, token: str) -> None:
    transaction.execute(delete(person_session).where(person_session.c.token_sha256 == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""People who sign in at the dashboard, as the registry knows them. Their sessions: ``hub.ledger.sessions``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, insert, or_, select, update

from hub import clock
from hub.ledger.engine import Transaction
from hub.ledger.tables import person
from hub.problems import Refused

Role = Literal["operator", "administrator", "auditor", "reporting", "clerk"]
ROLES: tuple[Role, ...] = ("operator", "administrator", "auditor", "reporting", "clerk")


@dataclass(frozen=True, slots=True)
class Person:
    """One who may sign in. ``agency_code`` limits a clerk to the letters of that agency. ``invited``: has chosen no
    password yet. ``factor_since``: when the second factor was set up; ``factor_required``: there must be one."""

    id: str
    login: str
    name: str
    roles: frozenset[str]
    agency_code: str | None
    active: bool
    invited: bool = False
    factor_required: bool = False
    factor_since: datetime | None = None
    seen_at: datetime | None = None

    @property
    def has_factor(self) -> bool:
        return self.factor_since is not None


def person_of(row: Row[Any]) -> Person:
    return Person(
        row.id,
        row.login,
        row.name,
        frozenset(row.roles),
        row.agency_code,
        row.active,
        not row.password_hash,
        row.factor_required,
        row.factor_since,
        row.seen_at,
    )


def add_person(
    transaction: Transaction,
    login: str,
    name: str,
    roles: tuple[Role, ...],
    password_hash: str,
    agency_code: str | None,
    at: datetime,
    *,
    factor_required: bool = False,
) -> str:
    """Add a person and return the identifier. An empty ``password_hash`` fits no password.

    Raises ``Refused('request-invalid')`` for an unknown role, a clerk without an agency or a login in use.
    """
    check_roles(roles, agency_code)
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
            factor_required=factor_required,
        )
    )
    return identifier


def check_roles(roles: Sequence[str], agency_code: str | None) -> None:
    """Raises ``Refused('request-invalid')`` for an unknown role, none, and a clerk without an agency."""
    if not roles or not set(roles) <= set(ROLES):
        raise Refused("request-invalid", f"roles are {', '.join(ROLES)}", "roles")
    if "clerk" in roles and agency_code is None:
        raise Refused("request-invalid", "a clerk belongs to an agency", "agency_code")


def find_by_login(transaction: Transaction, login: str) -> tuple[Person, str] | None:
    """The person with this login and the hash of the password; logins do not distinguish case."""
    row = transaction.execute(select(person).where(person.c.login == login.strip().lower())).one_or_none()
    return None if row is None else (person_of(row), row.password_hash)


def find(transaction: Transaction, person_id: str, *, lock: bool = False) -> tuple[Person, str] | None:
    """The same by the identifier."""
    statement = select(person).where(person.c.id == person_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else (person_of(row), row.password_hash)


def with_roles(transaction: Transaction, roles: Sequence[str]) -> list[Person]:
    """Everybody who has one of these roles, by login."""
    found = map(person_of, transaction.execute(select(person).order_by(person.c.login)))
    return [one for one in found if one.roles & set(roles)]


def page(transaction: Transaction, after: str = "", text: str = "", limit: int = 50) -> list[Person]:
    """By login, from the one behind ``after``; those whose login, name or agency has ``text`` in it."""
    statement = select(person).where(person.c.login > after).order_by(person.c.login).limit(limit)
    if text:
        named = (person.c.login, person.c.name, person.c.agency_code)
        statement = statement.where(or_(*(column.icontains(text, autoescape=True) for column in named)))
    return [person_of(row) for row in transaction.execute(statement)]


def set_password_hash(transaction: Transaction, person_id: str, password_hash: str) -> None:
    _set(transaction, person_id, password_hash=password_hash)


def set_name(transaction: Transaction, person_id: str, name: str) -> None:
    _set(transaction, person_id, name=name)


def set_roles(
    transaction: Transaction, person_id: str, roles: Sequence[str], agency_code: str | None, *, factor_required: bool
) -> None:
    """Raises ``Refused('request-invalid')`` as ``add_person`` does."""
    check_roles(roles, agency_code)
    _set(transaction, person_id, roles=sorted(roles), agency_code=agency_code, factor_required=factor_required)


def set_active(transaction: Transaction, person_id: str, *, active: bool) -> None:
    _set(transaction, person_id, active=active)


def seen(transaction: Transaction, person_id: str, at: datetime) -> None:
    _set(transaction, person_id, seen_at=at)


def other_administrators(transaction: Transaction, person_id: str) -> bool:
    """Whether somebody else is an active administrator who has a password; held until the transaction ends."""
    rows = transaction.execute(select(person).where(person.c.active).order_by(person.c.id).with_for_update())
    found = [person_of(row) for row in rows]
    return any("administrator" in one.roles and not one.invited and one.id != person_id for one in found)


def _set(transaction: Transaction, person_id: str, **values: object) -> None:
    transaction.execute(update(person).where(person.c.id == person_id).values(values))

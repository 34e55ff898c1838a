"""Acts on people: each with its checks and its entry in the exchange log, in one transaction.

Who may do what, and what takes two people, is known to ``hub.proposals`` and to the pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import agencies, exchange_log, people, person_links, second_factors, sessions
from hub.ledger.engine import Transaction
from hub.ledger.people import Person
from hub.problems import Refused
from hub.registry.model import Role

# who has one of these decides about others' letters or rights: a second factor, and two people to change it
PRIVILEGED = frozenset({"administrator", "operator", "auditor"})

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


def check_new(
    transaction: Transaction, login: str, name: str, roles: Sequence[str], agency_code: str | None
) -> tuple[str, str, str | None]:
    """Login, name and the agency's code as they would be kept. Raises ``Refused``: ``request-invalid``,
    ``registry-unknown``."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise Refused("request-invalid", "a login has 2 to 64 letters, digits, dots, hyphens, underscores", "login")
    if people.find_by_login(transaction, login) is not None:
        raise Refused("request-invalid", f"the login {login} is in use", "login")
    return login, checked_name(name), checked_roles(transaction, roles, agency_code)


def checked_name(name: str) -> str:
    """Raises ``Refused('request-invalid')``."""
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise Refused("request-invalid", "a name has 1 to 100 characters", "name")
    return name


def checked_roles(transaction: Transaction, roles: Sequence[str], agency_code: str | None) -> str | None:
    """The agency's registered code. Raises ``Refused``: ``request-invalid``, ``registry-unknown``."""
    code = (agency_code or "").strip() or None
    if code is not None:
        found = agencies.find(transaction, [code]).get(code)
        if found is None:
            raise Refused("registry-unknown", code, "agency")
        code = found.code
    people.check_roles(roles, code)
    return code


def add(
    transaction: Transaction,
    login: str,
    name: str,
    roles: Sequence[str],
    agency_code: str | None,
    *,
    password_hash: str = "",
    actor: str,
) -> Person:
    """Register a person, who has no password yet when ``password_hash`` is empty. Raises: as ``check_new``."""
    login, name, code = check_new(transaction, login, name, roles, agency_code)
    at = clock.now()
    required = bool(PRIVILEGED & set(roles))
    kept = cast("tuple[Role, ...]", tuple(sorted(roles)))
    identifier = people.add_person(transaction, login, name, kept, password_hash, code, at, factor_required=required)
    detail = {"login": login, "roles": list(kept), "agency": code}
    exchange_log.append(transaction, [Entry(Event.PERSON_ADDED, at, actor=actor, detail=detail)])
    return _found(transaction, identifier)


def rename(transaction: Transaction, person: Person, name: str, actor: str) -> None:
    """Raises ``Refused('request-invalid')``."""
    people.set_name(transaction, person.id, checked_name(name))
    # the log keeps no names of people: it is never changed, and they leave
    _changed(transaction, person, actor, {"changed": "name"})


def set_roles(
    transaction: Transaction, person: Person, roles: Sequence[str], agency_code: str | None, actor: str
) -> None:
    """Other roles, and a clerk's agency; the person signs in again.

    Raises ``Refused``: ``request-invalid``, ``registry-unknown``, ``person-last-administrator``.
    """
    code = checked_roles(transaction, roles, agency_code)
    if "administrator" not in roles:
        keep_an_administrator(transaction, person)
    required = person.factor_required or bool(PRIVILEGED & set(roles) - person.roles)
    people.set_roles(transaction, person.id, roles, code, factor_required=required)
    sessions.end_all(transaction, person.id)
    before = {"roles": sorted(person.roles), "agency": person.agency_code}
    now = {"roles": sorted(roles), "agency": code}
    _changed(transaction, person, actor, {"changed": "roles", "before": before, "now": now})


def deactivate(transaction: Transaction, person: Person, actor: str) -> None:
    """Sessions and links end at once. Raises ``Refused('person-last-administrator')``."""
    keep_an_administrator(transaction, person)
    people.set_active(transaction, person.id, active=False)
    sessions.end_all(transaction, person.id)
    person_links.remove(transaction, person.id)
    _changed(transaction, person, actor, {"changed": "active", "now": False})


def activate(transaction: Transaction, person: Person, actor: str) -> None:
    people.set_active(transaction, person.id, active=True)
    _changed(transaction, person, actor, {"changed": "active", "now": True})


def keep_an_administrator(transaction: Transaction, person: Person) -> None:
    """Raises ``Refused('person-last-administrator')`` when nobody else could administer people."""
    if "administrator" in person.roles and person.active and not people.other_administrators(transaction, person.id):
        raise Refused("person-last-administrator", person.login)


def remove_factor(transaction: Transaction, person: Person, actor: str) -> None:
    """Whoever must have one sets it up at the next sign-in. Raises ``Refused('second-factor-missing')``."""
    if not person.has_factor:
        raise Refused("second-factor-missing", person.login)
    second_factors.remove(transaction, person.id)
    sessions.end_all(transaction, person.id)
    record(transaction, Event.FACTOR_REMOVED, person, actor)


def record(transaction: Transaction, kind: Event, person: Person, actor: str, **detail: Any) -> None:
    """An entry about a person."""
    entry = Entry(
        kind, clock.now(), actor=actor, agency_code=person.agency_code or "", detail={"login": person.login, **detail}
    )
    exchange_log.append(transaction, [entry])


def _changed(transaction: Transaction, person: Person, actor: str, detail: dict[str, Any]) -> None:
    record(transaction, Event.PERSON_CHANGED, person, actor, **detail)


def _found(transaction: Transaction, person_id: str) -> Person:
    found = people.find(transaction, person_id)
    if found is None:
        raise LookupError(person_id)
    return found[0]

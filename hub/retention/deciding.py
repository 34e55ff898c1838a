"""Who may decide about holds and purges, and how reasons are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.audit import Entry, Event
from hub.ledger import Transaction, exchange_log, people
from hub.ledger.people import Person
from hub.problems import Refused

ASKING = frozenset({"administrator"})
DECIDING = frozenset({"administrator", "auditor"})
LONGEST_REASON = 500


def person_of(transaction: Transaction, login: str, roles: frozenset[str]) -> Person:
    """The person, as the registry knows them now. Raises ``Refused('forbidden')``."""
    found = people.find_by_login(transaction, login)
    if found is None or not found[0].active or not found[0].roles & roles:
        raise Refused("forbidden", f"this is for {' and '.join(sorted(roles))}")
    return found[0]


def reason_of(text: str) -> str:
    """Raises ``Refused``: ``reason-missing``, ``request-invalid``."""
    reason = " ".join(text.split())
    if not reason:
        raise Refused("reason-missing", "", "reason")
    if len(reason) > LONGEST_REASON:
        raise Refused("request-invalid", f"the reason has at most {LONGEST_REASON} characters", "reason")
    return reason


def log(
    transaction: Transaction, kind: Event, person: Person, at: datetime, detail: dict[str, Any], **more: Any
) -> None:
    exchange_log.append(transaction, [Entry(kind, at, actor=f"person:{person.login}", detail=detail, **more)])

"""Incidents: an agency says that something is wrong with its own security, and an operator says what came of it.

An open incident is an alert (``hub.alerts.watches``). The exchange log gets who, when and which kind; what was told and
whom to call stay in the ledger, for the log is for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Transaction, agencies, exchange_log, incidents
from hub.ledger.incidents import CATEGORIES, Incident
from hub.problems import Refused

LONGEST_DESCRIPTION = 4000
LONGEST_CONTACT = 200
LONGEST_OUTCOME = 2000
MOST_UNCLOSED = 20
# clocks of agencies that run ahead
AHEAD = timedelta(minutes=10)
LONG_AGO = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Report:
    """``agency`` by its code or an alias. ``noticed_at`` None: now."""

    agency: str
    category: str
    description: str
    contact: str
    noticed_at: datetime | None = None


def report(transaction: Transaction, told: Report, by: str) -> tuple[Incident, bool]:
    """Keep a report; True when it is new: an exact repeat of one that is still open is that one.

    ``by``: ``system:ID`` or ``person:LOGIN``. Raises ``Refused``: ``registry-unknown``, ``request-invalid``,
    ``incidents-waiting``.
    """
    known = agencies.find(transaction, [told.agency]).get(told.agency)
    if known is None:
        raise Refused("registry-unknown", told.agency, "agency")
    at = clock.now()
    made = Incident(
        id=clock.new_id(),
        agency_code=known.code,
        agency_name=known.name,
        category=_category(told.category),
        description=_text(told.description, "description", LONGEST_DESCRIPTION),
        contact=_text(told.contact, "contact", LONGEST_CONTACT),
        noticed_at=told.noticed_at or at,
        reported_at=at,
        reported_by=by,
    )
    if not at - LONG_AGO < made.noticed_at < at + AHEAD:
        raise Refused("request-invalid", "not a time of the last years", "noticed_at")
    unclosed = incidents.unclosed_of(transaction, known.code)
    for one in unclosed:
        if _what(one) == _what(made) and told.noticed_at in (None, one.noticed_at):
            return one, False
    if len(unclosed) >= MOST_UNCLOSED:
        raise Refused("incidents-waiting", f"{len(unclosed)} of {known.code}")
    incidents.add(transaction, made)
    _log(transaction, Event.INCIDENT_REPORTED, made, by, at)
    return made, True


def close(transaction: Transaction, incident_id: str, login: str, outcome: str) -> None:
    """Say what came of it. Raises ``Refused``: ``not-found``, ``incident-closed``, ``reason-missing``."""
    found = incidents.find(transaction, incident_id, lock=True)
    if found is None:
        raise Refused("not-found", incident_id)
    if found.closed_at is not None:
        raise Refused("incident-closed", incident_id)
    text = outcome.replace("\x00", "").strip()
    if not text:
        raise Refused("reason-missing", "", "outcome")
    if len(text) > LONGEST_OUTCOME:
        raise Refused("request-invalid", f"at most {LONGEST_OUTCOME} characters", "outcome")
    at = clock.now()
    incidents.close(transaction, incident_id, login, text, at)
    _log(transaction, Event.INCIDENT_CLOSED, found, f"person:{login}", at)


def _what(one: Incident) -> tuple[str, str, str, str]:
    return one.reported_by, one.category, one.description, one.contact


def _category(name: str) -> str:
    if name not in CATEGORIES:
        raise Refused("request-invalid", f"{name[:40]!r}: one of {', '.join(CATEGORIES)}", "category")
    return name


def _text(value: str, name: str, most: int) -> str:
    text = value.replace("\x00", "").replace("\r\n", "\n").strip()
    if not text:
        raise Refused("request-invalid", f"{name} is missing", name)
    if len(text) > most:
        raise Refused("request-invalid", f"at most {most} characters", name)
    return text


def _log(transaction: Transaction, kind: Event, one: Incident, by: str, at: datetime) -> None:
    actor = by.removeprefix("system:")
    detail = {"incident": one.id, "category": one.category}
    entry = Entry(kind, at, actor=actor, agency_code=one.agency_code, code=one.category, detail=detail)
    exchange_log.append(transaction, [entry])

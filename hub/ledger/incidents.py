"""Security incidents that agencies report of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from hub.ledger.alert_tables import incident
from hub.ledger.engine import Transaction
from hub.ledger.tables import agency

CATEGORIES = ("account", "key", "malware", "leak", "forgery", "outage", "other")


@dataclass(frozen=True, slots=True)
class Incident:
    """``reported_by``: ``system:ID`` or ``person:LOGIN``. ``contact``: whom to call."""

    id: str
    agency_code: str
    agency_name: str
    category: str
    description: str
    contact: str
    noticed_at: datetime
    reported_at: datetime
    reported_by: str
    closed_by: str | None = None
    closed_at: datetime | None = None
    outcome: str = ""

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"


def add(transaction: Transaction, record: Incident) -> None:
    transaction.execute(insert(incident).values({one.name: getattr(record, one.name) for one in incident.c}))


def find(transaction: Transaction, incident_id: str, *, lock: bool = False) -> Incident | None:
    statement = _shown().where(incident.c.id == incident_id)
    if lock:
        statement = statement.with_for_update(of=incident)
    row = transaction.execute(statement).one_or_none()
    return None if row is None else _record(row)


def close(transaction: Transaction, incident_id: str, by: str, outcome: str, at: datetime) -> None:
    values = {"closed_by": by, "closed_at": at, "outcome": outcome}
    unclosed = (incident.c.id == incident_id, incident.c.closed_at.is_(None))
    transaction.execute(update(incident).where(*unclosed).values(values))


def unclosed(transaction: Transaction, limit: int = 500) -> list[Incident]:
    """Those that nobody has closed, the newest first."""
    rows = transaction.execute(_shown().where(incident.c.closed_at.is_(None)).order_by(incident.c.id.desc()))
    return [_record(row) for row in rows.fetchmany(limit)]


def unclosed_of(transaction: Transaction, agency_code: str, limit: int = 100) -> list[Incident]:
    """Those of one agency that nobody has closed."""
    rows = transaction.execute(_shown().where(incident.c.closed_at.is_(None), incident.c.agency_code == agency_code))
    return [_record(row) for row in rows.fetchmany(limit)]


def page(transaction: Transaction, own_agency: str | None, before: str = "", limit: int = 50) -> list[Incident]:
    """Incidents, the newest first. ``before``: the identifier of the last one that was shown."""
    statement = _shown().order_by(incident.c.id.desc()).limit(limit)
    if own_agency is not None:
        statement = statement.where(incident.c.agency_code == own_agency)
    if before:
        statement = statement.where(incident.c.id < before)
    return [_record(row) for row in transaction.execute(statement)]


def _shown() -> Any:
    names = select(*incident.c, agency.c.name.label("agency_name"))
    return names.join(agency, agency.c.code == incident.c.agency_code)


def _record(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)

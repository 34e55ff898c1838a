"""Certificates of all agencies by their end: what has to be renewed next, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select, tuple_

from hub.ledger.credential_tables import rehearsal
from hub.ledger.engine import Transaction
from hub.ledger.tables import agency, agency_certificate

SOON = timedelta(days=60)
STEPS = (1, 7, 30, 60)
"""Days before the end at which people are told."""


@dataclass(frozen=True, slots=True)
class BoundCertificate:
    """A certificate that signs for an agency. ``others``: how many more the agency has that end later."""

    agency_code: str
    agency_name: str
    sha256: str
    subject: str
    not_before: datetime
    not_after: datetime
    others: int


def ending(
    transaction: Transaction,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, str, str] | None = None,
    limit: int = 50,
) -> list[BoundCertificate]:
    """Those in use that end from ``since`` and before ``until``, the next one first.

    ``after``: end, digest and agency of the last row that was shown.
    """
    table = agency_certificate.c
    statement = _bound()
    if since is not None:
        statement = statement.where(table.not_after >= since)
    if until is not None:
        statement = statement.where(table.not_after < until)
    if after is not None:
        statement = statement.where(tuple_(table.not_after, table.sha256, table.agency_code) > after)
    statement = statement.order_by(table.not_after, table.sha256, table.agency_code).limit(limit)
    return [BoundCertificate(*row) for row in transaction.execute(statement)]


def _bound() -> Select[Any]:
    table, other = agency_certificate.c, agency_certificate.alias()
    later = (
        select(func.count())
        .select_from(other)
        .where(
            other.c.agency_code == table.agency_code,
            other.c.withdrawn_at.is_(None),
            other.c.not_after > table.not_after,
        )
        .correlate(agency_certificate)
        .scalar_subquery()
    )
    return (
        select(table.agency_code, agency.c.name, table.sha256, table.subject, table.not_before, table.not_after, later)
        .join(agency, agency.c.code == table.agency_code)
        .where(table.withdrawn_at.is_(None))
    )


def steps(transaction: Transaction, now: datetime) -> dict[int, int]:
    """How many certificates in use end within 1, 7, 30 and 60 days, each counted once, in the nearest step."""
    table = agency_certificate.c
    nearest = case(*[(table.not_after < now + timedelta(days=days), days) for days in STEPS])
    rows = transaction.execute(
        select(nearest.label("step"), func.count().label("number"))
        .where(table.withdrawn_at.is_(None), table.not_after >= now, table.not_after < now + SOON)
        .group_by("step")
    )
    return {row.step: row.number for row in rows}


def of_agency(transaction: Transaction, code: str, sha256: str) -> bytes | None:
    """The DER of a certificate that an agency has, also when it was withdrawn."""
    table = agency_certificate.c
    chosen = select(table.der).where(table.agency_code == code, table.sha256 == sha256)
    return transaction.execute(chosen).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A challenge for a key that is to sign: waiting → failed → passed. ``answered_by``: a system or ``person:…``."""

    id: str
    agency_code: str
    sha256: str
    der: bytes
    challenge: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: str
    tries: int
    answered_by: str | None
    answered_at: datetime | None


def rehearsals(transaction: Transaction, code: str, limit: int = 50) -> list[Rehearsal]:
    """An agency's, the newest first."""
    table = rehearsal.c
    statement = select(rehearsal).where(table.agency_code == code).order_by(table.id.desc()).limit(limit)
    return [Rehearsal(**row._mapping) for row in transaction.execute(statement)]

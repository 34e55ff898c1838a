"""The exchange log as people page through it: newest first, filtered, never counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, literal, select, tuple_

from hub.clock import VIETNAM
from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.journey import ENTRY_COLUMNS, Entry, entry_of
from hub.ledger.tables import audit_entry


@dataclass(frozen=True, slots=True)
class LogFilters:
    """Empty text means any. ``kind`` may be a whole kind or its first part ("delivery"). Days are Vietnam's.

    ``kinds`` are whole kinds, any of which will do.
    """

    kind: str = ""
    agency: str = ""
    document_id: str = ""
    code: str = ""
    first_day: date | None = None
    last_day: date | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries newest first, and the cursors to older and newer ones."""

    entries: list[Entry]
    older: int | None
    newer: int | None


def page(
    transaction: Transaction, filters: LogFilters, *, before: int = 0, after: int = 0, limit: int = 100
) -> LogPage:
    """Entries older than ``before``, or newer than ``after``, or the newest. ``limit`` is at most 200."""
    limit = max(1, min(limit, 200))
    forward = bool(after) and not before
    column = audit_entry.c
    statement = _matching(filters)
    if before or forward:
        place = tuple_(column.at, column.seq)
        shown = tuple_(literal(_moment_of(transaction, before or after), Instant()), literal(before or after))
        statement = statement.where(place > shown if forward else place < shown)
    order = (column.at.asc(), column.seq.asc()) if forward else (column.at.desc(), column.seq.desc())
    found = [entry_of(row) for row in transaction.execute(statement.order_by(*order).limit(limit + 1))]
    more, found = len(found) > limit, found[:limit]
    if forward:
        found.reverse()
        return LogPage(found, older=found[-1].seq if found else after, newer=found[0].seq if more else None)
    newer = (found[0].seq if found else before) if before else None
    return LogPage(found, older=found[-1].seq if more else None, newer=newer)


def _moment_of(transaction: Transaction, seq: int) -> datetime | None:
    """When the entry was made behind which a page begins; behind none there is nothing."""
    return transaction.execute(select(audit_entry.c.at).where(audit_entry.c.seq == seq)).scalar_one_or_none()


def entry(transaction: Transaction, entry_id: str) -> Entry | None:
    """One entry by its identifier."""
    row = transaction.execute(select(*ENTRY_COLUMNS).where(audit_entry.c.id == entry_id)).one_or_none()
    return None if row is None else entry_of(row)


def _matching(filters: LogFilters) -> Select[Any]:
    statement = select(*ENTRY_COLUMNS)
    if filters.kind:
        whole = "." in filters.kind
        column = audit_entry.c.kind
        statement = statement.where(
            column == filters.kind if whole else column.startswith(f"{filters.kind}.", autoescape=True)
        )
    if filters.kinds:
        statement = statement.where(audit_entry.c.kind.in_(filters.kinds))
    for name in ("document_id", "code"):
        if value := getattr(filters, name):
            statement = statement.where(audit_entry.c[name] == value)
    if filters.agency:
        statement = statement.where(audit_entry.c.agency_code == filters.agency)
    if filters.first_day is not None:
        statement = statement.where(audit_entry.c.at >= _midnight(filters.first_day))
    if filters.last_day is not None:
        statement = statement.where(audit_entry.c.at < _midnight(filters.last_day + timedelta(days=1)))
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)

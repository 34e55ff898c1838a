"""The exchange log: append and query. There is no statement here that changes or deletes an entry."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, select, text, tuple_

from hub.audit import Entry
from hub.ledger import bulk
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import AUDIT
from hub.ledger.feed import Cursor, settled
from hub.ledger.tables import audit_entry


def append(transaction: Transaction, entries: Iterable[Entry]) -> None:
    """Append entries in the caller's transaction."""
    rows = [entry.row() for entry in entries]
    if rows:
        transaction.execute(_appending(transaction.dialect.name), {"audit_entry": bulk.dumps(rows)})


@functools.cache
def _appending(dialect: str) -> TextClause:
    return text(bulk.insert(audit_entry, dialect, AUDIT))


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Filters of the log; None means any. ``since`` is inclusive, ``until`` exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    agency: str | None = None
    document_id: str | None = None
    envelope_id: str | None = None
    kind: str | None = None
    code: str | None = None


def query(
    transaction: Transaction, wanted: LogQuery, after: Cursor | None, limit: int
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Entries in commit order after the cursor, and the cursor of the last one."""
    column = audit_entry.c
    statement = select(audit_entry).order_by(column.tx, column.seq).limit(limit)
    if wanted.since is not None:
        statement = statement.where(column.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(column.at < wanted.until)
    for name, value in (
        ("agency_code", wanted.agency),
        ("document_id", wanted.document_id),
        ("envelope_id", wanted.envelope_id),
        ("kind", wanted.kind),
        ("code", wanted.code),
    ):
        if value is not None:
            statement = statement.where(column[name] == value)
    if after is not None:
        statement = statement.where(tuple_(column.tx, column.seq) > tuple_(after.tx, after.seq))
    rows = transaction.execute(settled(statement, audit_entry, transaction)).mappings().all()
    last = Cursor(rows[-1]["tx"], rows[-1]["seq"]) if rows else after
    return [dict(row) for row in rows], last

"""What is wrong with the log or with those who watch it, for as long as it is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, text

from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.log_tables import log_trouble

KINDS = ("rewritten", "witness", "timestamp")
_NOTE = text(
    "INSERT INTO log_trouble (kind, subject, detail, since, last_at) VALUES (:kind, :subject, :detail, :at, :at)"
    " ON CONFLICT (kind, subject) DO UPDATE SET detail = excluded.detail, last_at = excluded.last_at"
).bindparams(bindparam("at", type_=Instant()))


@dataclass(frozen=True, slots=True)
class LogTrouble:
    """``kind``: ``rewritten`` (subject empty: this log; else the origin of a watched one), ``witness`` (its key) or
    ``timestamp`` (the authority's address)."""

    kind: str
    subject: str
    detail: str
    since: datetime
    last_at: datetime


def note(transaction: Transaction, kind: str, subject: str, detail: str, at: datetime) -> None:
    """It is wrong, still or from now on."""
    transaction.execute(_NOTE, {"kind": kind, "subject": subject, "detail": detail, "at": at})


def clear(transaction: Transaction, kind: str, subject: str) -> None:
    """It is well again."""
    transaction.execute(delete(log_trouble).where(log_trouble.c.kind == kind, log_trouble.c.subject == subject))


def every(transaction: Transaction) -> list[LogTrouble]:
    """All that is wrong now, the worst first."""
    rows = transaction.execute(select(log_trouble).order_by(log_trouble.c.kind, log_trouble.c.since))
    return [LogTrouble(*row) for row in rows]

"""Marks of what changes: a page that shows them is new when they differ."""

from __future__ import annotations

from sqlalchemy import select

from hub.ledger.engine import Transaction
from hub.ledger.log_tables import log_head
from hub.ledger.tables import audit_entry

# reading is logged too, and changes nothing that pages show
_READING = ("log.queried", "log.exported", "evidence.taken", "person.login")


def read(transaction: Transaction) -> dict[str, str]:
    """By region: ``exchange``, the newest entry that changed something; ``log``, how many leaves are sealed."""
    entry = audit_entry.c
    newest = select(entry.id).where(entry.kind.not_in(_READING)).order_by(entry.tx.desc(), entry.seq.desc()).limit(1)
    size = transaction.execute(select(log_head.c.size)).scalar_one_or_none()
    return {"exchange": transaction.execute(newest).scalar_one_or_none() or "", "log": str(size or 0)}

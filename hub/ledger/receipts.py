"""Receipts: kept once, read per envelope or as a gap-free feed per system."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, func, select, text, tuple_

from hub.ledger import bulk
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import RECEIPT
from hub.ledger.feed import Cursor, settled
from hub.ledger.tables import receipt


@dataclass(frozen=True, slots=True)
class ReceiptRecord:
    """A receipt as it is shown to the one it is for."""

    seq: int
    tx: int
    id: str
    kind: str
    event: str
    audience_system_id: str
    audience_code: str
    envelope_id: str | None
    delivery_id: str | None
    document_id: str
    sender_code: str
    recipient_code: str
    code: str
    description: str
    at: datetime
    jws: str


_COLUMNS = [
    receipt.c[name]
    for name in (
        "seq", "tx", "id", "kind", "event", "audience_system_id", "audience_code", "envelope_id", "delivery_id",
        "document_id", "sender_code", "recipient_code", "code", "description", "at", "jws",
    )
]  # fmt: skip


def add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert JSON-ready rows; returns the ids that are new (a taken ``repeat_key`` adds nothing)."""
    if not rows:
        return set()
    statement = _adding(transaction.dialect.name)
    return set(transaction.execute(statement, {"receipt": bulk.dumps(list(rows))}).scalars())


@functools.cache
def _adding(dialect: str) -> TextClause:
    return text(bulk.insert(receipt, dialect, RECEIPT, conflict="(repeat_key)", returning="id"))


def by_repeat_key(transaction: Transaction, key: str) -> ReceiptRecord:
    row = transaction.execute(select(*_COLUMNS).where(receipt.c.repeat_key == key)).one()
    return ReceiptRecord(*row)


def of_delivery(transaction: Transaction, delivery_id: str, event: str) -> ReceiptRecord | None:
    """The first receipt of a delivery for an event."""
    row = transaction.execute(
        select(*_COLUMNS)
        .where(receipt.c.delivery_id == delivery_id, receipt.c.event == event)
        .order_by(receipt.c.seq)
        .limit(1)
    ).one_or_none()
    return None if row is None else ReceiptRecord(*row)


def newest_notice(transaction: Transaction, delivery_id: str, event: str, code: str) -> datetime | None:
    """When the latest such notice about a delivery was signed."""
    mine = (receipt.c.delivery_id == delivery_id) & (receipt.c.event == event) & (receipt.c.code == code)
    newest = select(receipt.c.at).where(mine).order_by(receipt.c.at.desc()).limit(1)
    return transaction.execute(newest).scalar_one_or_none()


def newest_notices(transaction: Transaction, delivery_ids: Sequence[str], event: str, code: str) -> dict[str, datetime]:
    """The same for many deliveries; those without such a notice are left out."""
    mine = (receipt.c.delivery_id.in_(list(delivery_ids)), receipt.c.event == event, receipt.c.code == code)
    latest = func.max(receipt.c.at, type_=receipt.c.at.type)
    rows = transaction.execute(select(receipt.c.delivery_id, latest).where(*mine).group_by(receipt.c.delivery_id))
    return {row[0]: row[1] for row in rows}


def of_envelope(transaction: Transaction, envelope_id: str, system_id: str | None) -> list[ReceiptRecord]:
    """Receipts of one envelope in order, those for one system only when it is given."""
    statement = select(*_COLUMNS).where(receipt.c.envelope_id == envelope_id).order_by(receipt.c.seq)
    if system_id is not None:
        statement = statement.where(receipt.c.audience_system_id == system_id)
    return [ReceiptRecord(*row) for row in transaction.execute(statement)]


def arrived(transaction: Transaction, after: int) -> tuple[int, set[str]]:
    """The highest number so far, and the systems with receipts numbered above ``after``.

    Only a hint for those who wait: a transaction may commit late, below a number that was already seen.
    """
    rows = transaction.execute(
        select(receipt.c.audience_system_id, func.max(receipt.c.seq))
        .where(receipt.c.seq > after)
        .group_by(receipt.c.audience_system_id)
    ).all()
    return max((row[1] for row in rows), default=after), {row[0] for row in rows}


def newest(transaction: Transaction) -> int:
    highest: int = transaction.execute(select(func.coalesce(func.max(receipt.c.seq), 0))).scalar_one()
    return highest


def feed(
    transaction: Transaction, system_id: str, after: Cursor | None, limit: int
) -> tuple[list[ReceiptRecord], Cursor | None]:
    """Receipts for one system after the cursor, in commit order, and the cursor of the last."""
    statement = (
        select(*_COLUMNS)
        .where(receipt.c.audience_system_id == system_id)
        .order_by(receipt.c.tx, receipt.c.seq)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(receipt.c.tx, receipt.c.seq) > tuple_(after.tx, after.seq))
    rows = [ReceiptRecord(*row) for row in transaction.execute(settled(statement, receipt, transaction))]
    return rows, Cursor(rows[-1].tx, rows[-1].seq) if rows else after

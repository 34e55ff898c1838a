"""The receipts of one letter for people: a list in pages without the signed texts, and one of them to be taken along.

``own_agency`` is whose receipts the reader may have; None means everyone's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from hub.ledger.engine import Transaction
from hub.ledger.tables import receipt

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """``audience`` is whom it was signed for; ``recipient`` and ``code`` what it says, empty where it says neither."""

    seq: int
    id: str
    kind: str
    event: str
    audience: str
    recipient: str
    code: str
    at: datetime


_NAMES = ("seq", "id", "kind", "event", "audience_code", "recipient_code", "code", "at")
_COLUMNS = [receipt.c[name] for name in _NAMES]


def page(
    transaction: Transaction, envelope_id: str, own_agency: str | None = None, *, after: int = 0
) -> tuple[list[ReceiptRow], int | None]:
    """Up to ``PER_PAGE`` receipts in the order in which they were signed, and the cursor to the next ones."""
    statement = select(*_COLUMNS).where(receipt.c.envelope_id == envelope_id, receipt.c.seq > after)
    if own_agency is not None:
        statement = statement.where(receipt.c.audience_code == own_agency)
    rows = transaction.execute(statement.order_by(receipt.c.seq).limit(PER_PAGE + 1))
    found = [ReceiptRow(*tuple(row)) for row in rows]
    more, found = len(found) > PER_PAGE, found[:PER_PAGE]
    return found, found[-1].seq if more else None


def signed(transaction: Transaction, envelope_id: str, receipt_id: str, own_agency: str | None = None) -> str | None:
    """The receipt as compact JWS (RFC 7515 §7.1); None when the letter has none of this identifier for the reader."""
    statement = select(receipt.c.jws).where(receipt.c.envelope_id == envelope_id, receipt.c.id == receipt_id)
    if own_agency is not None:
        statement = statement.where(receipt.c.audience_code == own_agency)
    found: str | None = transaction.execute(statement).scalar_one_or_none()
    return found

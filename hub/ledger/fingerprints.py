"""What tells a poller that nothing is new, without building what it asks for: texts that differ when answers do."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import func, select, tuple_

from hub.ledger import agencies, answering, changes, envelopes, purged
from hub.ledger.engine import Transaction
from hub.ledger.feed import Cursor, settled
from hub.ledger.seeing import TO_RECIPIENT
from hub.ledger.tables import delivery, receipt


def of_envelope(transaction: Transaction, envelope_id: str, system_id: str, now: datetime, *, auditor: bool) -> str:
    """Of an envelope's header and matrix as one system sees it; empty when it may not see it.

    What changes is in the rows of its deliveries, in what was asked of them, in the links that the reader may follow,
    in the registry (names) and in the time (a deadline passes). Those are read; the matrix is not put together.
    """
    record = envelopes.find(transaction, envelope_id)
    if record is None:
        return ""
    sees_all = auditor or record.sender_system_id == system_id
    mine = [delivery.c.envelope_id == envelope_id, delivery.c.superseded_by.is_(None)]
    if not sees_all:
        mine += [delivery.c.system_id == system_id, TO_RECIPIENT]
    rows = transaction.execute(select(delivery).where(*mine).order_by(delivery.c.id)).all()
    if not (sees_all or rows):
        return ""
    codes = None if sees_all else [row.recipient_code for row in rows]
    reader = answering.ALL if auditor else answering.Reader(system_id)
    linked = [record.previous_id] if record.previous_id else []
    circumstances = (
        sees_all,
        agencies.revision(transaction),
        sorted(answering.visible(transaction, reader, linked)),
        answering.answered(transaction, reader, record.details.get("response_for", [])),
        changes.of_envelope(transaction, envelope_id, codes),
        purged.of_envelope(transaction, envelope_id),
    )
    digest = hashlib.sha256(repr(circumstances).encode())
    for row in rows:
        passed = [moment is not None and moment < now for moment in (row.confirm_by, row.process_by, row.expires_at)]
        digest.update(repr((tuple(row), passed)).encode())
    return digest.hexdigest()[:32]


def of_receipts(transaction: Transaction, envelope_id: str, system_id: str | None) -> str:
    """Of the receipts of one envelope for one system, or for all: they are only ever added."""
    statement = select(func.count(), func.max(receipt.c.seq)).where(receipt.c.envelope_id == envelope_id)
    if system_id is not None:
        statement = statement.where(receipt.c.audience_system_id == system_id)
    count, last = transaction.execute(statement).one()
    return f"{count:x}-{last or 0:x}"


def of_feed(transaction: Transaction, system_id: str, after: Cursor | None, limit: int) -> str:
    """Of a page of a system's feed: how many there are behind the cursor, and which is the last."""
    statement = (
        select(receipt.c.tx, receipt.c.seq)
        .where(receipt.c.audience_system_id == system_id)
        .order_by(receipt.c.tx, receipt.c.seq)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(receipt.c.tx, receipt.c.seq) > tuple_(after.tx, after.seq))
    rows = transaction.execute(settled(statement, receipt, transaction)).all()
    return of_page(after, len(rows), Cursor(*rows[-1]) if rows else after)


def of_page(after: Cursor | None, count: int, last: Cursor | None) -> str:
    """The same for a page that was read anyway."""
    return f"{after or ''}.{count:x}.{last or ''}"

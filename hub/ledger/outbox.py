"""The outbox: what still has to be published. Claimed with a deadline, removed once the broker has confirmed.

A relay that dies between publishing and marking leaves its claim to run out; the row is then published once more, and
the courier's take-over is idempotent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal, null, or_, select, text, update

from hub.audit import Entry, Event
from hub.envelope.lifecycle import before
from hub.ledger import bulk, exchange_log
from hub.ledger.columns import Instant
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import AUDIT
from hub.ledger.tables import IN_TRANSIT, audit_entry, delivery, envelope, outbox

# A time further ahead than this was written by a clock that ran ahead and was set back: waiting for it would strand
# what it holds for as long as that clock was wrong.
AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One delivery to publish."""

    seq: int
    delivery_id: str
    envelope_id: str
    system_id: str
    recipient_code: str
    document_id: str
    priority: int
    attempt: int
    traceparent: str


def claim(transaction: Transaction, limit: int, at: datetime, seconds: float) -> list[OutboxRow]:
    """Up to ``limit`` rows, most urgent first, claimed for ``seconds``. Two relays never hold the same row."""
    ends = outbox.c.claimed_until
    free = (
        select(outbox.c.seq)
        .where(or_(ends.is_(None), ends < at, ends > at + timedelta(seconds=seconds) + AHEAD))
        .order_by(outbox.c.priority.desc(), outbox.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    rows = transaction.execute(
        update(outbox)
        .where(outbox.c.seq.in_(select(free.c.seq)))
        .values(claimed_until=at + timedelta(seconds=seconds))
        .returning(
            outbox.c.seq,
            outbox.c.delivery_id,
            outbox.c.envelope_id,
            outbox.c.system_id,
            outbox.c.recipient_code,
            outbox.c.document_id,
            outbox.c.priority,
            outbox.c.attempt,
            outbox.c.traceparent,
        )
    ).all()
    return sorted((OutboxRow(*row) for row in rows), key=lambda row: (-row.priority, row.seq))


def confirm(transaction: Transaction, rows: Sequence[OutboxRow], at: datetime) -> None:
    """The broker holds these: remove them, mark the deliveries published, log it."""
    if not rows:
        return
    entries = [
        Entry(
            Event.DELIVERY_PUBLISHED,
            at,
            actor="relay",
            agency_code=row.recipient_code,
            envelope_id=row.envelope_id,
            delivery_id=row.delivery_id,
            document_id=row.document_id,
            detail={"recipient": row.recipient_code, "system": row.system_id, "publication": row.attempt},
        )
        for row in rows
    ]
    if transaction.dialect.name == "postgresql":
        given = {
            "places": [row.seq for row in rows],
            "ids": [row.delivery_id for row in rows],
            "at": at,
            "audit_entry": bulk.dumps([entry.row() for entry in entries]),
        }
        transaction.execute(_CONFIRMING, given)
        return
    transaction.execute(delete(outbox).where(outbox.c.seq.in_([row.seq for row in rows])))
    transaction.execute(
        update(delivery)
        .where(delivery.c.id.in_([row.delivery_id for row in rows]), delivery.c.state.in_(before("published")))
        .values(state="published", since=at, publications=delivery.c.publications + 1)
    )
    exchange_log.append(transaction, entries)


_CONFIRMING = text(
    f"""
    WITH gone AS (
        DELETE FROM outbox WHERE seq = ANY(CAST(:places AS bigint[]))
    ), marked AS (
        UPDATE delivery SET state = 'published', since = :at, publications = publications + 1
        WHERE id = ANY(CAST(:ids AS text[])) AND state IN ({", ".join(f"'{state}'" for state in before("published"))})
    )
    {bulk.insert(audit_entry, "postgresql", AUDIT)}
    """  # noqa: S608 - built from constants only
).bindparams(bindparam("at", type_=Instant()))


def release(transaction: Transaction, rows: Sequence[OutboxRow]) -> None:
    """Give claims back at once, for the next try."""
    if rows:
        transaction.execute(
            update(outbox).where(outbox.c.seq.in_([row.seq for row in rows])).values(claimed_until=null())
        )


def postpone(transaction: Transaction, rows: Sequence[OutboxRow], until: datetime) -> None:
    """Keep rows from being claimed until ``until``."""
    if rows:
        transaction.execute(
            update(outbox).where(outbox.c.seq.in_([row.seq for row in rows])).values(claimed_until=until)
        )


def _since(cutoff: datetime, at: datetime) -> ColumnElement[bool]:
    return or_(delivery.c.since < cutoff, delivery.c.since > at + AHEAD)


def stranded(transaction: Transaction, cutoff: datetime, at: datetime) -> dict[str, int]:
    """Per system: deliveries published before ``cutoff`` that nobody took over and that are not in the outbox."""
    rows = transaction.execute(
        select(delivery.c.system_id, func.count())
        .where(delivery.c.state.in_(IN_TRANSIT), _since(cutoff, at))
        .where(~select(outbox.c.seq).where(outbox.c.delivery_id == delivery.c.id).exists())
        .group_by(delivery.c.system_id)
    )
    return {row[0]: row[1] for row in rows}


def republish(transaction: Transaction, system_id: str, cutoff: datetime, at: datetime, limit: int) -> int:
    """Put stranded deliveries of one system back into the outbox; returns how many."""
    rows = transaction.execute(
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            delivery.c.recipient_code,
            delivery.c.priority,
            delivery.c.publications,
            envelope.c.document_id,
            envelope.c.traceparent,
        )
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(delivery.c.system_id == system_id, delivery.c.state.in_(IN_TRANSIT), _since(cutoff, at))
        .where(~select(outbox.c.seq).where(outbox.c.delivery_id == delivery.c.id).exists())
        .order_by(delivery.c.id)
        .limit(limit)
        .with_for_update(of=delivery, skip_locked=True)
    ).all()
    if not rows:
        return 0
    transaction.execute(
        insert(outbox),
        [
            {
                "delivery_id": row.id,
                "envelope_id": row.envelope_id,
                "system_id": system_id,
                "recipient_code": row.recipient_code,
                "document_id": row.document_id,
                "priority": row.priority,
                "attempt": row.publications + 1,
                "traceparent": row.traceparent,
            }
            for row in rows
        ],
    )
    transaction.execute(
        update(delivery).where(delivery.c.id.in_([row.id for row in rows])).values(state="pending", since=at)
    )
    exchange_log.append(
        transaction,
        [
            Entry(
                Event.DELIVERY_REPUBLISHED,
                at,
                actor="sweep",
                agency_code=row.recipient_code,
                envelope_id=row.envelope_id,
                delivery_id=row.id,
                document_id=row.document_id,
                detail={"recipient": row.recipient_code, "system": system_id},
            )
            for row in rows
        ],
    )
    return len(rows)


def waiting(transaction: Transaction) -> int:
    """Rows in the outbox."""
    return transaction.execute(select(func.count()).select_from(outbox)).scalar_one()


def any_free(transaction: Transaction, at: datetime) -> bool:
    """Whether a claim would find something."""
    found = select(literal(1)).where(or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until < at)).limit(1)
    return transaction.execute(found).one_or_none() is not None

"""Statements of the carriage: claiming what the hub must bring to a system, and what came of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, null, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.audit import Entry, Event
from hub.ledger import deliveries, envelopes, exchange_log, leasing, systems
from hub.ledger.deliveries import DeliveryRecord, Leased
from hub.ledger.delivery_tables import attempt, circuit, receipt_cursor
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import PartRecord
from hub.ledger.feed import Cursor, settled
from hub.ledger.tables import TAKEABLE, delivery, envelope, receipt, system
from hub.registry.model import System


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery under the courier's lease. ``expires_at`` is None where the document sets no limit."""

    letter: Leased
    parts: tuple[PartRecord, ...]
    traceparent: str
    expires_at: datetime | None


def due(transaction: Transaction, system_ids: Sequence[str], at: datetime) -> set[str]:
    """Those of the systems to which something may be handed over now: none suspended, disabled or left alone."""
    waits = select(circuit.c.system_id).where(circuit.c.system_id == system.c.id, circuit.c.retry_at > at)
    found = select(delivery.c.id).where(
        delivery.c.system_id == system.c.id, delivery.c.state.in_(TAKEABLE), delivery.c.available_at <= at
    )
    rows = transaction.execute(
        select(system.c.id).where(
            system.c.id.in_(list(system_ids)),
            system.c.active,
            system.c.disabled_at.is_(None),
            found.exists(),
            ~waits.exists(),
        )
    )
    return set(rows.scalars())


def claim(
    transaction: Transaction, system_id: str, lease_id: str, limit: int, threshold: int, at: datetime, until: datetime
) -> tuple[System | None, list[Claimed]]:
    """Lease up to ``limit`` deliveries for handing over, most urgent first. None for a system that takes nothing now.

    After ``threshold`` failures in a row only one delivery goes out, to find out whether the system is back.
    """
    target = systems.by_id(transaction, system_id)
    if target is None or target.disabled or not target.active:
        return None, []
    allowed = _allowed(transaction, system_id, limit, threshold, at, until)
    if not allowed:
        return target, []
    letters = leasing.lease(transaction, system_id, lease_id, allowed, at, until, by_courier=True)
    return target, _claimed(transaction, letters)


def _allowed(
    transaction: Transaction, system_id: str, limit: int, threshold: int, at: datetime, until: datetime
) -> int:
    row = transaction.execute(
        select(circuit.c.failures, circuit.c.retry_at).where(circuit.c.system_id == system_id).with_for_update()
    ).one_or_none()
    if row is None:
        return limit
    if row.retry_at > at:
        return 0
    if row.failures < threshold:
        return limit
    # whoever else looks meanwhile sees the breaker open: one courier tries, with one document
    transaction.execute(update(circuit).where(circuit.c.system_id == system_id).values(retry_at=until))
    return 1


def _claimed(transaction: Transaction, letters: Sequence[Leased]) -> list[Claimed]:
    if not letters:
        return []
    found = transaction.execute(
        select(delivery.c.id, delivery.c.expires_at, envelope.c.traceparent)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(delivery.c.id.in_([one.id for one in letters]))
    )
    more = {row.id: row for row in found}
    return [
        Claimed(
            one,
            envelopes.parts_of(transaction, one.envelope_id) if one.parts else (),
            more[one.id].traceparent,
            more[one.id].expires_at,
        )
        for one in letters
    ]


def keep(transaction: Transaction, delivery_id: str, lease_id: str, until: datetime) -> bool:
    """Keep a claim while an attempt goes on; False when it is nobody's or somebody else's by now."""
    kept = transaction.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "leased", delivery.c.lease_id == lease_id)
        .values(available_at=until)
    )
    return kept.rowcount == 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of ``attempt``. ``outcome``: delivered, handed, transient, permanent or lapsed."""

    delivery_id: str
    number: int
    channel: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    code: str = ""
    detail: str = ""
    next_at: datetime | None = None


def record(transaction: Transaction, attempts: Sequence[Attempt]) -> None:
    """Keep attempts with their outcome."""
    if attempts:
        names = Attempt.__slots__
        transaction.execute(insert(attempt), [{name: getattr(one, name) for name in names} for one in attempts])


def attempts_of(transaction: Transaction, delivery_id: str) -> list[Attempt]:
    """All attempts at one delivery, oldest first."""
    rows = transaction.execute(
        select(*(attempt.c[name] for name in Attempt.__slots__))
        .where(attempt.c.delivery_id == delivery_id)
        .order_by(attempt.c.seq)
    )
    return [Attempt(*row) for row in rows]


def find(transaction: Transaction, delivery_id: str) -> DeliveryRecord | None:
    """The delivery, locked until the transaction ends."""
    return deliveries.find(transaction, [delivery_id], lock=True).get(delivery_id)


def put_back(transaction: Transaction, delivery_id: str, at: datetime, next_at: datetime, reason: str) -> None:
    """It is handed over again at ``next_at``; until then ``reason`` says what was wrong."""
    transaction.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "leased")
        .values(state="ready", since=at, available_at=next_at, lease_id=null(), reason=reason)
    )


def failures_of(transaction: Transaction, system_id: str) -> int:
    """Failures of a system in a row."""
    found = transaction.execute(
        select(circuit.c.failures).where(circuit.c.system_id == system_id).with_for_update()
    ).scalar_one_or_none()
    return found or 0


def note_failure(
    transaction: Transaction, system_id: str, failures: int, retry_at: datetime, code: str, detail: str, at: datetime
) -> None:
    """The system failed so often in a row and is left alone until ``retry_at``."""
    dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
    values = {"failures": failures, "retry_at": retry_at, "code": code, "detail": detail}
    statement = dialect.insert(circuit).values(system_id=system_id, since=at, **values)
    transaction.execute(statement.on_conflict_do_update(index_elements=["system_id"], set_=values))


def note_success(transaction: Transaction, system_id: str) -> int:
    """The system answers again; returns how often it had failed in a row."""
    gone = transaction.execute(
        delete(circuit).where(circuit.c.system_id == system_id).returning(circuit.c.failures)
    ).scalar_one_or_none()
    return gone or 0


def disable(transaction: Transaction, system_id: str, reason: str, at: datetime) -> bool:
    """Stop handing over to a system until an operator enables it; False when it is disabled already."""
    changed = transaction.execute(
        update(system)
        .where(system.c.id == system_id, system.c.disabled_at.is_(None))
        .values(disabled_at=at, disabled_reason=reason)
    )
    return changed.rowcount == 1


def log_system(
    transaction: Transaction, kind: Event, system_id: str, code: str, at: datetime, **detail: object
) -> None:
    """An entry about a system that the courier has met."""
    entry = Entry(kind, at, actor="courier", code=code, detail={"system": system_id, **detail})
    exchange_log.append(transaction, [entry])


# ---------------------------------------------------------------- receipts for systems that are told


def untold(transaction: Transaction, system_ids: Sequence[str], at: datetime) -> list[str]:
    """Those of the systems that have receipts which they were not told of, and that may be told now."""
    seen = select(receipt_cursor.c.system_id).where(receipt_cursor.c.system_id == system.c.id)
    beyond = seen.where(tuple_(receipt_cursor.c.tx, receipt_cursor.c.seq) >= tuple_(receipt.c.tx, receipt.c.seq))
    news = select(receipt.c.seq).where(receipt.c.audience_system_id == system.c.id, ~beyond.exists())
    held = seen.where(receipt_cursor.c.retry_at > at)
    left_alone = select(circuit.c.system_id).where(circuit.c.system_id == system.c.id, circuit.c.retry_at > at)
    rows = transaction.execute(
        select(system.c.id).where(
            system.c.id.in_(list(system_ids)),
            system.c.active,
            system.c.disabled_at.is_(None),
            settled(news, receipt, transaction).exists(),
            ~held.exists(),
            ~left_alone.exists(),
        )
    )
    return list(rows.scalars())


def claim_feed(transaction: Transaction, system_id: str, at: datetime, until: datetime) -> Cursor | None:
    """Where to go on telling a system; nobody else does until ``until``. None when somebody is at it."""
    dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(receipt_cursor).values(system_id=system_id, tx=-1, seq=-1)
    transaction.execute(fresh.on_conflict_do_nothing(index_elements=["system_id"]))
    row = transaction.execute(
        update(receipt_cursor)
        .where(receipt_cursor.c.system_id == system_id)
        .where(or_(receipt_cursor.c.retry_at.is_(None), receipt_cursor.c.retry_at <= at))
        .values(retry_at=until)
        .returning(receipt_cursor.c.tx, receipt_cursor.c.seq)
    ).one_or_none()
    return None if row is None else Cursor(row.tx, row.seq)


def told(transaction: Transaction, system_id: str, cursor: Cursor) -> None:
    """Everything up to the cursor has been told."""
    transaction.execute(
        update(receipt_cursor)
        .where(receipt_cursor.c.system_id == system_id)
        .values(tx=cursor.tx, seq=cursor.seq, failures=0, retry_at=null())
    )


def not_told(transaction: Transaction, system_id: str, at: datetime, waits: Sequence[timedelta]) -> None:
    """Telling failed: the next try is after ``waits[failures in a row - 1]``, the last one for all that follow."""
    failures = transaction.execute(
        update(receipt_cursor)
        .where(receipt_cursor.c.system_id == system_id)
        .values(failures=receipt_cursor.c.failures + 1)
        .returning(receipt_cursor.c.failures)
    ).scalar_one()
    transaction.execute(
        update(receipt_cursor)
        .where(receipt_cursor.c.system_id == system_id)
        .values(retry_at=at + waits[min(failures, len(waits)) - 1])
    )

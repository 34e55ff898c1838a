"""Deliveries that were put where their system takes them from: how often, and what the system says of them later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from hub.ledger.delivery_tables import attempt
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery


@dataclass(frozen=True, slots=True)
class Course:
    """How handing over one delivery has gone: attempts so far, how often the system gave it back."""

    priority: int
    attempts: int
    returned: int


def times(transaction: Transaction, delivery_id: str) -> int:
    """How often a delivery was handed to its system, which had to settle by itself."""
    return transaction.execute(
        select(func.count()).where(attempt.c.delivery_id == delivery_id, attempt.c.outcome == "handed")
    ).scalar_one()


def course(transaction: Transaction, delivery_id: str) -> Course:
    """The delivery must be there."""
    returned = (
        select(func.count())
        .where(attempt.c.delivery_id == delivery.c.id, attempt.c.code == "returned")
        .scalar_subquery()
    )
    row = transaction.execute(
        select(delivery.c.priority, delivery.c.attempts, returned).where(delivery.c.id == delivery_id)
    ).one()
    return Course(*row)


def lease_again(
    transaction: Transaction, delivery_id: str, system_id: str, lease_id: str, at: datetime, until: datetime
) -> bool:
    """Lease to its system what it was handed before and what a later hand-over, which failed, put back.

    False when it is not in the inbox, is another system's, or was never handed over.
    """
    was_handed = select(attempt.c.seq).where(attempt.c.delivery_id == delivery.c.id, attempt.c.outcome == "handed")
    taken = transaction.execute(
        update(delivery)
        .where(
            delivery.c.id == delivery_id,
            delivery.c.system_id == system_id,
            delivery.c.state == "ready",
            was_handed.exists(),
        )
        .values(state="leased", since=at, lease_id=lease_id, available_at=until)
    )
    return taken.rowcount == 1

"""Which delivery a status message means, and which business status stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, or_, select, update

from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, envelope


@dataclass(frozen=True, slots=True)
class Correlated:
    """A delivery that a status message may mean."""

    id: str
    envelope_id: str
    business_type: int
    system_id: str
    recipient_code: str
    sender_code: str
    sender_system_id: str
    document_id: str
    sha256: str
    state: str


_CORRELATED = (
    delivery.c.id,
    delivery.c.envelope_id,
    envelope.c.business_type,
    delivery.c.system_id,
    delivery.c.recipient_code,
    envelope.c.sender_code,
    envelope.c.sender_system_id,
    envelope.c.document_id,
    envelope.c.sha256,
    delivery.c.state,
)


def correlate(transaction: Transaction, document_id: str, sender_code: str, recipient_code: str) -> list[Correlated]:
    """Deliveries of this document from this sender to this recipient, newest first."""
    rows = transaction.execute(
        select(*_CORRELATED)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .where(
            envelope.c.document_id == document_id,
            envelope.c.sender_code == sender_code,
            delivery.c.recipient_code == recipient_code,
            delivery.c.superseded_by.is_(None),
        )
        .order_by(envelope.c.received_at.desc())
        .limit(20)
    )
    return [Correlated(**row._mapping) for row in rows]


def correlated(transaction: Transaction, delivery_id: str) -> Correlated | None:
    row = transaction.execute(
        select(*_CORRELATED).join(envelope, envelope.c.id == delivery.c.envelope_id).where(delivery.c.id == delivery_id)
    ).one_or_none()
    return None if row is None else Correlated(**row._mapping)


def set_status(
    transaction: Transaction, delivery_id: str, code: str, description: str, at: datetime, replaces: Sequence[str]
) -> None:
    """Show ``code`` as the business status unless the present one outranks it: it may follow those in ``replaces``.

    A delivery that was sent again meanwhile hands it on to the one that is shown in its place.
    """
    may = or_(delivery.c.status_code.is_(None), delivery.c.status_code.in_(list(replaces)))
    following: str | None = delivery_id
    while following is not None:
        following = transaction.execute(
            update(delivery)
            .where(delivery.c.id == following)
            .values(
                status_code=case((may, code), else_=delivery.c.status_code),
                status_description=case((may, description), else_=delivery.c.status_description),
                status_at=case((may, at), else_=delivery.c.status_at),
            )
            .returning(delivery.c.superseded_by)
        ).scalar_one()

"""What those who run the hub should see at a glance, counted: for metrics and for the command line."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, Table, func, select

from hub.ledger.delivery_tables import circuit, mailing
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, outbox, system


@dataclass(frozen=True, slots=True)
class Troubles:
    """Rows waiting to be published; dead letters that nobody sent again; mails that came back after their delivery had
    counted as settled, not sent again; systems left alone; systems disabled."""

    outbox: int
    dead: int
    bounced: int
    left_alone: int
    disabled: int


def count(transaction: Transaction, threshold: int) -> Troubles:
    """``threshold``: failures in a row from which a system is left alone, but for single tries."""
    row = transaction.execute(
        select(
            _how_many(outbox),
            _how_many(
                delivery,
                delivery.c.state == "dead",
                delivery.c.closed_at.is_not(None),  # as the index of what is over says
                delivery.c.superseded_by.is_(None),
            ),
            _bounced(),
            _how_many(circuit, circuit.c.failures >= threshold),
            _how_many(system, system.c.disabled_at.is_not(None)),
        )
    ).one()
    return Troubles(*row)


def _bounced() -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(mailing.join(delivery, delivery.c.id == mailing.c.delivery_id))
        .where(
            mailing.c.bounced_at.is_not(None),
            mailing.c.policy == "document",
            delivery.c.state == "settled",
            delivery.c.superseded_by.is_(None),
        )
        .scalar_subquery()
    )


def _how_many(table: Table, *where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*where).scalar_subquery()

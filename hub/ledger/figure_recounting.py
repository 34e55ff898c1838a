"""What counting one month anew reads: its entries, whole letters from their first entry on, and the sums that stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text, tuple_

from hub.ledger.engine import Transaction
from hub.ledger.feed import Cursor
from hub.ledger.figure_counting import AT_ONCE, UNCOUNTED, Counted, DeliveryFacts, Row
from hub.ledger.figure_tables import figure_code, figure_month, figure_time
from hub.ledger.tables import audit_entry, delivery

_ENTRY = [audit_entry.c[name] for name in Counted.__slots__]
_COUNTED = audit_entry.c.kind.not_in(UNCOUNTED)
ANSWERED = "change.answered"


def _before(upto: Cursor) -> ColumnElement[bool]:
    """Counted already."""
    place = tuple_(audit_entry.c.tx, audit_entry.c.seq)
    return place <= tuple_(upto.tx, upto.seq)


def one_view(transaction: Transaction) -> None:
    """All that this transaction reads is of one moment. To be called before it reads anything."""
    if transaction.dialect.name == "postgresql":
        transaction.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


def entries_of(
    transaction: Transaction, since: datetime, until: datetime, upto: Cursor, page: int = AT_ONCE
) -> Iterator[list[Counted]]:
    """The entries of a time that are counted already, a page at a time."""
    column = audit_entry.c
    wanted = and_(column.at >= since, column.at < until, _COUNTED, _before(upto))
    statement = select(*_ENTRY).where(wanted).order_by(column.at, column.seq).limit(page)
    found = [Counted(*tuple(row)) for row in transaction.execute(statement)]
    while found:
        yield found
        last = found[-1]
        after = or_(column.at > last.at, and_(column.at == last.at, column.seq > last.seq))
        found = [Counted(*tuple(row)) for row in transaction.execute(statement.where(after))]


def answers(transaction: Transaction, upto: Cursor) -> list[Counted]:
    """Every answer to a recall or change: it stands under the envelope that asked, and is about another one."""
    column = audit_entry.c
    statement = select(*_ENTRY).where(column.kind == ANSWERED, _before(upto))
    return [Counted(*tuple(row)) for row in transaction.execute(statement)]


def histories(transaction: Transaction, envelope_ids: Sequence[str], upto: Cursor) -> list[Counted]:
    """All that was counted of these envelopes, but for answers."""
    column = audit_entry.c
    wanted = and_(column.envelope_id.in_(envelope_ids), _COUNTED, column.kind != ANSWERED)
    statement = select(*_ENTRY).where(wanted, _before(upto))
    return [Counted(*tuple(row)) for row in transaction.execute(statement)]


def deliveries_of(transaction: Transaction, envelope_ids: Sequence[str]) -> dict[str, DeliveryFacts]:
    """Every delivery of these envelopes, by id."""
    columns = [delivery.c[name] for name in DeliveryFacts.__slots__]
    rows = transaction.execute(select(*columns).where(delivery.c.envelope_id.in_(envelope_ids)))
    return {row.id: DeliveryFacts(*tuple(row)) for row in rows}


def due_in(transaction: Transaction, since: datetime, until: datetime) -> set[str]:
    """Envelopes with a deadline in a time. Reads all deliveries: there is no index for it."""
    column = delivery.c
    by = (and_(one >= since, one < until) for one in (column.confirm_by, column.process_by))
    return set(transaction.execute(select(column.envelope_id).where(or_(*by)).distinct()).scalars())


def standing(transaction: Transaction, month: str) -> tuple[list[Row], list[Row], list[Row]]:
    """The sums of a month as they stand: of ``figure_month``, ``figure_time`` and ``figure_code``."""
    found: list[Any] = []
    for table in (figure_month, figure_time, figure_code):
        found.append([dict(row) for row in transaction.execute(select(table).where(table.c.month == month)).mappings()])
    return found[0], found[1], found[2]

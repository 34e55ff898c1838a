"""Alerts: what stands, what somebody took note of, what is over. What each kind means is known to ``hub.alerts``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, null, or_, select, update

from hub.ledger.alert_tables import alert
from hub.ledger.engine import Transaction

COUNT_LIMIT = 1000
STATES = ("open", "acknowledged", "ended")


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One trouble from its beginning to its end; ``rank`` 0 is worst."""

    id: str
    kind: str
    subject: str
    rank: int
    step: int
    detail: dict[str, Any]
    since: datetime
    last_at: datetime
    count: int
    again_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str = ""
    ended_at: datetime | None = None

    @property
    def state(self) -> str:
        if self.ended_at is not None:
            return "ended"
        return "open" if self.acknowledged_at is None else "acknowledged"


def add(transaction: Transaction, record: AlertRecord) -> None:
    transaction.execute(insert(alert).values({name.name: getattr(record, name.name) for name in alert.c}))


def change(transaction: Transaction, alert_id: str, **values: Any) -> None:
    """Set columns; None empties one."""
    given = {name: null() if value is None else value for name, value in values.items()}
    transaction.execute(update(alert).where(alert.c.id == alert_id).values(given))


def seen(transaction: Transaction, alert_ids: Sequence[str], at: datetime) -> None:
    """They last."""
    for start in range(0, len(alert_ids), COUNT_LIMIT):
        part = alert_ids[start : start + COUNT_LIMIT]
        transaction.execute(update(alert).where(alert.c.id.in_(part)).values(last_at=at))


def find(transaction: Transaction, alert_id: str, *, lock: bool = False) -> AlertRecord | None:
    statement = select(alert).where(alert.c.id == alert_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _record(row)


def standing(transaction: Transaction) -> list[AlertRecord]:
    """All that is not over."""
    return [_record(row) for row in transaction.execute(select(alert).where(alert.c.ended_at.is_(None)))]


def ended_since(transaction: Transaction, at: datetime) -> list[AlertRecord]:
    """What ended lately, in this order."""
    rows = transaction.execute(select(alert).where(alert.c.ended_at >= at).order_by(alert.c.ended_at))
    return [_record(row) for row in rows]


def of_ids(transaction: Transaction, alert_ids: Iterable[str]) -> dict[str, AlertRecord]:
    rows = transaction.execute(select(alert).where(alert.c.id.in_(list(alert_ids))))
    return {row.id: _record(row) for row in rows}


_WHERE: dict[str, ColumnElement[bool]] = {
    "open": and_(alert.c.ended_at.is_(None), alert.c.acknowledged_at.is_(None)),
    "acknowledged": and_(alert.c.ended_at.is_(None), alert.c.acknowledged_at.is_not(None)),
    "ended": alert.c.ended_at.is_not(None),
}


def page(
    transaction: Transaction, state: str, after: tuple[int, str] | None = None, limit: int = 50
) -> list[AlertRecord]:
    """Alerts of a state, the worst first, then the newest; what is over by its identifier alone, the newest first.

    ``after``: rank and identifier of the last one that was shown.
    """
    statement = select(alert).where(_WHERE[state]).limit(limit)
    if state == "ended":
        statement = statement.order_by(alert.c.id.desc())
        beyond = None if after is None else alert.c.id < after[1]
    else:
        statement = statement.order_by(alert.c.rank, alert.c.id.desc())
        beyond = (
            None
            if after is None
            else or_(alert.c.rank > after[0], and_(alert.c.rank == after[0], alert.c.id < after[1]))
        )
    rows = transaction.execute(statement if beyond is None else statement.where(beyond))
    return [_record(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Open:
    """Alerts that nobody has taken note of, up to ``COUNT_LIMIT``: how many, and how many of them are bad."""

    count: int
    bad: int


def count_open(transaction: Transaction) -> Open:
    """For the overview and the navigation."""
    rows = select(alert.c.rank).where(_WHERE["open"]).order_by(alert.c.rank).limit(COUNT_LIMIT).subquery()
    bad = func.coalesce(func.sum((rows.c.rank == 0).cast(alert.c.rank.type)), 0)
    found = transaction.execute(select(func.count(), bad).select_from(rows)).one()
    return Open(int(found[0]), int(found[1]))


def _record(row: Row[Any]) -> AlertRecord:
    return AlertRecord(**row._mapping)

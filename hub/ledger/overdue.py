"""Deliveries whose deadlines are looked after, and those that have missed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal, or_, select, text, union_all, update

from hub.clock import parse_rfc3339, rfc3339
from hub.ledger.delivery_tables import UNCONFIRMED, UNPROCESSED
from hub.ledger.engine import Transaction
from hub.ledger.search import agencies_named
from hub.ledger.tables import agency, delivery, envelope

# states in which a delivery is not waited for any more, except settled: then the office's word is
ENDED = ("refused", "dead", "withdrawn")
# what the office reports when it is through with a document, or its sender when it takes it back (see UNPROCESSED)
REPORTED_ENDS = ("02", "06", "13", "15", "16")
COUNT_LIMIT = 100_000
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Chased:
    """A delivery with its letter as the chaser needs it."""

    id: str
    envelope_id: str
    system_id: str
    recipient_code: str
    sender_code: str
    sender_system_id: str
    document_id: str
    sha256: str
    number: str
    notation: str
    subject: str
    document_type: str
    priority: int
    business_type: int
    due_on: date | None
    state: str
    available_at: datetime | None
    status_code: str | None
    not_before: datetime | None
    expires_at: datetime | None
    confirm_by: datetime | None
    process_by: datetime | None
    chase_at: datetime | None
    chase_step: str
    superseded_by: str | None


_OF_LETTER = {"sender_code", "sender_system_id", "document_id", "sha256", "number", "notation", "subject"}
_OF_LETTER |= {"document_type", "priority", "business_type", "due_on"}
_CHASED = [(envelope if name in _OF_LETTER else delivery).c[name] for name in Chased.__slots__]


def due(transaction: Transaction, now: datetime, limit: int) -> list[Chased]:
    """Deliveries to be looked at, the longest due first, locked; what another sweep has locked is left to it."""
    return _chased(
        transaction,
        _joined()
        .where(delivery.c.chase_at <= now)
        .order_by(delivery.c.chase_at)
        .limit(limit)
        .with_for_update(of=delivery, skip_locked=True),
    )


def locked(transaction: Transaction, delivery_ids: Sequence[str]) -> list[Chased]:
    """These deliveries, locked until the transaction ends."""
    statement = _joined().where(delivery.c.id.in_(list(delivery_ids))).order_by(delivery.c.id)
    return _chased(transaction, statement.with_for_update(of=delivery))


def _joined() -> Select[Any]:
    return select(*_CHASED).join(envelope, envelope.c.id == delivery.c.envelope_id)


def _chased(transaction: Transaction, statement: Select[Any]) -> list[Chased]:
    return [Chased(*tuple(row)) for row in transaction.execute(statement)]


def remember(transaction: Transaction, looks: Sequence[tuple[str, datetime | None, str]]) -> None:
    """Keep when each delivery is looked at next and how far it was chased."""
    if looks:
        statement = (
            update(delivery)
            .where(delivery.c.id == bindparam("which"))
            .values(chase_at=bindparam("next_at"), chase_step=bindparam("step"))
        )
        transaction.execute(statement, [{"which": one, "next_at": at, "step": step} for one, at, step in looks])


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """A current delivery that has missed a deadline. ``which``: unconfirmed or unprocessed."""

    id: str
    envelope_id: str
    which: str
    deadline: datetime
    recipient_code: str
    recipient_name: str
    sender_code: str
    sender_name: str
    number: str
    notation: str
    subject: str
    document_type: str
    priority: int
    business_type: int
    due_on: date | None
    received_at: datetime
    state: str
    status_code: str | None
    chase_step: str


@dataclass(frozen=True, slots=True)
class OverduePage:
    """A page, the latest missed deadline first, with cursors to its neighbours."""

    rows: list[OverdueRow]
    older: str
    newer: str


def page(
    transaction: Transaction,
    now: datetime,
    *,
    agency_text: str = "",
    which: str = "",
    own_agency: str | None = None,
    before: str = "",
    after: str = "",
    limit: int = PER_PAGE,
) -> OverduePage:
    """What is overdue, by recipient or sender. ``own_agency`` limits it to what that agency sent or received.

    ``before`` and ``after`` are cursors of an earlier page; one that is malformed counts as none.
    """
    conditions = _of_agencies([own_agency]) if own_agency is not None else []
    if agency_text:
        conditions += _of_agencies(agencies_named(transaction, agency_text))
    forward = bool(after) and not before
    cursor = _cursor(after if forward else before)
    missed = _missed(now, which, conditions, cursor, limit + 1, forward=forward)
    found = [OverdueRow(*tuple(row)) for row in transaction.execute(_described(missed, forward=forward))]
    more, found = len(found) > limit, found[:limit]
    if forward:
        found.reverse()
    first, last = (_token(found[0]), _token(found[-1])) if found else ("", "")
    older = last if more or forward else ""
    newer = first if (more if forward else cursor is not None) else ""
    return OverduePage(found, older, newer)


def chosen(
    transaction: Transaction, now: datetime, delivery_ids: Sequence[str], own_agency: str | None = None
) -> list[OverdueRow]:
    """Those of these deliveries that are overdue and that the reader may see, the latest missed deadline first."""
    conditions: list[ColumnElement[bool]] = [delivery.c.id.in_(list(delivery_ids))]
    if own_agency is not None:
        conditions += _of_agencies([own_agency])
    missed = _missed(now, "", conditions, None, len(delivery_ids) * 2, forward=False)
    rows = transaction.execute(_described(missed, forward=False))
    return list({row.id: row for row in (OverdueRow(*tuple(one)) for one in rows)}.values())


def count(transaction: Transaction, now: datetime, own_agency: str | None = None, limit: int = COUNT_LIMIT) -> int:
    """How many deliveries are overdue, counted up to ``limit``."""
    conditions = _of_agencies([own_agency]) if own_agency is not None else []
    missed = _missed(now, "", conditions, None, limit, forward=False)
    return transaction.execute(select(func.count()).select_from(missed.subquery())).scalar_one()


def _missed(
    now: datetime,
    which: str,
    conditions: list[ColumnElement[bool]],
    cursor: tuple[datetime, str] | None,
    limit: int,
    *,
    forward: bool,
) -> Select[Any]:
    """Identifier, which deadline and when it was; each branch is one partial index in its order."""
    branches = []
    for name, predicate, column in (
        ("unconfirmed", UNCONFIRMED, delivery.c.confirm_by),
        ("unprocessed", UNPROCESSED, delivery.c.process_by),
    ):
        if which not in ("", name):
            continue
        branch = select(delivery.c.id, literal(name).label("which"), column.label("deadline"))
        branch = branch.where(text(predicate), column < now, *conditions)
        if cursor is not None:
            branch = branch.where(_beyond(column, cursor, forward=forward))
        order = (column.asc(), delivery.c.id.asc()) if forward else (column.desc(), delivery.c.id.desc())
        # SQLite allows ORDER BY and LIMIT in a branch only inside a subquery
        branches.append(select(branch.order_by(*order).limit(limit).subquery()))
    both = union_all(*branches).subquery()
    order = (both.c.deadline.asc(), both.c.id.asc()) if forward else (both.c.deadline.desc(), both.c.id.desc())
    return select(both).order_by(*order).limit(limit)


def _beyond(column: Any, cursor: tuple[datetime, str], *, forward: bool) -> ColumnElement[bool]:
    moment, identifier = cursor
    if forward:
        return or_(column > moment, and_(column == moment, delivery.c.id > identifier))
    return or_(column < moment, and_(column == moment, delivery.c.id < identifier))


def _described(missed: Select[Any], *, forward: bool) -> Select[Any]:
    late = missed.subquery("late")
    sender, recipient = agency.alias("sender"), agency.alias("recipient")
    rest = [
        (envelope if name in envelope.c and name not in ("id", "state") else delivery).c[name]
        for name in OverdueRow.__slots__[8:]
    ]
    columns = (delivery.c.recipient_code, recipient.c.name, envelope.c.sender_code, sender.c.name, *rest)
    order = (late.c.deadline.asc(), late.c.id.asc()) if forward else (late.c.deadline.desc(), late.c.id.desc())
    return (
        select(delivery.c.id, delivery.c.envelope_id, late.c.which, late.c.deadline, *columns)
        .join(late, late.c.id == delivery.c.id)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .join(sender, sender.c.code == envelope.c.sender_code)
        .join(recipient, recipient.c.code == delivery.c.recipient_code)
        .order_by(*order)
    )


def _of_agencies(codes: Sequence[str]) -> list[ColumnElement[bool]]:
    sent = select(envelope.c.id).where(envelope.c.id == delivery.c.envelope_id, envelope.c.sender_code.in_(codes))
    return [or_(delivery.c.recipient_code.in_(codes), sent.exists())]


def _token(row: OverdueRow) -> str:
    return f"{rfc3339(row.deadline)}_{row.id}"


def _cursor(token: str) -> tuple[datetime, str] | None:
    moment, _, identifier = token.partition("_")
    try:
        return (parse_rfc3339(moment), identifier) if identifier else None
    except ValueError:
        return None

"""Dead letters: what the hub gave up, why, what was tried, and that the octets are still kept. A list to work off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select

from hub.clock import VIETNAM, parse_rfc3339, rfc3339
from hub.ledger.carriage import Attempt
from hub.ledger.delivery_tables import attempt, replay, replay_item
from hub.ledger.engine import Transaction
from hub.ledger.replays import given_up_for
from hub.ledger.search import agencies_named
from hub.ledger.tables import agency, delivery, envelope, system

PER_PAGE = 50
COUNT_LIMIT = 100_000
# literal: SQLite and PostgreSQL then see that the index of what has ended serves
# all that is over has its time: said, so that the index of what is over serves
_DEAD = and_(delivery.c.state == literal_column("'dead'"), delivery.c.closed_at.is_not(None))


@dataclass(frozen=True, slots=True)
class Filters:
    """``agency``: sender or recipient, by code or part of the name. ``own_agency`` is whose letters the reader may see.

    Days are Vietnam's and mean when a delivery was given up.
    """

    agency: str = ""
    system: str = ""
    code: str = ""
    first_day: date | None = None
    last_day: date | None = None
    own_agency: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up. ``code`` is one of ``hub.delivery.failures``, ``detail`` what was seen.

    ``asked_in`` is a replay of it that waits for a second person.
    """

    id: str
    envelope_id: str
    number: str
    notation: str
    subject: str
    document_type: str
    document_id: str
    priority: int
    sender_code: str
    sender_name: str
    recipient_code: str
    recipient_name: str
    system_name: str
    channel: str
    reason: str
    died_at: datetime
    round: int
    attempts: int
    sha256: str
    size: int
    asked_in: str | None

    @property
    def code(self) -> str:
        return self.reason.partition(":")[0]

    @property
    def detail(self) -> str:
        return self.reason.partition(":")[2].strip()


@dataclass(frozen=True, slots=True)
class DeadPage:
    """A page, the latest first, with cursors to its neighbours."""

    rows: list[DeadLetter]
    older: str
    newer: str


_WAITS = (
    select(func.min(replay.c.id))
    .join(replay_item, replay_item.c.replay_id == replay.c.id)
    .where(replay_item.c.delivery_id == delivery.c.id, replay.c.state == "asked")
    .scalar_subquery()
)


def page(
    transaction: Transaction, filters: Filters, *, before: str = "", after: str = "", limit: int = PER_PAGE
) -> DeadPage:
    """Dead letters that nobody has sent again; a malformed cursor counts as none."""
    forward = bool(after) and not before
    cursor = _cursor(after if forward else before)
    conditions = _conditions(transaction, filters)
    if cursor is not None:
        conditions.append(_beyond(cursor, forward=forward))
    order = (delivery.c.closed_at, delivery.c.id)
    statement = _described().where(*conditions).limit(limit + 1)
    statement = statement.order_by(*(column.asc() if forward else column.desc() for column in order))
    found = [DeadLetter(*tuple(row)) for row in transaction.execute(statement)]
    more, found = len(found) > limit, found[:limit]
    if forward:
        found.reverse()
    first, last = (_token(found[0]), _token(found[-1])) if found else ("", "")
    older = last if more or forward else ""
    newer = first if (more if forward else cursor is not None) else ""
    return DeadPage(found, older, newer)


def _described() -> Select[Any]:
    sender, recipient = agency.alias("sender"), agency.alias("recipient")
    return (
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            *(envelope.c[name] for name in ("number", "notation", "subject", "document_type", "document_id")),
            delivery.c.priority,
            envelope.c.sender_code,
            sender.c.name,
            delivery.c.recipient_code,
            recipient.c.name,
            system.c.name,
            system.c.channel,
            delivery.c.reason,
            delivery.c.closed_at,
            delivery.c.round,
            delivery.c.attempts,
            envelope.c.sha256,
            envelope.c.size,
            _WAITS,
        )
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .join(sender, sender.c.code == envelope.c.sender_code)
        .join(recipient, recipient.c.code == delivery.c.recipient_code)
        .join(system, system.c.id == delivery.c.system_id)
    )


def _conditions(transaction: Transaction, filters: Filters) -> list[ColumnElement[bool]]:
    found = [_DEAD, delivery.c.superseded_by.is_(None)]
    if filters.own_agency is not None:
        found.append(_of_agencies([filters.own_agency]))
    if filters.agency:
        found.append(_of_agencies(agencies_named(transaction, filters.agency)))
    if filters.system:
        found.append(system.c.name == filters.system)
    if filters.code:
        found.append(given_up_for(filters.code))
    if filters.first_day is not None:
        found.append(delivery.c.closed_at >= day_start(filters.first_day))
    if filters.last_day is not None:
        found.append(delivery.c.closed_at < day_end(filters.last_day))
    return found


def day_start(day: date) -> datetime:
    """The first moment of a day in Vietnam."""
    return datetime.combine(day, time(), VIETNAM)


def day_end(day: date) -> datetime:
    """The first moment of the day after."""
    return day_start(day + timedelta(days=1))


def _of_agencies(codes: Sequence[str]) -> ColumnElement[bool]:
    return or_(delivery.c.recipient_code.in_(codes), envelope.c.sender_code.in_(codes))


def _beyond(cursor: tuple[datetime, str], *, forward: bool) -> ColumnElement[bool]:
    moment, identifier = cursor
    column = delivery.c.closed_at
    if forward:
        return or_(column > moment, and_(column == moment, delivery.c.id > identifier))
    return or_(column < moment, and_(column == moment, delivery.c.id < identifier))


def _token(row: DeadLetter) -> str:
    return f"{rfc3339(row.died_at)}_{row.id}"


def _cursor(token: str) -> tuple[datetime, str] | None:
    moment, _, identifier = token.partition("_")
    try:
        return (parse_rfc3339(moment), identifier) if identifier else None
    except ValueError:
        return None


def count(transaction: Transaction, own_agency: str | None = None, limit: int = COUNT_LIMIT) -> int:
    """How many dead letters nobody has sent again, counted up to ``limit``."""
    rows = select(delivery.c.id).where(_DEAD, delivery.c.superseded_by.is_(None))
    if own_agency is not None:
        rows = rows.join(envelope, envelope.c.id == delivery.c.envelope_id).where(_of_agencies([own_agency]))
    return transaction.execute(select(func.count()).select_from(rows.limit(limit).subquery())).scalar_one()


def codes(transaction: Transaction, own_agency: str | None = None) -> list[str]:
    """The failure codes that dead letters have, of the latest ``COUNT_LIMIT``."""
    rows = select(delivery.c.reason).where(_DEAD, delivery.c.superseded_by.is_(None))
    if own_agency is not None:
        rows = rows.join(envelope, envelope.c.id == delivery.c.envelope_id).where(_of_agencies([own_agency]))
    reasons = transaction.execute(rows.distinct().limit(COUNT_LIMIT)).scalars()
    return sorted({reason.partition(":")[0] for reason in reasons} - {""})


def attempts_of(transaction: Transaction, delivery_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    """The attempts at each of these deliveries, oldest first; those without any are left out."""
    found: dict[str, list[Attempt]] = defaultdict(list)
    if delivery_ids:
        rows = transaction.execute(
            select(*(attempt.c[name] for name in Attempt.__slots__))
            .where(attempt.c.delivery_id.in_(list(delivery_ids)))
            .order_by(attempt.c.seq)
        )
        for row in rows:
            found[row.delivery_id].append(Attempt(*tuple(row)))
    return dict(found)


@dataclass(frozen=True, slots=True)
class Standing:
    """One delivery as its sender and its recipient may see it."""

    id: str
    envelope_id: str
    document_id: str
    sha256: str
    size: int
    sender_code: str
    sender_system_id: str
    system_id: str
    recipient_code: str
    state: str
    since: datetime
    available_at: datetime | None
    attempts: int
    reason: str
    priority: int
    status_code: str | None
    status_description: str
    status_at: datetime | None
    round: int
    superseded_by: str | None
    confirm_by: datetime | None
    process_by: datetime | None
    expires_at: datetime | None

    @property
    def next_attempt_at(self) -> datetime | None:
        return next_attempt(self.state, self.attempts, self.available_at)


def next_attempt(state: str, attempts: int, available_at: datetime | None) -> datetime | None:
    """When a delivery that came back is handed over, or may be taken, again; None for others."""
    return available_at if state == "ready" and attempts else None


_LETTER = ("document_id", "sha256", "size", "sender_code", "sender_system_id")


def standing(transaction: Transaction, delivery_id: str) -> Standing | None:
    """A delivery by its identifier, of any round."""
    columns = [(envelope if name in _LETTER else delivery).c[name] for name in Standing.__slots__]
    row = transaction.execute(
        select(*columns).join(envelope, envelope.c.id == delivery.c.envelope_id).where(delivery.c.id == delivery_id)
    ).one_or_none()
    return None if row is None else Standing(*tuple(row))

"""The overview: what happened in the last day, what waits now, and what needs a look.

Every figure is counted up to ``COUNT_LIMIT`` rows: a great backlog makes the figure "that many or more", never the
page slow. ``agency`` limits everything to the letters that one agency sent or received; None means all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, func, literal_column, or_, select, type_coerce, union_all

from hub.ledger.engine import Transaction
from hub.ledger.tables import IN_TRANSIT, TAKEABLE, agency, audit_entry, delivery, envelope, system

COUNT_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one period (``accepted`` … ``dead``) and of this moment (``waiting``, ``in_transit``)."""

    accepted: int
    delivered: int
    refused_deliveries: int
    refused_submissions: int
    dead: int
    waiting: int
    in_transit: int
    in_transit_since: datetime | None

    @property
    def refused(self) -> int:
        return self.refused_deliveries + self.refused_submissions


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of exchange: letters accepted from senders, deliveries taken over by recipients."""

    start: datetime
    accepted: int
    delivered: int


@dataclass(frozen=True, slots=True)
class SlowSystem:
    """A system with letters waiting to be taken; ``oldest`` is since when the oldest waits."""

    name: str
    waiting: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """Submissions that were refused, or could not be judged, for one reason: how many, and when the last came."""

    code: str
    count: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Concern:
    """One delivery that needs a look: refused, dead, or waiting for long."""

    envelope_id: str
    number: str
    notation: str
    subject: str
    sender_name: str
    recipient_code: str
    recipient_name: str
    state: str
    reason: str
    at: datetime


def _mine(agency_code: str | None) -> list[ColumnElement[bool]]:
    """Deliveries that the agency received, or that belong to a letter it sent."""
    if agency_code is None:
        return []
    sent = select(envelope.c.id).where(envelope.c.id == delivery.c.envelope_id, envelope.c.sender_code == agency_code)
    return [or_(delivery.c.recipient_code == agency_code, sent.exists())]


def _count(transaction: Transaction, rows: Select[Any]) -> int:
    return transaction.execute(select(func.count()).select_from(rows.limit(COUNT_LIMIT).subquery())).scalar_one()


def _closed(state: str, since: datetime, agency_code: str | None) -> Select[Any]:
    rows = select(delivery.c.closed_at).where(
        delivery.c.state == state, delivery.c.closed_at >= since, *_mine(agency_code)
    )
    # trouble that was sent again is worked off; a letter that arrived did arrive
    return rows if state == "settled" else rows.where(delivery.c.superseded_by.is_(None))


def _accepted(since: datetime, agency_code: str | None) -> Select[Any]:
    rows = select(envelope.c.received_at).where(envelope.c.received_at >= since)
    return rows if agency_code is None else rows.where(envelope.c.sender_code == agency_code)


def _refused_submissions(since: datetime, agency_code: str | None) -> Select[Any]:
    # newest first by (kind, seq) or (agency_code, seq), cut before the time is looked at: bounded without another index
    newest = select(audit_entry.c.at).where(audit_entry.c.kind == "envelope.refused")
    if agency_code is not None:
        newest = newest.where(audit_entry.c.agency_code == agency_code)
    inner = newest.order_by(audit_entry.c.at.desc()).limit(COUNT_LIMIT).subquery()
    return select(inner.c.at).where(inner.c.at >= since)


def deferrals(transaction: Transaction, since: datetime) -> list[Reason]:
    """Submissions that could not be judged since then, by reason, the most frequent first. Nobody knows whose."""
    return _reasons(transaction, "envelope.deferred", since, None)


def refusals(transaction: Transaction, since: datetime, agency_code: str | None = None) -> list[Reason]:
    """Submissions that were refused since then, by reason, the most frequent first."""
    return _reasons(transaction, "envelope.refused", since, agency_code)


def _reasons(transaction: Transaction, kind: str, since: datetime, agency_code: str | None) -> list[Reason]:
    newest = (
        select(audit_entry.c.at, audit_entry.c.code)
        .where(audit_entry.c.kind == kind, *([] if agency_code is None else [audit_entry.c.agency_code == agency_code]))
        .order_by(audit_entry.c.at.desc(), audit_entry.c.seq.desc())
        .limit(COUNT_LIMIT)
        .subquery()
    )
    counted = (
        select(newest.c.code, func.count().label("count"), func.max(newest.c.at))
        .where(newest.c.at >= since)
        .group_by(newest.c.code)
        .order_by(func.count().desc(), newest.c.code)
    )
    return [Reason(*row) for row in transaction.execute(counted)]


# literal states: SQLite and PostgreSQL then see that the partial indexes serve
def _in_states(states: Iterable[str]) -> ColumnElement[bool]:
    return delivery.c.state.in_([literal_column(f"'{state}'") for state in states])


def figures(transaction: Transaction, since: datetime, agency_code: str | None = None) -> Figures:
    """The counts of the period from ``since`` until now, and of what is open now."""
    transit = select(delivery.c.since).where(_in_states(IN_TRANSIT), *_mine(agency_code))
    transit_rows = transit.limit(COUNT_LIMIT).subquery()
    in_transit, in_transit_since = transaction.execute(
        select(func.count(), func.min(transit_rows.c.since)).select_from(transit_rows)
    ).one()
    return Figures(
        accepted=_count(transaction, _accepted(since, agency_code)),
        delivered=_count(transaction, _closed("settled", since, agency_code)),
        refused_deliveries=_count(transaction, _closed("refused", since, agency_code)),
        refused_submissions=_count(transaction, _refused_submissions(since, agency_code)),
        dead=_count(transaction, _closed("dead", since, agency_code)),
        waiting=_count(transaction, select(delivery.c.id).where(_in_states(TAKEABLE), *_mine(agency_code))),
        in_transit=in_transit,
        in_transit_since=in_transit_since,
    )


def per_hour(
    transaction: Transaction, since: datetime, until: datetime, agency_code: str | None = None
) -> dict[datetime, Hour]:
    """Accepted and delivered by the hour (UTC) in which they happened; hours without any are left out."""
    accepted = _by_hour(transaction, _accepted(since, agency_code).where(envelope.c.received_at < until))
    delivered = _by_hour(transaction, _closed("settled", since, agency_code).where(delivery.c.closed_at < until))
    return {
        start: Hour(start, accepted.get(start, 0), delivered.get(start, 0)) for start in accepted.keys() | delivered
    }


def _by_hour(transaction: Transaction, moments: Select[Any]) -> dict[datetime, int]:
    moment = moments.subquery().columns[0]
    hour: ColumnElement[str]
    if transaction.dialect.name == "postgresql":
        hour = func.to_char(moment, literal_column("'YYYY-MM-DD\"T\"HH24'"))
    else:
        hour = func.substr(type_coerce(moment, Text), 1, 13)
    counted = select(hour.label("hour"), func.count()).group_by(literal_column("hour"))
    return {
        datetime.fromisoformat(f"{text}:00").replace(tzinfo=UTC): count for text, count in transaction.execute(counted)
    }


def slowest_systems(transaction: Transaction, agency_code: str | None = None, limit: int = 6) -> list[SlowSystem]:
    """Systems with letters waiting to be taken, the longest wait first."""
    open_rows = (
        select(delivery.c.system_id, delivery.c.envelope_id)
        .where(_in_states(TAKEABLE), *_mine(agency_code))
        .limit(COUNT_LIMIT)
        .subquery()
    )
    # identifiers are time-ordered: the least names the letter that has waited longest
    grouped = (
        select(open_rows.c.system_id, func.count().label("waiting"), func.min(open_rows.c.envelope_id).label("oldest"))
        .group_by(open_rows.c.system_id)
        .subquery()
    )
    rows = transaction.execute(
        select(system.c.name, grouped.c.waiting, envelope.c.received_at)
        .join(system, system.c.id == grouped.c.system_id)
        .join(envelope, envelope.c.id == grouped.c.oldest)
        .order_by(envelope.c.received_at)
        .limit(limit)
    )
    return [SlowSystem(*row) for row in rows]


def refused_deliveries(
    transaction: Transaction, since: datetime, agency_code: str | None = None, limit: int = 6
) -> list[Concern]:
    """Deliveries that recipients refused or the hub gave up, the latest first."""
    newest = and_(
        delivery.c.state.in_(("refused", "dead")),
        delivery.c.closed_at >= since,
        delivery.c.superseded_by.is_(None),
        *_mine(agency_code),
    )
    return _concerns(
        transaction, select(delivery.c.id).where(newest).order_by(delivery.c.closed_at.desc()).limit(limit)
    )


def waiting_longest(
    transaction: Transaction, before: datetime, agency_code: str | None = None, limit: int = 6
) -> list[Concern]:
    """Deliveries of letters accepted before ``before`` that nobody has taken, the oldest first."""
    # each part has its index; for both in one condition every delivery would be read
    parts = (
        select(delivery.c.id, delivery.c.envelope_id).where(_in_states(states), *_mine(agency_code))
        for states in (TAKEABLE, IN_TRANSIT)
    )
    open_rows = union_all(*parts).limit(COUNT_LIMIT).subquery()
    oldest = select(open_rows.c.id).order_by(open_rows.c.envelope_id).limit(limit)
    return [concern for concern in _concerns(transaction, oldest, oldest_first=True) if concern.at < before]


def _concerns(transaction: Transaction, chosen: Select[Any], *, oldest_first: bool = False) -> list[Concern]:
    ids = chosen.subquery()
    sender = agency.alias("sender")
    recipient = agency.alias("recipient")
    at = envelope.c.received_at if oldest_first else delivery.c.closed_at
    rows = transaction.execute(
        select(
            envelope.c.id,
            envelope.c.number,
            envelope.c.notation,
            envelope.c.subject,
            sender.c.name,
            delivery.c.recipient_code,
            recipient.c.name,
            delivery.c.state,
            delivery.c.reason,
            at,
        )
        .join(ids, ids.c.id == delivery.c.id)
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .join(sender, sender.c.code == envelope.c.sender_code)
        .join(recipient, recipient.c.code == delivery.c.recipient_code)
        .order_by(at if oldest_first else at.desc())
    )
    return [Concern(*tuple(row)) for row in rows]

"""What watches look at: the exchange as far as somebody may have to be told of it. Every part is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, func, literal_column, or_, select, text, tuple_, update

from hub.audit import Event
from hub.ledger import incidents, log_state, overview
from hub.ledger.alert_tables import alert_watch
from hub.ledger.engine import Transaction
from hub.ledger.feed import Cursor, settled
from hub.ledger.incidents import Incident
from hub.ledger.log_state import Progress
from hub.ledger.overview import Reason
from hub.ledger.revocation_tables import revocation_list
from hub.ledger.tables import (
    agency,
    agency_certificate,
    audit_entry,
    delivery,
    envelope,
    system,
)

COUNT_LIMIT = 100_000
MOST = 2000
# trouble with judging submissions is over when there was none for so long
QUIET = timedelta(minutes=15)
FIRST_LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pile:
    """Letters of one system: how many (up to ``COUNT_LIMIT``), and since when the oldest lies there."""

    system_id: str
    system: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class LastCertificate:
    """The one in use of an agency that ends last."""

    agency_code: str
    agency: str
    sha256: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Disabled:
    system_id: str
    system: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class StaleList:
    issuer: str
    next_update: datetime


@dataclass(frozen=True, slots=True)
class State:
    """``pending`` and ``published``: since when the oldest delivery waits for the relay, and for a courier."""

    dead: Sequence[Pile] = ()
    waiting: Sequence[Pile] = ()
    certificates: Sequence[LastCertificate] = ()
    disabled: Sequence[Disabled] = ()
    stale_lists: Sequence[StaleList] = ()
    deferrals: Sequence[Reason] = ()
    incidents: Sequence[Incident] = ()
    log: Progress | None = None
    pending: datetime | None = None
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What intake alerted operators to (``operator.alerted``)."""

    code: str
    agency_code: str
    agency: str
    envelope_id: str
    at: datetime


def read(transaction: Transaction, now: datetime, certificates_until: datetime) -> State:
    """Everything that lasts. ``certificates_until``: certificates that end later are left out."""
    transit = _transit(transaction)
    return State(
        dead=_dead(transaction),
        waiting=_waiting(transaction, now),
        certificates=_certificates(transaction, certificates_until),
        disabled=_disabled(transaction),
        stale_lists=_stale_lists(transaction, now),
        deferrals=overview.deferrals(transaction, now - QUIET),
        incidents=incidents.unclosed(transaction),
        log=log_state.progress(transaction),
        pending=transit.get("pending"),
        published=transit.get("published"),
    )


def _dead(transaction: Transaction) -> list[Pile]:
    rows = (
        select(delivery.c.system_id, delivery.c.closed_at)
        .where(delivery.c.state == "dead", delivery.c.closed_at.is_not(None), delivery.c.superseded_by.is_(None))
        .limit(COUNT_LIMIT)
        .subquery()
    )
    return _piles(transaction, rows, func.min(rows.c.closed_at))


def _waiting(transaction: Transaction, now: datetime) -> list[Pile]:
    """Without suspended systems, for which letters are meant to wait, and without letters for a later hour."""
    due = or_(delivery.c.not_before.is_(None), delivery.c.not_before <= now)
    # literal states: both stores then see that the partial index serves
    takeable = delivery.c.state.in_([literal_column("'ready'"), literal_column("'leased'")])
    rows = select(delivery.c.system_id, delivery.c.envelope_id).where(takeable, due).limit(COUNT_LIMIT).subquery()
    grouped = (
        select(rows.c.system_id, func.count().label("count"), func.min(rows.c.envelope_id).label("oldest"))
        .group_by(rows.c.system_id)
        .subquery()
    )
    found = transaction.execute(
        select(system.c.id, system.c.name, grouped.c.count, envelope.c.received_at)
        .join(system, system.c.id == grouped.c.system_id)
        .join(envelope, envelope.c.id == grouped.c.oldest)
        .where(system.c.active)
    )
    return [Pile(*row) for row in found]


def _piles(transaction: Transaction, rows: Any, oldest: Any) -> list[Pile]:
    found = transaction.execute(
        select(system.c.id, system.c.name, func.count(), oldest)
        .join(system, system.c.id == rows.c.system_id)
        .group_by(system.c.id, system.c.name)
    )
    return [Pile(*row) for row in found]


def _certificates(transaction: Transaction, until: datetime) -> list[LastCertificate]:
    table, other = agency_certificate.c, agency_certificate.alias("other")
    later = select(other.c.sha256).where(
        other.c.agency_code == table.agency_code, other.c.withdrawn_at.is_(None), other.c.not_after > table.not_after
    )
    rows = transaction.execute(
        select(table.agency_code, agency.c.name, table.sha256, table.not_after)
        .join(agency, agency.c.code == table.agency_code)
        .where(table.withdrawn_at.is_(None), table.not_after < until, agency.c.active, ~later.exists())
        .order_by(table.not_after)
        .limit(MOST)
    )
    return [LastCertificate(*row) for row in rows]


def _disabled(transaction: Transaction) -> list[Disabled]:
    columns = (system.c.id, system.c.name, system.c.disabled_at, system.c.disabled_reason)
    rows = transaction.execute(select(*columns).where(system.c.disabled_at.is_not(None)).limit(MOST))
    return [Disabled(*row) for row in rows]


def _stale_lists(transaction: Transaction, now: datetime) -> list[StaleList]:
    columns = (revocation_list.c.issuer, revocation_list.c.next_update)
    rows = transaction.execute(select(*columns).where(revocation_list.c.next_update < now).limit(MOST))
    return [StaleList(*row) for row in rows]


def _transit(transaction: Transaction) -> dict[str, datetime]:
    states = [literal_column("'pending'", Text), literal_column("'published'", Text)]
    rows = select(delivery.c.state, delivery.c.since).where(delivery.c.state.in_(states)).limit(COUNT_LIMIT).subquery()
    found = transaction.execute(select(rows.c.state, func.min(rows.c.since)).group_by(rows.c.state))
    return {row[0]: row[1] for row in found}


# ---------------------------------------------------------------- what intake saw, once each


@dataclass(frozen=True, slots=True)
class Turn:
    """A sweep's turn: nobody else makes alerts until its transaction ends. ``looked_at``: when all was looked at."""

    cursor: Cursor
    looked_at: datetime


def take_turn(transaction: Transaction, now: datetime) -> Turn:
    """Wait for one's turn. The first turn ever begins with the entries of the last day."""
    chosen = select(alert_watch).where(alert_watch.c.id == 1).with_for_update()
    row = transaction.execute(chosen).one_or_none()
    if row is None:
        first = transaction.execute(
            select(audit_entry.c.tx, audit_entry.c.seq)
            .where(audit_entry.c.at >= now - FIRST_LOOK_BACK)
            .order_by(audit_entry.c.at, audit_entry.c.seq)
            .limit(1)
        ).one_or_none()
        given = {"tx": 0 if first is None else first.tx, "seq": 0 if first is None else first.seq - 1}
        transaction.execute(
            text(
                "INSERT INTO alert_watch (id, tx, seq, looked_at) VALUES (1, :tx, :seq, '2000-01-01T00:00:00.000000Z')"
                " ON CONFLICT DO NOTHING"
            ),
            given,
        )
        row = transaction.execute(chosen).one()
    return Turn(Cursor(row.tx, row.seq), row.looked_at)


def looked_at(transaction: Transaction) -> datetime | None:
    """When all was looked at last; None before the first time."""
    return transaction.execute(select(alert_watch.c.looked_at).where(alert_watch.c.id == 1)).scalar_one_or_none()


def end_turn(transaction: Transaction, cursor: Cursor, looked_at: datetime) -> None:
    values = {"tx": cursor.tx, "seq": cursor.seq, "looked_at": looked_at}
    transaction.execute(update(alert_watch).where(alert_watch.c.id == 1).values(values))


def seen(transaction: Transaction, after: Cursor) -> tuple[list[Seen], Cursor]:
    """What intake alerted to after the cursor, as far as no running transaction can precede it, and the next cursor."""
    place = tuple_(audit_entry.c.tx, audit_entry.c.seq)
    beyond = settled(
        select(audit_entry.c.tx, audit_entry.c.seq).where(place > tuple_(after.tx, after.seq)), audit_entry, transaction
    )
    last = transaction.execute(
        beyond.order_by(audit_entry.c.tx.desc(), audit_entry.c.seq.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return [], after
    found = transaction.execute(
        select(
            audit_entry.c.code, audit_entry.c.agency_code, agency.c.name, audit_entry.c.envelope_id, audit_entry.c.at
        )
        .outerjoin(agency, agency.c.code == audit_entry.c.agency_code)
        .where(audit_entry.c.kind == Event.OPERATOR_ALERTED.value)
        .where(place > tuple_(after.tx, after.seq), place <= tuple_(last.tx, last.seq))
        .order_by(audit_entry.c.tx, audit_entry.c.seq)
    )
    return [Seen(row[0], row[1], row[2] or row[1], row[3], row[4]) for row in found], Cursor(last.tx, last.seq)

"""Leasing and settling, the statements that run most. On PostgreSQL each is one statement, on SQLite one transaction.

What a recipient is shown for the first time gets its arrival number: 1, 2, 3 … for each recipient, drawn in the
transaction that shows it, so that a recipient can tell whether it has seen everything. Two that draw for one recipient
wait for each other; a transaction that is rolled back gives its numbers back.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, TextClause, bindparam, func, insert, literal, null, select, text, update

from hub.audit import Entry, Event
from hub.ledger import answering, bulk, exchange_log, replays
from hub.ledger.columns import Instant, Json
from hub.ledger.deliveries import Leased
from hub.ledger.delivery_tables import attempt
from hub.ledger.engine import Transaction
from hub.ledger.envelopes import AUDIT, RECEIPT
from hub.ledger.tables import TAKEABLE, agency, audit_entry, delivery, envelope, receipt, system

_LETTER = [
    "sender_code", "document_id", "business_type", "number", "notation", "document_type", "subject", "priority",
    "due_on", "sha256", "size", "parts", "parts_size", "received_at", "paper", "previous_id",
]  # fmt: skip
# literal, so that a prepared statement can use the index of what is takeable
_TAKEABLE = "('ready', 'leased')"
_SYSTEM = "CAST(:system AS text)"


def lease(
    transaction: Transaction,
    system_id: str,
    lease_id: str,
    limit: int,
    at: datetime,
    until: datetime,
    *,
    by_courier: bool = False,
) -> list[Leased]:
    """Lease up to ``limit`` takeable deliveries of one system, most urgent first.

    None of a suspended system: a request that waits is not told that it is. ``by_courier``: for an attempt to hand
    over, which writes its own entry when its outcome is known.
    ``SKIP LOCKED`` on PostgreSQL, the single writer on SQLite: two clients never get the same delivery.
    A lease that ran out unsettled is kept as an attempt that lapsed.
    """
    work = _lease_at_once if transaction.dialect.name == "postgresql" else _lease_by_steps
    leased = work(transaction, system_id, lease_id, limit, at, until, by_courier)
    again = [one.id for one in leased if one.round > 1]
    if again:
        why = replays.of_deliveries(transaction, again)
        leased = [replace(one, replay=why.get(one.id)) for one in leased]
    leased = [_linked(transaction, system_id, one) if one.response_for or one.previous_id else one for one in leased]
    return sorted(leased, key=lambda one: (-one.priority, one.id))


@functools.cache
def _leasing(by_courier: bool) -> TextClause:
    letter = ", ".join((*(f"e.{name}" for name in _LETTER), "e.details->'response_for' AS response_for"))
    logged = f""", logged AS (
        INSERT INTO audit_entry ({", ".join(AUDIT)}, tx)
        SELECT {bulk.NEW_ID}, :at, '{Event.DELIVERY_LEASED}', {_SYSTEM}, t.recipient_code, t.envelope_id, t.id,
               e.document_id, '',
               jsonb_build_object('recipient', t.recipient_code, 'system', {_SYSTEM}, 'lease', CAST(:lease AS text)),
               {bulk.TX["postgresql"]}
        FROM (SELECT *, row_number() OVER (ORDER BY priority DESC, id) AS place FROM taken) t
        JOIN envelope e ON e.id = t.envelope_id
    )"""  # noqa: S608 - built from constants only
    return text(
        f"""
    WITH free AS MATERIALIZED (
        SELECT id, recipient_code, number, priority, state, attempts, since, available_at FROM delivery
        WHERE system_id = {_SYSTEM} AND state IN {_TAKEABLE} AND available_at <= :at
          AND (SELECT active FROM system WHERE id = {_SYSTEM})
        ORDER BY priority DESC, id LIMIT :most FOR UPDATE SKIP LOCKED
    ), drawn AS (
        INSERT INTO arrival (recipient_code, last)
        SELECT recipient_code, count(*) FROM free WHERE number IS NULL GROUP BY recipient_code ORDER BY recipient_code
        ON CONFLICT (recipient_code) DO UPDATE SET last = arrival.last + excluded.last
        RETURNING recipient_code, last
    ), numbered AS (
        SELECT id, last + 1 - row_number() OVER (PARTITION BY recipient_code ORDER BY priority, id DESC) AS number
        FROM free JOIN drawn USING (recipient_code) WHERE free.number IS NULL
    ), lapsed AS (
        INSERT INTO attempt (delivery_id, number, channel, started_at, ended_at, outcome, code)
        SELECT free.id, attempts, channel, since, available_at, 'lapsed', 'lapsed'
        FROM free JOIN system ON system.id = {_SYSTEM} WHERE state = 'leased'
    ), taken AS (
        UPDATE delivery d
        SET state = 'leased', since = :at, lease_id = CAST(:lease AS text), available_at = :until,
            attempts = d.attempts + 1, number = coalesce(d.number, numbered.number)
        FROM free LEFT JOIN numbered USING (id) WHERE d.id = free.id
        RETURNING d.id, d.envelope_id, d.recipient_code, d.priority, d.attempts, d.number AS arrival, d.round
    ){"" if by_courier else logged}
    SELECT t.id, t.envelope_id, t.recipient_code, t.attempts, t.arrival, t.round, a.name AS sender_name, {letter}
    FROM taken t JOIN envelope e ON e.id = t.envelope_id JOIN agency a ON a.code = e.sender_code
    """  # noqa: S608 - built from constants only
    ).bindparams(bindparam("at", type_=Instant()), bindparam("until", type_=Instant()))


def _lease_at_once(
    transaction: Transaction,
    system_id: str,
    lease_id: str,
    limit: int,
    at: datetime,
    until: datetime,
    by_courier: bool,
) -> list[Leased]:
    given = {"system": system_id, "lease": lease_id, "most": limit, "at": at, "until": until}
    if not by_courier:
        given |= bulk.new_ids(limit)
    rows = transaction.execute(_leasing(by_courier), given)
    names = tuple(rows.keys())
    return [Leased(lease_id=lease_id, lease_until=until, **dict(zip(names, row, strict=True))) for row in rows]


def _lease_by_steps(
    transaction: Transaction,
    system_id: str,
    lease_id: str,
    limit: int,
    at: datetime,
    until: datetime,
    by_courier: bool,
) -> list[Leased]:
    free = transaction.execute(
        select(delivery.c.id, delivery.c.state)
        .where(delivery.c.system_id == system_id, delivery.c.state.in_(TAKEABLE), delivery.c.available_at <= at)
        .where(select(system.c.active).where(system.c.id == system_id).scalar_subquery())
        .order_by(delivery.c.priority.desc(), delivery.c.id)
        .limit(limit)
    ).all()
    if not free:
        return []
    _note_lapsed(transaction, [row.id for row in free if row.state == "leased"], delivery.c.available_at, "lapsed")
    identifiers = [row.id for row in free]
    transaction.execute(
        update(delivery)
        .where(delivery.c.id.in_(identifiers))
        .values(state="leased", since=at, lease_id=lease_id, available_at=until, attempts=delivery.c.attempts + 1)
    )
    numbered(transaction, identifiers)
    leased = _shown(transaction, identifiers, lease_id, until)
    if not by_courier:
        exchange_log.append(transaction, [_entry(one, system_id, at) for one in leased])
    return leased


def _shown(transaction: Transaction, identifiers: Sequence[str], lease_id: str, until: datetime) -> list[Leased]:
    rows = transaction.execute(
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            delivery.c.recipient_code,
            delivery.c.attempts,
            delivery.c.number.label("arrival"),
            delivery.c.round,
            agency.c.name.label("sender_name"),
            *(envelope.c[name] for name in _LETTER),
            func.json_extract(envelope.c.details, "$.response_for", type_=Json()).label("response_for"),
        )
        .join(envelope, envelope.c.id == delivery.c.envelope_id)
        .join(agency, agency.c.code == envelope.c.sender_code)
        .where(delivery.c.id.in_(identifiers))
        .order_by(delivery.c.priority.desc(), delivery.c.id)
    )
    return [Leased(lease_id=lease_id, lease_until=until, **row._mapping) for row in rows]


def _linked(transaction: Transaction, system_id: str, one: Leased) -> Leased:
    """What it answers and changes, as far as its recipient may look it up."""
    reader = answering.Reader(system_id)
    seen = answering.visible(transaction, reader, [one.previous_id] if one.previous_id else [])
    return replace(
        one,
        previous_id=one.previous_id if one.previous_id in seen else None,
        response_for=answering.answered(transaction, reader, one.response_for or ()),
    )


def _entry(one: Leased, system_id: str, at: datetime) -> Entry:
    return Entry(
        Event.DELIVERY_LEASED,
        at,
        actor=system_id,
        agency_code=one.recipient_code,
        envelope_id=one.envelope_id,
        delivery_id=one.id,
        document_id=one.document_id,
        detail={"recipient": one.recipient_code, "system": system_id, "lease": one.lease_id},
    )


def numbered(transaction: Transaction, delivery_ids: Sequence[str]) -> dict[str, int]:
    """The arrival numbers of these deliveries, most urgent first; drawn now for those that have none yet."""
    rows = transaction.execute(
        select(delivery.c.id, delivery.c.recipient_code, delivery.c.number)
        .where(delivery.c.id.in_(list(delivery_ids)))
        .order_by(delivery.c.recipient_code, delivery.c.priority.desc(), delivery.c.id)
        .with_for_update()
    ).all()
    numbers = {row.id: row.number for row in rows if row.number is not None}
    for code in dict.fromkeys(row.recipient_code for row in rows):
        new = [row.id for row in rows if row.recipient_code == code and row.number is None]
        for place, one in enumerate(new, _drawn(transaction, code, len(new)) - len(new) + 1) if new else ():
            transaction.execute(update(delivery).where(delivery.c.id == one).values(number=place))
            numbers[one] = place
    return numbers


# the row stays locked until the transaction ends
_DRAW = text(
    "INSERT INTO arrival (recipient_code, last) VALUES (:code, :count)"
    " ON CONFLICT (recipient_code) DO UPDATE SET last = arrival.last + excluded.last RETURNING last"
)


def _drawn(transaction: Transaction, code: str, count: int) -> int:
    """The last of ``count`` new numbers of a recipient."""
    last: int = transaction.execute(_DRAW, {"code": code, "count": count}).scalar_one()
    return last


def give_back(transaction: Transaction, delivery_id: str, at: datetime) -> None:
    """End a lease: the delivery may be taken again at once. Kept as an attempt that came to nothing."""
    _note_lapsed(transaction, [delivery_id], literal(at, Instant()), "returned")
    transaction.execute(
        update(delivery)
        .where(delivery.c.id == delivery_id, delivery.c.state == "leased")
        .values(state="ready", since=at, available_at=at, lease_id=null())
    )


def _note_lapsed(
    transaction: Transaction, delivery_ids: Sequence[str], ended_at: ColumnElement[Any], code: str
) -> None:
    if not delivery_ids:
        return
    columns = ["delivery_id", "number", "channel", "started_at", "ended_at", "outcome", "code"]
    ended = (
        select(
            delivery.c.id, delivery.c.attempts, system.c.channel, delivery.c.since, ended_at, literal("lapsed"),
            literal(code),
        )
        .join(system, system.c.id == delivery.c.system_id)
        .where(delivery.c.id.in_(list(delivery_ids)), delivery.c.state == "leased")
    )  # fmt: skip
    transaction.execute(insert(attempt).from_select(columns, ended))


def extend(transaction: Transaction, delivery_id: str, until: datetime) -> None:
    """Keep a lease until ``until``."""
    transaction.execute(
        update(delivery).where(delivery.c.id == delivery_id, delivery.c.state == "leased").values(available_at=until)
    )


# literal for the same reason as above
_WAITS = (
    select(delivery.c.id)
    .where(
        delivery.c.system_id == system.c.id,
        delivery.c.state.in_(bindparam("states", TAKEABLE, expanding=True, literal_execute=True)),
        delivery.c.available_at <= bindparam("at"),
    )
    .exists()
)
_WITH_SOMETHING = select(system.c.id).where(system.c.id.in_(bindparam("systems", expanding=True)), _WAITS)


def takeable(transaction: Transaction, system_ids: Sequence[str], at: datetime) -> set[str]:
    """Those of the systems for which something may be taken now."""
    rows = transaction.execute(_WITH_SOMETHING, {"systems": list(system_ids), "at": at})
    return set(rows.scalars())


@functools.cache
def _settling() -> TextClause:
    """On PostgreSQL: state, receipts and log of those that are still under the lease they were read under."""
    moved = "r.delivery_id IN (SELECT id FROM moved)"
    written = ", ".join(
        f"{name} AS ({bulk.insert(table, 'postgresql', columns, where=moved)})"
        for name, table, columns in (("issued", receipt, RECEIPT), ("logged", audit_entry, AUDIT))
    )
    return text(
        f"""
    WITH held AS MATERIALIZED (
        SELECT delivery.id FROM delivery JOIN json_to_recordset(CAST(:leases AS json)) AS l(id text, lease text)
        ON delivery.id = l.id AND delivery.lease_id = l.lease WHERE delivery.state = 'leased'
        ORDER BY delivery.id FOR UPDATE OF delivery
    ), moved AS (
        UPDATE delivery SET state = 'settled', since = :at, closed_at = :at, available_at = NULL
        WHERE id IN (SELECT id FROM held) RETURNING id
    ), {written}
    SELECT id FROM moved
    """  # noqa: S608 - built from constants only
    ).bindparams(bindparam("at", type_=Instant()))


def settle(
    transaction: Transaction, receipts: dict[tuple[str, str], dict[str, Any]], entries: Sequence[Entry], at: datetime
) -> set[str]:
    """On PostgreSQL, in one statement: settle by delivery and lease, with receipts and log entries; the settled ones.

    A delivery that is no longer under this lease is left alone, its receipt and entry are not written.
    """
    if not receipts:
        return set()
    given = {
        "leases": bulk.dumps([{"id": one, "lease": lease_id} for one, lease_id in receipts]),
        "receipt": bulk.dumps(list(receipts.values())),
        "audit_entry": bulk.dumps([entry.row() for entry in entries]),
        "at": at,
    }
    return set(transaction.execute(_settling(), given).scalars())

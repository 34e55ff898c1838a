"""Purges: which envelopes were chosen to lose their octets, who decided it, and which of them have lost them.

The table ``envelope`` is never changed: what went is read from ``purge_item``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from hub.ledger import holds
from hub.ledger.audit_tables import purge, purge_item
from hub.ledger.engine import Transaction
from hub.ledger.purged import IS_GONE
from hub.ledger.tables import delivery, envelope, envelope_part

# kinds of documents that a plan tells apart; more are left for the next one
KINDS = 5_000


class Kind(NamedTuple):
    """What a policy tells documents apart by."""

    document_type: str
    priority: int
    business_type: int


@dataclass(frozen=True, slots=True)
class Due:
    """Envelopes of these kinds received before a moment are due under a class of the policy."""

    name: str
    before: datetime
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Envelopes of a class past their time. ``kept`` is empty, or why they stay: held, open (a delivery is not closed,
    or was within the last day)."""

    name: str
    kept: str
    envelopes: int
    octets: int
    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class PurgeRecord:
    """A purge. ``state``: asked, confirmed (being carried out), declined or done; people are named by their logins."""

    id: str
    state: str
    scope: dict[str, Any]
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a purge is: envelopes chosen with their octets, purged ones with theirs, those left out after all."""

    chosen: int
    octets: int
    purged: int
    purged_octets: int
    kept: int


class File(NamedTuple):
    """A file that an envelope names."""

    envelope_id: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Item:
    """An envelope on its way out, with what its entry in the log tells."""

    envelope_id: str
    sender_code: str
    document_id: str
    policy_class: str
    files: tuple[File, ...]


_ITEM = purge_item.alias("item")
_OCTETS = envelope.c.size + envelope.c.parts_size


def _chosen() -> ColumnElement[bool]:
    """In a purge that is not declined, and not left out there."""
    open_states = ("asked", "confirmed", "done")
    return exists().where(
        _ITEM.c.envelope_id == envelope.c.id,
        _ITEM.c.kept == "",
        purge.c.id == _ITEM.c.purge_id,
        purge.c.state.in_(open_states),
    )


def _why_kept(standing: Sequence[holds.Hold], quiet_since: datetime) -> ColumnElement[str]:
    closed = and_(delivery.c.closed_at.is_not(None), delivery.c.closed_at < quiet_since)
    still = exists().where(delivery.c.envelope_id == envelope.c.id, ~closed)
    return case((holds.held(standing), literal("held")), (still, literal("open")), else_=literal(""))


def kinds(transaction: Transaction, before: datetime) -> list[Kind]:
    """The kinds of documents received before a moment whose octets are there."""
    columns = tuple(envelope.c[name] for name in Kind._fields)
    statement = select(*columns).where(envelope.c.received_at < before, ~IS_GONE).distinct().limit(KINDS)
    return [Kind(*row) for row in transaction.execute(statement)]


def _past(due: Due, sender: str) -> list[ColumnElement[bool]]:
    kind = tuple_(*(envelope.c[name] for name in Kind._fields))
    found = [envelope.c.received_at < due.before, kind.in_(list(due.kinds)), ~_chosen()]
    return [*found, envelope.c.sender_code == sender] if sender else found


def plan(
    transaction: Transaction, wanted: Sequence[Due], sender: str, standing: Sequence[holds.Hold], quiet_since: datetime
) -> list[Group]:
    """What is past its time, by class and by why it stays; what another purge has chosen is left out."""
    groups = []
    for due in wanted:
        kept = _why_kept(standing, quiet_since).label("kept")
        rows = select(kept, _OCTETS.label("octets"), envelope.c.received_at).where(*_past(due, sender)).subquery()
        statement = (
            select(
                rows.c.kept,
                func.count(),
                func.sum(rows.c.octets),
                func.min(rows.c.received_at),
                func.max(rows.c.received_at),
            )
            .group_by(rows.c.kept)
            .order_by(rows.c.kept)
        )
        found = transaction.execute(statement).all()
        groups += [Group(due.name, row[0], row[1], int(row[2]), row[3], row[4]) for row in found]
    return groups


def add(transaction: Transaction, record: PurgeRecord) -> None:
    """Keep a purge that waits for a second person."""
    names = ("id", "state", "scope", "reason", "asked_by", "asked_at")
    transaction.execute(insert(purge).values({name: getattr(record, name) for name in names}))


def choose(
    transaction: Transaction,
    purge_id: str,
    due: Due,
    sender: str,
    standing: Sequence[holds.Hold],
    quiet_since: datetime,
    most: int,
) -> int:
    """Put into a purge what is due under a class, the oldest first; returns how many."""
    chosen = (
        select(literal(purge_id), envelope.c.id, _OCTETS, literal(due.name))
        .where(*_past(due, sender), _why_kept(standing, quiet_since) == "")
        .order_by(envelope.c.id)
        .limit(most)
    )
    names = ["purge_id", "envelope_id", "size", "policy_class"]
    return transaction.execute(insert(purge_item).from_select(names, chosen)).rowcount


def find(transaction: Transaction, purge_id: str, *, lock: bool = False) -> PurgeRecord | None:
    """A purge; ``lock`` lets nobody else decide it until the transaction ends."""
    statement = select(purge).where(purge.c.id == purge_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else PurgeRecord(**row._mapping)


def decide(transaction: Transaction, purge_id: str, state: str, by: str, at: datetime) -> None:
    """Close a purge as confirmed or declined; the store refuses a confirmation by the person who asked."""
    transaction.execute(
        update(purge)
        .where(purge.c.id == purge_id, purge.c.state == "asked")
        .values(state=state, decided_by=by, decided_at=at)
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list."""

    record: PurgeRecord
    progress: Progress


def listing(transaction: Transaction, state: str = "", limit: int = 100) -> list[Listed]:
    """Purges, those that wait first, then the newest first."""
    statement = select(purge).order_by((purge.c.state == "asked").desc(), purge.c.asked_at.desc(), purge.c.id.desc())
    if state:
        statement = statement.where(purge.c.state == state)
    records = [PurgeRecord(**row._mapping) for row in transaction.execute(statement.limit(limit))]
    return [Listed(one, progress(transaction, one.id)) for one in records]


def waiting(transaction: Transaction) -> int:
    """Purges that wait for a second person."""
    return transaction.execute(select(func.count()).select_from(purge).where(purge.c.state == "asked")).scalar_one()


def progress(transaction: Transaction, purge_id: str) -> Progress:
    gone, kept = purge_item.c.purged_at.is_not(None), purge_item.c.kept != ""
    octets = func.coalesce(func.sum(purge_item.c.size), 0)
    row = transaction.execute(
        select(
            func.count(),
            octets,
            func.count().filter(gone),
            func.coalesce(func.sum(purge_item.c.size).filter(gone), 0),
            func.count().filter(kept),
        ).where(purge_item.c.purge_id == purge_id)
    ).one()
    return Progress(row[0], int(row[1]), row[2], int(row[3]), row[4])


class Chosen(NamedTuple):
    """An envelope of a purge, as people read it. ``kept``: why it was left out after all."""

    envelope_id: str
    sender_code: str
    document_id: str
    number: str
    notation: str
    document_type: str
    subject: str
    received_at: datetime
    size: int
    policy_class: str
    kept: str
    going_at: datetime | None
    purged_at: datetime | None


def chosen(transaction: Transaction, purge_id: str, after: str = "", limit: int = 100) -> list[Chosen]:
    """Envelopes of a purge in the order of their identifiers."""
    own = ("envelope_id", "size", "policy_class", "kept", "going_at", "purged_at")
    columns: list[Any] = [purge_item.c[name] if name in own else envelope.c[name] for name in Chosen._fields]
    statement = (
        select(*columns)
        .join(envelope, envelope.c.id == purge_item.c.envelope_id)
        .where(purge_item.c.purge_id == purge_id, purge_item.c.envelope_id > after)
        .order_by(purge_item.c.envelope_id)
        .limit(limit)
    )
    return [Chosen(*row) for row in transaction.execute(statement)]


# ---------------------------------------------------------------- carrying out


def confirmed(transaction: Transaction) -> list[PurgeRecord]:
    """Purges that are to be carried out, in the order in which they were decided."""
    statement = select(purge).where(purge.c.state == "confirmed").order_by(purge.c.decided_at, purge.c.id)
    return [PurgeRecord(**row._mapping) for row in transaction.execute(statement)]


def claim(
    transaction: Transaction,
    purge_id: str,
    standing: Sequence[holds.Hold],
    quiet_since: datetime,
    at: datetime,
    most: int,
) -> int:
    """Send the next envelopes on their way out; returns how many were looked at.

    What is held or open by now is left out for good. The caller waits for its turn first: from here on no hold reaches
    these envelopes and no delivery of them is sent again.
    """
    mine = purge_item.c.purge_id == purge_id
    untouched = and_(mine, purge_item.c.going_at.is_(None), purge_item.c.kept == "")
    why = case((IS_GONE, literal("gone")), else_=_why_kept(standing, quiet_since))
    rows = transaction.execute(
        select(purge_item.c.envelope_id, why)
        .join(envelope, envelope.c.id == purge_item.c.envelope_id)
        .where(untouched)
        .order_by(purge_item.c.envelope_id)
        .limit(most)
    ).all()
    for reason in {row[1] for row in rows}:
        those = [row[0] for row in rows if row[1] == reason]
        values: dict[str, Any] = {"kept": reason} if reason else {"going_at": at}
        transaction.execute(update(purge_item).where(mine, purge_item.c.envelope_id.in_(those)).values(**values))
    return len(rows)


def going(transaction: Transaction, purge_id: str, after: str, limit: int) -> list[Item]:
    """Envelopes on their way out whose files may still be there, in the order of their identifiers."""
    rows = transaction.execute(
        select(
            purge_item.c.envelope_id,
            envelope.c.sender_code,
            envelope.c.document_id,
            purge_item.c.policy_class,
            envelope.c.sha256,
            envelope.c.size,
        )
        .join(envelope, envelope.c.id == purge_item.c.envelope_id)
        .where(
            purge_item.c.purge_id == purge_id,
            purge_item.c.going_at.is_not(None),
            purge_item.c.purged_at.is_(None),
            purge_item.c.envelope_id > after,
        )
        .order_by(purge_item.c.envelope_id)
        .limit(limit)
    ).all()
    beside: dict[str, list[File]] = {}
    for part in transaction.execute(_parts_of([row.envelope_id for row in rows])):
        beside.setdefault(part.envelope_id, []).append(File(*part))
    return [
        Item(*row[:4], (File(row.envelope_id, row.sha256, row.size), *beside.get(row.envelope_id, ()))) for row in rows
    ]


def _parts_of(envelope_ids: Sequence[str]) -> Select[Any]:
    return (
        select(envelope_part.c.envelope_id, envelope_part.c.sha256, envelope_part.c.size)
        .where(envelope_part.c.envelope_id.in_(envelope_ids))
        .order_by(envelope_part.c.envelope_id, envelope_part.c.number)
    )


def finish(transaction: Transaction, purge_id: str, envelope_ids: Sequence[str], at: datetime) -> set[str]:
    """Write down that the octets of these are gone; returns those of which it was not written down before."""
    rows = transaction.execute(
        update(purge_item)
        .where(
            purge_item.c.purge_id == purge_id,
            purge_item.c.envelope_id.in_(list(envelope_ids)),
            purge_item.c.going_at.is_not(None),
            purge_item.c.purged_at.is_(None),
        )
        .values(purged_at=at)
        .returning(purge_item.c.envelope_id)
    )
    return set(rows.scalars())


def close(transaction: Transaction, purge_id: str) -> bool:
    """Mark a confirmed purge as done if nothing of it is left to do."""
    left = exists().where(_ITEM.c.purge_id == purge.c.id, _ITEM.c.kept == "", _ITEM.c.purged_at.is_(None))
    done = update(purge).where(purge.c.id == purge_id, purge.c.state == "confirmed", ~left).values(state="done")
    return transaction.execute(done).rowcount == 1

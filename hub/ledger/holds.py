"""Legal holds: which envelopes' octets must stay, whatever the policy says. One person places a hold, two lift it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, false, func, insert, or_, select, text, update

from hub.clock import VIETNAM
from hub.ledger.audit_tables import legal_hold, purge_item
from hub.ledger.engine import Transaction
from hub.ledger.tables import delivery, envelope

_DAYS = ("since", "until")
_TEXTS = ("envelope", "document_id", "sender", "recipient")
# holds, purges and replays that are decided at the same moment wait for each other
_LOCK = 7_361_504_210


@dataclass(frozen=True, slots=True)
class Scope:
    """Which envelopes: all that is given must fit. ``since`` and ``until``: Vietnamese days of reception, both in."""

    envelope: str = ""
    document_id: str = ""
    sender: str = ""
    recipient: str = ""
    since: date | None = None
    until: date | None = None

    def json(self) -> dict[str, str]:
        """What was given, by name; days as ``2026-11-22``."""
        days = {name: getattr(self, name) for name in _DAYS}
        texts = {name: getattr(self, name) for name in _TEXTS if getattr(self, name)}
        return texts | {name: day.isoformat() for name, day in days.items() if day is not None}

    @classmethod
    def of(cls, given: dict[str, Any]) -> Scope:
        """The inverse of ``json``."""
        values: dict[str, Any] = {name: str(given[name]) for name in _TEXTS if name in given}
        values |= {name: date.fromisoformat(given[name]) for name in _DAYS if name in given}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold; people are named by their logins. It stands until ``lifted_at``."""

    id: str
    scope: Scope
    reason: str
    placed_by: str
    placed_at: datetime
    lift_asked_by: str | None = None
    lift_asked_at: datetime | None = None
    lift_reason: str = ""
    lifted_by: str | None = None
    lifted_at: datetime | None = None

    @property
    def state(self) -> str:
        """standing, lifting (a second person has to agree) or lifted"""
        if self.lifted_at is not None:
            return "lifted"
        return "standing" if self.lift_asked_at is None else "lifting"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a scope fits: envelopes, their octets, and how many of them were purged before."""

    envelopes: int
    octets: int
    purged: int


def wait_for_turn(transaction: Transaction) -> None:
    """Until the transaction ends, nobody else places a hold, claims envelopes to purge, or sends deliveries again."""
    if transaction.dialect.name == "postgresql":  # SQLite has one writer
        transaction.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def start_of(day: date) -> datetime:
    """The first moment of a day in Vietnam."""
    return datetime.combine(day, time(), VIETNAM)


def condition(scope: Scope) -> ColumnElement[bool]:
    """Over the table ``envelope``."""
    found: list[ColumnElement[bool]] = []
    for column, wanted in (
        (envelope.c.id, scope.envelope),
        (envelope.c.document_id, scope.document_id),
        (envelope.c.sender_code, scope.sender),
    ):
        if wanted:
            found.append(column == wanted)
    if scope.recipient:
        received = and_(delivery.c.envelope_id == envelope.c.id, delivery.c.recipient_code == scope.recipient)
        found.append(exists().where(received))
    if scope.since is not None:
        found.append(envelope.c.received_at >= start_of(scope.since))
    if scope.until is not None:
        found.append(envelope.c.received_at < start_of(scope.until + timedelta(days=1)))
    return and_(*found) if found else false()


def held(holds: Sequence[Hold]) -> ColumnElement[bool]:
    """Whether one of the holds keeps an envelope."""
    return or_(false(), *(condition(one.scope) for one in holds))


def reach(transaction: Transaction, scope: Scope) -> Reach:
    gone = exists().where(purge_item.c.envelope_id == envelope.c.id, purge_item.c.going_at.is_not(None))
    statement = select(
        func.count(),
        func.coalesce(func.sum(envelope.c.size + envelope.c.parts_size), 0),
        func.count().filter(gone),
    ).where(condition(scope))
    count, octets, purged = transaction.execute(statement).one()
    return Reach(count, int(octets), purged)


def add(transaction: Transaction, hold: Hold) -> None:
    transaction.execute(
        insert(legal_hold).values(
            id=hold.id,
            scope=hold.scope.json(),
            reason=hold.reason,
            placed_by=hold.placed_by,
            placed_at=hold.placed_at,
        )
    )


def standing(transaction: Transaction) -> list[Hold]:
    """Every hold that was not lifted, oldest first."""
    statement = select(legal_hold).where(legal_hold.c.lifted_at.is_(None)).order_by(legal_hold.c.id)
    return [_hold(row) for row in transaction.execute(statement)]


def listing(transaction: Transaction, limit: int = 100) -> list[Hold]:
    """Those that wait for a second person first, then those that stand, then the lifted; the newest first in each."""
    statement = (
        select(legal_hold)
        .order_by(
            legal_hold.c.lifted_at.is_not(None),
            legal_hold.c.lift_asked_at.is_(None),
            legal_hold.c.placed_at.desc(),
            legal_hold.c.id.desc(),
        )
        .limit(limit)
    )
    return [_hold(row) for row in transaction.execute(statement)]


def find(transaction: Transaction, hold_id: str, *, lock: bool = False) -> Hold | None:
    statement = select(legal_hold).where(legal_hold.c.id == hold_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _hold(row)


def waiting(transaction: Transaction) -> int:
    """Holds that wait for a second person to be lifted."""
    asked = (legal_hold.c.lift_asked_at.is_not(None), legal_hold.c.lifted_at.is_(None))
    return transaction.execute(select(func.count()).select_from(legal_hold).where(*asked)).scalar_one()


def ask_lift(transaction: Transaction, hold_id: str, by: str, at: datetime, reason: str) -> None:
    _change(transaction, hold_id, lift_asked_by=by, lift_asked_at=at, lift_reason=reason)


def keep(transaction: Transaction, hold_id: str) -> None:
    """The hold stands on: nobody proposes to lift it any more."""
    _change(transaction, hold_id, lift_asked_by=None, lift_asked_at=None, lift_reason="")


def lift(transaction: Transaction, hold_id: str, by: str, at: datetime) -> None:
    """The store refuses the person who proposed it."""
    _change(transaction, hold_id, lifted_by=by, lifted_at=at)


def _change(transaction: Transaction, hold_id: str, **values: Any) -> None:
    transaction.execute(
        update(legal_hold).where(legal_hold.c.id == hold_id, legal_hold.c.lifted_at.is_(None)).values(**values)
    )


def _hold(row: Row[Any]) -> Hold:
    values = dict(row._mapping)
    return Hold(**(values | {"scope": Scope.of(values["scope"])}))

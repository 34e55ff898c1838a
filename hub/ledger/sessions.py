"""Sessions of people, whole and half.

A session is known to the browser by 256 random bits and to the ledger by their SHA-256 only: a copy of the ledger
opens no session. A half one (the password was right, the second factor is missing) is found by ``half`` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select, update

from hub import clock
from hub.ledger import people
from hub.ledger.engine import Transaction
from hub.ledger.people import Person, person_of
from hub.ledger.people_tables import person_session
from hub.ledger.tables import person

# a session is marked as seen at most this often: not every page view is a write
TOUCH_EVERY = timedelta(minutes=1)
# how long the second step of signing in may take
HALF_LIFETIME = timedelta(minutes=15)

Stage = Literal["code", "enrolment"]


@dataclass(frozen=True, slots=True)
class Origin:
    """How a session began. ``how``: password, password+totp, password+recovery, link, …"""

    how: str = "password"
    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """An open session; ``touch_due`` says that the next page view should be recorded by ``touch``."""

    id: str
    person: Person
    how: str
    expires_at: datetime
    touch_due: bool


@dataclass(frozen=True, slots=True)
class HalfSession:
    """What is missing: a ``code``, or the second factor itself (``enrolment``). ``offered``: a sealed secret."""

    id: str
    person: Person
    stage: str
    how: str
    offered: bytes | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An open session as people read it."""

    id: str
    how: str
    address: str
    browser: str
    created_at: datetime
    seen_at: datetime


def open_session(
    transaction: Transaction,
    person_id: str,
    token: str,
    at: datetime,
    lifetime: timedelta,
    origin: Origin = Origin(),
) -> str:
    """Open a session that ends ``lifetime`` after ``at`` at the latest; returns its identifier.

    The person's expired ones are removed.
    """
    identifier = _add(transaction, person_id, token, at, lifetime, origin, "open", None)
    people.seen(transaction, person_id, at)
    return identifier


def open_half(
    transaction: Transaction,
    person_id: str,
    token: str,
    at: datetime,
    origin: Origin,
    stage: Stage,
    offered: bytes | None,
) -> str:
    """Open a session that opens nothing but the second step of signing in."""
    return _add(transaction, person_id, token, at, HALF_LIFETIME, origin, stage, offered)


def _add(
    transaction: Transaction,
    person_id: str,
    token: str,
    at: datetime,
    lifetime: timedelta,
    origin: Origin,
    stage: str,
    offered: bytes | None,
) -> str:
    of_person = person_session.c.person_id == person_id
    transaction.execute(delete(person_session).where(of_person, person_session.c.expires_at <= at))
    identifier = clock.new_id()
    transaction.execute(
        insert(person_session).values(
            token_sha256=digest(token),
            id=identifier,
            person_id=person_id,
            stage=stage,
            how=origin.how,
            address=origin.address[:100],
            browser=origin.browser[:200],
            offered=offered,
            created_at=at,
            seen_at=at,
            expires_at=at + lifetime,
        )
    )
    return identifier


def find(transaction: Transaction, token: str, at: datetime, idle: timedelta) -> Session | None:
    """Whose open session this is; None when it ended, was idle for longer than ``idle``, or the person left."""
    row = _row(transaction, token)
    if row is None or row.stage != "open" or not row.active or row.expires_at <= at or row.session_seen + idle <= at:
        return None
    due = row.session_seen + TOUCH_EVERY <= at
    return Session(row.session_id, person_of(row), row.how, row.expires_at, due)


def half(transaction: Transaction, token: str, at: datetime, stage: Stage) -> HalfSession | None:
    """Whose half session this is; None when it ended, is at another stage, or the person left."""
    row = _row(transaction, token)
    if row is None or row.stage != stage or not row.active or row.expires_at <= at:
        return None
    return HalfSession(row.session_id, person_of(row), row.stage, row.how, row.offered)


def _row(transaction: Transaction, token: str) -> Row[Any] | None:
    column = person_session.c
    return transaction.execute(
        select(
            person,
            column.id.label("session_id"),
            column.stage,
            column.how,
            column.offered,
            column.seen_at.label("session_seen"),
            column.expires_at,
        )
        .join(person, person.c.id == column.person_id)
        .where(column.token_sha256 == digest(token))
    ).one_or_none()


def touch(transaction: Transaction, token: str, person_id: str, at: datetime) -> None:
    """The person opened a page."""
    mine = person_session.c.token_sha256 == digest(token)
    transaction.execute(update(person_session).where(mine).values(seen_at=at))
    people.seen(transaction, person_id, at)


def offer(transaction: Transaction, session_id: str, sealed: bytes | None) -> None:
    """Keep a second factor's secret with the session until a code proves that the person has it."""
    transaction.execute(update(person_session).where(person_session.c.id == session_id).values(offered=sealed))


def offered(transaction: Transaction, session_id: str) -> bytes | None:
    return transaction.execute(
        select(person_session.c.offered).where(person_session.c.id == session_id)
    ).scalar_one_or_none()


def close_session(transaction: Transaction, token: str) -> None:
    transaction.execute(delete(person_session).where(person_session.c.token_sha256 == digest(token)))


def open_ones(transaction: Transaction, person_id: str, at: datetime, idle: timedelta) -> Sequence[SessionRow]:
    """The person's open sessions, the last used first."""
    column = person_session.c
    shown = (column.id, column.how, column.address, column.browser, column.created_at, column.seen_at)
    rows = transaction.execute(
        select(*shown)
        .where(column.person_id == person_id, column.stage == "open", column.expires_at > at)
        .where(column.seen_at > at - idle)
        .order_by(column.seen_at.desc(), column.id.desc())
        .limit(100)
    )
    return [SessionRow(*row) for row in rows]


def end(transaction: Transaction, person_id: str, session_id: str) -> bool:
    """End one session of this person; whether there was one."""
    column = person_session.c
    statement = delete(person_session).where(column.id == session_id, column.person_id == person_id)
    return bool(transaction.execute(statement).rowcount)


def end_all(transaction: Transaction, person_id: str, but: str = "") -> int:
    """End every session of this person, half ones too, but for one; how many there were."""
    column = person_session.c
    statement = delete(person_session).where(column.person_id == person_id, column.id != but)
    return transaction.execute(statement).rowcount


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

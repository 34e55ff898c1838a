"""How systems stand: what was last heard of them, whether they are left alone, what waits for them, the last test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, Table, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.delivery_tables import attempt, circuit
from hub.ledger.engine import Transaction
from hub.ledger.registry_tables import system_seen, system_test
from hub.ledger.tables import TAKEABLE, agency, delivery, system

# a system that comes for its documents and did not come for so long is not at work
RECENT = timedelta(hours=1)
# what waits is counted so far: more is told as "that many or more"
MOST_WAITING = 1000
# attempts of all systems among which those of one are looked for
LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Seen:
    """When a system last got a token and last looked into its inbox, to the minute."""

    token_at: datetime | None
    inbox_at: datetime | None

    @property
    def last(self) -> datetime | None:
        return max((one for one in (self.token_at, self.inbox_at) if one is not None), default=None)


@dataclass(frozen=True, slots=True)
class Tested:
    """A look at a system's channel. ``findings``: pairs of a word (a message id) and a text."""

    at: datetime
    asked_by: str
    works: bool
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One system in the list. ``waiting`` is counted to ``MOST_WAITING``; ``failures`` in a row until now."""

    id: str
    name: str
    channel: str
    url: str | None
    active: bool
    disabled_at: datetime | None
    disabled_reason: str
    failures: int
    failing_since: datetime | None
    retry_at: datetime | None
    failure_code: str
    failure_detail: str
    token_at: datetime | None
    inbox_at: datetime | None
    agencies: int
    waiting: int
    oldest: datetime | None

    @property
    def seen_at(self) -> datetime | None:
        return Seen(self.token_at, self.inbox_at).last

    @property
    def many(self) -> bool:
        return self.waiting >= MOST_WAITING


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """A hand-over that was tried."""

    delivery_id: str
    envelope_id: str
    recipient_code: str
    started_at: datetime
    outcome: str
    code: str
    detail: str


def saw(transaction: Transaction, system_id: str, what: str, at: datetime) -> None:
    """Remember that a system got a token (``token_at``) or looked into its inbox (``inbox_at``)."""
    _put(transaction, system_seen, system_id, {what: at})


def seen(transaction: Transaction, system_id: str) -> Seen | None:
    statement = select(system_seen.c.token_at, system_seen.c.inbox_at).where(system_seen.c.system_id == system_id)
    row = transaction.execute(statement).one_or_none()
    return None if row is None else Seen(*tuple(row))


def keep_test(transaction: Transaction, system_id: str, tested: Tested) -> None:
    """The last look takes the place of the one before; all of them stand in the log."""
    values = {
        "at": tested.at,
        "asked_by": tested.asked_by,
        "works": tested.works,
        "findings": [list(pair) for pair in tested.findings],
    }
    _put(transaction, system_test, system_id, values)


def _put(transaction: Transaction, table: Table, system_id: str, values: dict[str, Any]) -> None:
    dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(system_id=system_id, **values)
    transaction.execute(statement.on_conflict_do_update(index_elements=["system_id"], set_=values))


def last_test(transaction: Transaction, system_id: str) -> Tested | None:
    row = transaction.execute(select(system_test).where(system_test.c.system_id == system_id)).one_or_none()
    if row is None:
        return None
    return Tested(row.at, row.asked_by, bool(row.works), tuple((word, text) for word, text in row.findings))


def listing(transaction: Transaction, text: str = "", after: str = "", limit: int = 50) -> list[Standing]:
    """Systems by name, behind the one of this name; ``limit + 1`` at most, to tell that there are more."""
    statement = _standing().where(system.c.name > after).order_by(system.c.name).limit(limit + 1)
    if text:
        statement = statement.where(system.c.name.icontains(text, autoescape=True))
    return [_shown(row) for row in transaction.execute(statement)]


def one(transaction: Transaction, system_id: str) -> Standing | None:
    row = transaction.execute(_standing().where(system.c.id == system_id)).one_or_none()
    return None if row is None else _shown(row)


def _standing() -> Select[Any]:
    takeable = (delivery.c.system_id == system.c.id) & delivery.c.state.in_(TAKEABLE)
    some = select(literal(1).label("n")).where(takeable).correlate(system).limit(MOST_WAITING).subquery()
    first = select(delivery.c.since.label("since")).where(takeable).correlate(system).limit(MOST_WAITING).subquery()
    served = (
        select(literal(1).label("n"))
        .where(agency.c.system_id == system.c.id)
        .correlate(system)
        .limit(MOST_WAITING)
        .subquery()
    )
    counts = [
        select(func.count()).select_from(served).correlate(system).scalar_subquery(),
        select(func.count()).select_from(some).correlate(system).scalar_subquery(),
        select(func.min(first.c.since)).correlate(system).scalar_subquery(),
    ]
    return (
        select(
            *(system.c[name] for name in ("id", "name", "channel", "url", "active", "disabled_at", "disabled_reason")),
            func.coalesce(circuit.c.failures, 0),
            circuit.c.since,
            circuit.c.retry_at,
            func.coalesce(circuit.c.code, ""),
            func.coalesce(circuit.c.detail, ""),
            system_seen.c.token_at,
            system_seen.c.inbox_at,
            *counts,
        )
        .outerjoin(circuit, circuit.c.system_id == system.c.id)
        .outerjoin(system_seen, system_seen.c.system_id == system.c.id)
    )


def _shown(row: Row[Any]) -> Standing:
    return Standing(*tuple(row))


def last_attempts(transaction: Transaction, system_id: str, limit: int = 8) -> list[LastAttempt]:
    """The last hand-overs to a system, the newest first, of the last ``LOOKED_AT`` of all systems."""
    latest = select(attempt).order_by(attempt.c.seq.desc()).limit(LOOKED_AT).subquery()
    statement = (
        select(
            delivery.c.id,
            delivery.c.envelope_id,
            delivery.c.recipient_code,
            latest.c.started_at,
            latest.c.outcome,
            latest.c.code,
            latest.c.detail,
        )
        .join(delivery, delivery.c.id == latest.c.delivery_id)
        .where(delivery.c.system_id == system_id)
        .order_by(latest.c.seq.desc())
        .limit(limit)
    )
    return [LastAttempt(*tuple(row)) for row in transaction.execute(statement)]


def known_names(transaction: Transaction, limit: int = 1000) -> Sequence[str]:
    """Names of active systems, for choosing one."""
    statement = select(system.c.name).where(system.c.active).order_by(system.c.name).limit(limit)
    return list(transaction.execute(statement).scalars())

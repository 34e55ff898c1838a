"""Everything that takes a second person, in one list: proposals, replays, purges, legal holds to be lifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Select, func, literal, select, tuple_, union_all

from hub.ledger.audit_tables import legal_hold, purge
from hub.ledger.delivery_tables import replay
from hub.ledger.engine import Transaction
from hub.ledger.proposal_tables import proposal
from hub.ledger.proposals import WAITING


@dataclass(frozen=True, slots=True)
class Decision:
    """``source``: proposal, replay, purge or hold. ``kind`` and ``subject`` are empty but for proposals.

    ``ended_at``: when it was decided, or carried out by one person; None while it waits.
    """

    source: str
    id: str
    kind: str
    subject: str
    reason: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    ended_at: datetime | None


def waiting(transaction: Transaction, limit: int = 200) -> list[Decision]:
    """What waits for a second person, the longest first."""
    found = union_all(
        _proposals().where(proposal.c.state.in_(WAITING)),
        _replays().where(replay.c.state == "asked"),
        _purges().where(purge.c.state == "asked"),
        _holds().where(legal_hold.c.lift_asked_at.is_not(None), legal_hold.c.lifted_at.is_(None)),
    )
    rows = found.subquery()
    return _decisions(transaction, select(rows).order_by(rows.c.asked_at, rows.c.id).limit(limit))


def number_waiting(transaction: Transaction) -> int:
    """How many wait, for the navigation and the overview; each part of it has an index or few rows."""
    parts = (
        select(func.count()).select_from(proposal).where(proposal.c.state.in_(WAITING)),
        select(func.count()).select_from(replay).where(replay.c.state == "asked"),
        select(func.count()).select_from(purge).where(purge.c.state == "asked"),
        select(func.count())
        .select_from(legal_hold)
        .where(legal_hold.c.lift_asked_at.is_not(None), legal_hold.c.lifted_at.is_(None)),
    )
    counted = [part.scalar_subquery() for part in parts]
    return int(transaction.execute(select(counted[0] + counted[1] + counted[2] + counted[3])).scalar_one())


def decided(transaction: Transaction, before: tuple[datetime, str] | None = None, limit: int = 50) -> list[Decision]:
    """What is over, the latest first. ``before``: ``ended_at`` and identifier of the last row that was shown."""
    found: CompoundSelect[Any] = union_all(
        _proposals().where(proposal.c.state.not_in(WAITING)),
        _replays().where(replay.c.state != "asked"),
        _purges().where(purge.c.state != "asked"),
        _holds().where(legal_hold.c.lifted_at.is_not(None)),
    )
    rows = found.subquery()
    statement = select(rows).order_by(rows.c.ended_at.desc(), rows.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(tuple_(rows.c.ended_at, rows.c.id) < before)
    return _decisions(transaction, statement)


def _decisions(transaction: Transaction, statement: Select[Any]) -> list[Decision]:
    return [Decision(**row._mapping) for row in transaction.execute(statement)]


def _proposals() -> Select[Any]:
    table = proposal.c
    ended = func.coalesce(table.decided_at, table.asked_at, type_=table.asked_at.type)
    return select(
        literal("proposal").label("source"),
        table.id,
        table.kind,
        table.subject,
        table.reason,
        table.state,
        table.asked_by,
        table.asked_at,
        table.decided_by,
        ended.label("ended_at"),
    )


def _replays() -> Select[Any]:
    table = replay.c
    about = (literal("replay"), table.id, literal("replay.send"), literal(""), table.reason, table.state)
    return select(*about, table.asked_by, table.asked_at, table.decided_by, table.decided_at)


def _purges() -> Select[Any]:
    table = purge.c
    about = (literal("purge"), table.id, literal("retention.purge"), literal(""), table.reason, table.state)
    return select(*about, table.asked_by, table.asked_at, table.decided_by, table.decided_at)


def _holds() -> Select[Any]:
    table = legal_hold.c
    about = (literal("hold"), table.id, literal("retention.lift"), literal(""), table.lift_reason)
    people = (table.lift_asked_by, table.lift_asked_at, table.lifted_by, table.lifted_at)
    return select(*about, literal("asked"), *people)

"""What takes two people: proposals as they are kept. What each kind does is known to ``hub.proposals``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from hub.ledger.engine import Transaction
from hub.ledger.proposal_tables import proposal

WAITING = ("asked", "acted")


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """People are named by their logins. ``seen`` names what whoever asked was shown; ``shown`` is that, as pairs."""

    id: str
    kind: str
    subject: str
    arguments: dict[str, Any]
    reason: str
    state: str
    seen: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    shown: list[list[str]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return self.state in WAITING


def add(transaction: Transaction, record: ProposalRecord) -> None:
    names = (column.name for column in proposal.c)
    transaction.execute(insert(proposal).values({name: getattr(record, name) for name in names}))


def find(transaction: Transaction, proposal_id: str, *, lock: bool = False) -> ProposalRecord | None:
    statement = select(proposal).where(proposal.c.id == proposal_id)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _record(row)


def decide(transaction: Transaction, proposal_id: str, state: str, by: str, at: datetime) -> None:
    """The store refuses the person who asked, but for taking it back."""
    transaction.execute(
        update(proposal)
        .where(proposal.c.id == proposal_id, proposal.c.state.in_(WAITING))
        .values(state=state, decided_by=by, decided_at=at)
    )


def open_ones(transaction: Transaction, limit: int = 200) -> list[ProposalRecord]:
    """Those that wait for a second person, the oldest first."""
    statement = select(proposal).where(proposal.c.state.in_(WAITING)).order_by(proposal.c.asked_at, proposal.c.id)
    return [_record(row) for row in transaction.execute(statement.limit(limit))]


def decided_ones(transaction: Transaction, before: str = "", limit: int = 50) -> list[ProposalRecord]:
    """Those that are over, the newest first; ``before``: the identifier of the last one that was shown."""
    statement = select(proposal).where(proposal.c.state.not_in(WAITING)).order_by(proposal.c.id.desc()).limit(limit)
    if before:
        statement = statement.where(proposal.c.id < before)
    return [_record(row) for row in transaction.execute(statement)]


def of_subject(transaction: Transaction, subject: str, limit: int = 20) -> list[ProposalRecord]:
    """What was proposed about one agency, system or person and still waits."""
    statement = select(proposal).where(proposal.c.state.in_(WAITING), proposal.c.subject == subject)
    return [_record(row) for row in transaction.execute(statement.order_by(proposal.c.id).limit(limit))]


def waiting(transaction: Transaction) -> int:
    counted = select(func.count()).select_from(proposal).where(proposal.c.state.in_(WAITING))
    return transaction.execute(counted).scalar_one()


def _record(row: Row[Any]) -> ProposalRecord:
    return ProposalRecord(**row._mapping)

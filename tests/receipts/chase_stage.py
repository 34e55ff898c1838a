"""Letters whose deadlines are looked after, a clock that tests set, and a mail server of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import clock
from hub.ledger import Ledger, Transaction, contacts, deliveries, exchange_log, receipts
from hub.ledger.contacts import Contact
from hub.ledger.envelopes import accept
from hub.ledger.exchange_log import LogQuery
from hub.ledger.receipts import ReceiptRecord
from hub.ledger.tables import delivery, envelope
from hub.receipts.deadline_policy import load
from hub.receipts.deadlines import Facts
from hub.receipts.overdue import Chaser
from tests.ledger.stage import Stage

POLICY = load()


def at(text: str) -> datetime:
    """A moment in Vietnam: ``2026-11-20 09:00``."""
    return datetime.fromisoformat(f"{text}+07:00")


MORNING = at("2026-11-20 09:00")  # a Friday


@dataclass
class Post:
    """Mail that arrives unless ``down``."""

    down: bool = False
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, to: str, subject: str, text: str) -> bool:
        if not self.down:
            self.sent.append((to, subject, text))
        return not self.down


@dataclass
class Scene:
    """A stage at a time. ``chaser`` is one sweep; ``another`` is a second one."""

    stage: Stage
    post: Post
    now: datetime = MORNING

    def __post_init__(self) -> None:
        self.chaser = self.another()

    def another(self, ledger: Ledger | None = None) -> Chaser:
        return Chaser(ledger or self.stage.ledger, self.stage.signer, POLICY, self.post)

    @property
    def ledger(self) -> Ledger:
        return self.stage.ledger

    def letter(self, *recipients: str, facts: Facts | None = None, taken: bool = False, **more: Any) -> list[str]:
        """A letter accepted now; the ids of its deliveries, in the inbox or taken from it."""
        facts = facts or Facts()
        acceptance = self.stage.acceptance(*recipients, priority=facts.priority, at=self.now, **more)
        acceptance.envelope.update(business_type=facts.business_type)
        if facts.due_on is not None:
            acceptance.envelope.update(due_on=facts.due_on.isoformat())
        due = POLICY.of(facts, self.now)
        for row in acceptance.deliveries:
            row |= {
                "confirm_by": clock.rfc3339(due.confirm_by),
                "expires_at": clock.rfc3339(due.expires_at),
                "process_by": None if due.process_by is None else clock.rfc3339(due.process_by),
                "chase_at": clock.rfc3339(due.chase_at),
            }
        [stored] = self.ledger.write_now(accept, [acceptance])
        ids = [one for _, one in stored.deliveries]
        self.ledger.write_now(deliveries.take_over, ids, self.now)
        if taken:
            self.set(ids, state="settled", closed_at=self.now, available_at=None)
        return ids

    def set(self, ids: list[str], **values: Any) -> None:
        def change(transaction: Transaction) -> None:
            transaction.execute(update(delivery).where(delivery.c.id.in_(ids)).values(**values))

        self.ledger.write_now(change)

    def row(self, delivery_id: str) -> Any:
        return self.ledger.read_now(lambda tx: tx.execute(select(delivery).where(delivery.c.id == delivery_id)).one())

    def envelope_of(self, delivery_id: str) -> str:
        statement = select(envelope.c.id).join(delivery, delivery.c.envelope_id == envelope.c.id)
        found: str = self.ledger.read_now(lambda tx: tx.execute(statement.where(delivery.c.id == delivery_id)).scalar())
        return found

    async def until(self, moment: datetime) -> None:
        """The sweep looks once, at that time."""
        self.now = moment
        await self.look()

    async def look(self) -> None:
        await self.chaser.step()
        await self.chaser.mails_sent()

    def feed(self, system: str) -> list[ReceiptRecord]:
        found, _ = self.ledger.read_now(receipts.feed, system, None, 1000)
        return [one for one in found if one.kind in ("notice", "delivery")]

    def told(self, system: str) -> list[str]:
        return [one.event for one in self.feed(system)]

    def log(self, kind: str) -> list[dict[str, Any]]:
        return self.ledger.read_now(exchange_log.query, LogQuery(kind=kind), None, 1000)[0]

    def contact(self, code: str, email: str) -> None:
        self.ledger.write_now(contacts.add, Contact(code, email, "Văn thư"), self.now)


@pytest.fixture
def scene(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(stage, Post())
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


DUE = date(2026, 11, 25)

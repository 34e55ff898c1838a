"""The sender's "chase": a reminder now, to the recipient's feed and its duty contact, no oftener than allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, Transaction, exchange_log, overdue, receipts
from hub.ledger.overdue import Chased
from hub.problems import Deferred, Refused
from hub.receipts import chasing, reminders
from hub.receipts.deadlines import DeadlinePolicy
from hub.receipts.overdue import subject_of
from hub.receipts.signing import Audience, ReceiptSigner

EVENT = "delivery.reminder"
CODE = "asked"
LONGEST_NOTE = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """The reminder that went out, and from when on the sender may ask again."""

    delivery_id: str
    envelope_id: str
    recipient: str
    at: datetime
    again_at: datetime


class Chases:
    """The door for senders. Raises ``Refused``: ``not-found``, ``chase-needless``; ``Deferred('chase-too-soon')``."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner, policy: DeadlinePolicy) -> None:
        self._ledger = ledger
        self._signer = signer
        self.policy = policy

    async def ask(self, system_id: str, delivery_id: str, note: str = "") -> Asked:
        """By the system that sent the letter; any other learns no more than that there is no such delivery."""
        return await self._ledger.write(
            self._ask, delivery_id, lambda row: row.sender_system_id == system_id, system_id, note, clock.now()
        )

    async def ask_for(self, login: str, agency_code: str | None, delivery_id: str, note: str = "") -> Asked:
        """By a person: one of the sending agency, or (``agency_code`` None) one who looks after all of them."""
        return await self._ledger.write(
            self._ask,
            delivery_id,
            lambda row: agency_code in (None, row.sender_code),
            f"person:{login}",
            note,
            clock.now(),
        )

    def _ask(
        self,
        transaction: Transaction,
        delivery_id: str,
        may: Callable[[Chased], bool],
        actor: str,
        note: str,
        now: datetime,
    ) -> Asked:
        found = [row for row in overdue.locked(transaction, [delivery_id]) if may(row)]
        if not found:
            raise Refused("not-found", delivery_id)
        [row] = found
        _check_needed(row, now)
        self._check_pause(transaction, row, now)
        receipt = self._signer.notice(
            EVENT,
            subject_of(row),
            Audience(row.system_id, row.recipient_code),
            now,
            reminders.asked(note),
            code=CODE,
            note=note,
            taken=row.state == "settled",
            status=row.status_code,
        )
        receipts.add(transaction, [receipt.row])
        overdue.remember(transaction, [(row.id, *chasing.asked(self.policy, row, now))])
        exchange_log.append(transaction, [_entry(row, actor, note, now)])
        return Asked(row.id, row.envelope_id, row.recipient_code, now, now + self.policy.again)

    def _check_pause(self, transaction: Transaction, row: Chased, now: datetime) -> None:
        last = receipts.newest_notice(transaction, row.id, EVENT, CODE)
        # one of a time to come was signed before the clock was set back: it must not bar the sender for long
        if last is not None and last <= now < last + self.policy.again:
            wait = last + self.policy.again - now
            raise Deferred("chase-too-soon", delivery_detail(row), retry_after=math.ceil(wait.total_seconds()))


def _check_needed(row: Chased, now: datetime) -> None:
    if chasing.over(row):
        raise Refused("chase-needless", row.state if row.state in overdue.ENDED else row.status_code or "")
    if row.not_before is not None and row.not_before > now:
        raise Refused("chase-needless", f"not shown before {clock.rfc3339(row.not_before)}")


def delivery_detail(row: Chased) -> str:
    return f"{row.number}/{row.notation} → {row.recipient_code}"


def _entry(row: Chased, actor: str, note: str, now: datetime) -> Entry:
    return Entry(
        Event.CHASE_ASKED,
        now,
        actor=actor,
        agency_code=row.sender_code,
        envelope_id=row.envelope_id,
        delivery_id=row.id,
        document_id=row.document_id,
        detail={"recipient": row.recipient_code, "system": row.system_id, "reason": note},
    )

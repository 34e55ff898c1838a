"""The chaser: reminds recipients, writes to their duty contacts, warns senders, and signs what was not done in time.

1. Deliveries whose look is due are locked; what another sweep holds is left to it.
2. What to do follows from the row and the policy (``hub.receipts.chasing``).
3. Receipts, log entries and the row's next look commit together: a crash repeats the look, never a step.
4. Only then are duty contacts written to, beside the looks. A mail that fails is logged and tried again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, Transaction, contacts, deliveries, exchange_log, journey, overdue, receipts
from hub.ledger.contacts import Contact
from hub.ledger.overdue import Chased
from hub.problems import Deferred
from hub.receipts import chasing, reminders
from hub.receipts.chasing import CLAIM, Look, Mailed
from hub.receipts.deadlines import DeadlinePolicy, Step
from hub.receipts.duty import DutyMail
from hub.receipts.non_delivery import give_up
from hub.receipts.reminders import Line
from hub.receipts.signing import Audience, ReceiptSigner, Subject

log = structlog.get_logger()

BATCH = 200
AT_ONCE = 4
MAIL_SECONDS = 60.0
NOTICES = {"confirm": "delivery.unconfirmed", "process": "document.not-processed"}
EXPIRED = "expired"  # hub.delivery.failures
# an entry's code by what was done; a notice has the end of its event's name
_CODES = {
    "remind": "remind",
    "contact": "contact",
    "warn": "warn",
    "confirm": "unconfirmed",
    "process": "not-processed",
}


@dataclass(frozen=True, slots=True)
class Mailing:
    """One mail to the duty contacts of one agency. ``claimed`` is the monotonic second at which it was claimed."""

    agency_code: str
    agency_name: str
    to: tuple[Contact, ...]
    lines: tuple[Line, ...]
    claimed: float


class Chaser:
    """Runs until cancelled, every ``every`` seconds. Without ``mail`` duty contacts are left out."""

    def __init__(
        self,
        ledger: Ledger,
        signer: ReceiptSigner,
        policy: DeadlinePolicy,
        mail: DutyMail | None = None,
        every: float = 5.0,
    ) -> None:
        self._ledger = ledger
        self._signer = signer
        self._policy = policy
        self._mail = mail
        self._every = every
        self._mailing: set[asyncio.Task[None]] = set()
        self._doors = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._every)
                try:
                    while await self.step() == BATCH:
                        pass
                except Deferred as error:
                    log.warning("chaser.waiting", reason=str(error))
        finally:
            for task in self._mailing:
                task.cancel()

    async def step(self) -> int:
        """Look at what is due; how many deliveries that were, ``BATCH`` at most. Mails go out beside."""
        count, mailings = await self._ledger.write(self._look, clock.now())
        for one in mailings:
            task = asyncio.create_task(self._send(one), name=f"mail {one.agency_code}")
            self._mailing.add(task)
            task.add_done_callback(self._ended)
        return count

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._mailing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # the claim runs out, and another look writes the mail
            log.error("chaser.mail_failed", task=task.get_name(), exc_info=error)

    async def mails_sent(self) -> None:
        """Wait until no mail is under way."""
        while self._mailing:
            await asyncio.wait(set(self._mailing))

    def _look(self, transaction: Transaction, now: datetime) -> tuple[int, list[Mailing]]:
        rows = overdue.due(transaction, now, BATCH)
        looks = {row.id: chasing.look(self._policy, row, now) for row in rows}
        told: list[dict[str, Any]] = []
        entries: list[Entry] = []
        to_write: list[tuple[Chased, Step]] = []
        for row in rows:
            for step in looks[row.id].steps:
                if step.kind == "end":
                    looks[row.id] = self._end(transaction, row, step, looks[row.id], now)
                elif step.kind == "contact":
                    to_write.append((row, step))
                else:
                    receipt, entry = self._tell(row, step, now)
                    told.append(receipt)
                    entries.append(entry)
        mailings = self._mailings(transaction, to_write, looks, now)
        receipts.add(transaction, told)
        exchange_log.append(transaction, entries)
        overdue.remember(transaction, [(row.id, looks[row.id].chase_at, looks[row.id].chase_step) for row in rows])
        return len(rows), mailings

    def _tell(self, row: Chased, step: Step, now: datetime) -> tuple[dict[str, Any], Entry]:
        """A reminder for the recipient's feed, or a warning or a signed notice for the sender's."""
        to_recipient = step.kind == "remind"
        event = "delivery.reminder" if to_recipient else "delivery.expires-soon"
        if step.kind == "notice":
            event = NOTICES[step.phase]
        audience = (
            Audience(row.system_id, row.recipient_code)
            if to_recipient
            else Audience(row.sender_system_id, row.sender_code)
        )
        receipt = self._signer.notice(
            event,
            subject_of(row),
            audience,
            now,
            reminders.said(step, row, now),
            code=step.phase,
            deadline=clock.rfc3339(step.deadline),
            document_class=self._policy.class_of(row).name,
            taken=row.state == "settled",
            status=row.status_code,
        )
        code = _CODES[step.phase if step.kind == "notice" else step.kind]
        return receipt.row, chased(row, step, now, code, told=audience.agency)

    def _end(self, transaction: Transaction, row: Chased, step: Step, found: Look, now: datetime) -> Look:
        """The hub gives the hand-over up: a dead letter, with its octets kept and the sender told."""
        record = deliveries.find(transaction, [row.id])[row.id]
        give_up(transaction, self._signer, record, EXPIRED, reminders.said(step, row, now), now)
        return replace(found, chase_at=None)

    def _mailings(
        self, transaction: Transaction, to_write: Sequence[tuple[Chased, Step]], looks: dict[str, Look], now: datetime
    ) -> list[Mailing]:
        """One mail an agency, however many of its documents are due at this look."""
        if not to_write:
            return []
        found = contacts.of(transaction, {row.recipient_code for row, _ in to_write}) if self._mail else {}
        names = journey.agency_names(
            transaction, {one for row, _ in to_write for one in (row.recipient_code, row.sender_code)}
        )
        lines: dict[str, list[Line]] = {}
        for row, step in to_write:
            if row.recipient_code in found:
                lines.setdefault(row.recipient_code, []).append(Line(row, step, names.get(row.sender_code, "")))
                continue
            claimed = replace(row, chase_step=looks[row.id].chase_step)
            looks[row.id] = chasing.mailed(self._policy, claimed, [step.name], now, "nobody")
        return [
            Mailing(code, names.get(code, code), tuple(found[code]), tuple(listed), clock.monotonic())
            for code, listed in lines.items()
        ]

    async def _send(self, mailing: Mailing) -> None:
        async with self._doors:
            if clock.monotonic() - mailing.claimed > CLAIM.total_seconds() - MAIL_SECONDS:
                return  # it waited so long for its turn that another look may take it up
            sent = await self._sent(mailing)
        try:
            await self._ledger.write(self._note, mailing, "sent" if sent else "failed", clock.now())
        except Deferred as error:
            log.warning("chaser.mail_not_noted", agency=mailing.agency_code, sent=sent, reason=str(error))

    async def _sent(self, mailing: Mailing) -> bool:
        """Whether at least one contact's mail was taken by a server."""
        assert self._mail is not None, "without mail there are no mailings"
        subject = reminders.subject(mailing.lines)
        text = reminders.text(mailing.agency_name, mailing.lines, clock.now())
        taken = False
        for contact in mailing.to:
            try:
                async with asyncio.timeout(MAIL_SECONDS / len(mailing.to)):
                    taken = await self._mail.send(contact.email, subject, text) or taken
            except TimeoutError:
                log.warning("chaser.mail_timed_out", agency=mailing.agency_code)
            except Exception:
                # a defect of the mail must not end the looks
                log.exception("chaser.mail_failed", agency=mailing.agency_code)
        return taken

    def _note(self, transaction: Transaction, mailing: Mailing, outcome: Mailed, now: datetime) -> None:
        steps = {line.row.id: line.step for line in mailing.lines}
        rows = overdue.locked(transaction, list(steps))
        looks = {row.id: chasing.mailed(self._policy, row, [steps[row.id].name], now, outcome) for row in rows}
        code = "contact" if outcome == "sent" else "contact-failed"
        entries = [chased(row, steps[row.id], now, code, contacts=len(mailing.to)) for row in rows]
        exchange_log.append(transaction, entries)
        overdue.remember(transaction, [(one, found.chase_at, found.chase_step) for one, found in looks.items()])


def subject_of(row: Chased) -> Subject:
    return Subject(row.envelope_id, row.document_id, row.sender_code, row.sha256, row.id, row.recipient_code)


def chased(row: Chased, step: Step, now: datetime, code: str, **detail: object) -> Entry:
    """An entry about a step; ``code`` says which kind."""
    return Entry(
        Event.DELIVERY_CHASED,
        now,
        actor="sweep",
        agency_code=row.recipient_code,
        envelope_id=row.envelope_id,
        delivery_id=row.id,
        document_id=row.document_id,
        code=code,
        detail={
            "recipient": row.recipient_code,
            "system": row.system_id,
            "step": step.name,
            "deadline": clock.rfc3339(step.deadline),
            **detail,
        },
    )

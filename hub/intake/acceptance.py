"""Accepting one envelope.

1. Judge the octets (validation, the numbered table there).
2. Refused: sign a refusal, log it with the digest of what came, answer. The octets are forgotten.
3. Make the octets durable under their digest, and those of every attachment beside them.
4. Sign the acknowledgement: it names that digest.
5. One transaction commits envelope, deliveries, outbox, acknowledgement and log entry, if the duplicate key is free.
6. Key taken by the same octets: give the first acknowledgement again. By others: refuse (document-conflict).
   The same octets from the same system get it also when they would be refused or deferred today.
A recall, update or replacement does in that transaction what it does to the earlier document (``hub.intake.changes``).
A crash after 3 leaves files nobody refers to, which are removed a day later, as are those of a conflict or a repeat of
what was purged; a crash after 5 leaves an accepted envelope whose sender repeats and
gets the same acknowledgement. The answer is sent only after 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.model import BusinessType, ReceivedEnvelope, ReceivedPart
from hub.intake import changes
from hub.intake.alerts import alerts, tell
from hub.intake.room import Room
from hub.intake.rows import accepted, delivery_rows, envelope_row, outbox_row, part_rows, pending_rows
from hub.ledger import Ledger, PayloadWriter, Transaction, envelopes, exchange_log, purged, receipts
from hub.ledger.envelopes import Acceptance, Key, Stored
from hub.ledger.group_commit import GroupCommit
from hub.ledger.journal import Journal
from hub.ledger.keeping import Keeper
from hub.ledger.payloads import COMMITTED_WITHIN
from hub.problems import Deferred, Finding, Refused
from hub.receipts import deadline_policy
from hub.receipts.deadlines import DeadlinePolicy
from hub.receipts.signing import Audience, Receipt, ReceiptSigner, Subject
from hub.registry.directory import Directory
from hub.registry.model import System
from hub.validation import Accepted, Declined, VerifiedEnvelope, begin, claimed_key, judge, report
from hub.validation.examination import Examination, Policy

# octets of documents judged at once: a tree of what is in memory takes three times its length
JUDGED_AT_ONCE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IncomingPart:
    """One attachment beside the document, on its way in. ``content_id`` is bare."""

    content_id: str
    content_type: str
    octets: PayloadWriter


@dataclass(frozen=True, slots=True)
class Admitted:
    """The envelope stands in the ledger. ``stored.new`` is false for an exact repeat."""

    stored: Stored
    sender: str
    document_id: str
    business_type: int
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The envelope does not stand in the ledger; the signed refusal does."""

    findings: tuple[Finding, ...]
    refusal: str


class Intake:
    """The door. ``wake`` is called after a commit, so that the relay of this process need not wait for its tick."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        signer: ReceiptSigner,
        policy: Policy,
        wake: Callable[[], None] = lambda: None,
        deadlines: DeadlinePolicy | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._signer = signer
        self.policy = policy
        self._wake = wake
        self._deadlines = deadlines or deadline_policy.load()
        self._keeper = Keeper(journal)
        self._room = Room(JUDGED_AT_ONCE)
        self._commits: GroupCommit[Acceptance, Stored] = GroupCommit(ledger, envelopes.accept, single_statement=True)

    async def submit(
        self, body: PayloadWriter, caller: System, traceparent: str = "", parts: Sequence[IncomingPart] = ()
    ) -> Admitted | Rejected:
        """Accept or refuse one document. Raises ``Deferred`` (nothing is stored) when the hub cannot tell now."""
        received = _received(body, caller.id, traceparent, parts)
        try:
            async with self._room.taken(body.size):
                verdict = await judge(received, self._directory, self.policy)
        except Deferred as deferral:
            if repeat := await self._repeat(body, received):
                return repeat
            await self._log_deferral(received, deferral)
            raise
        if isinstance(verdict, Declined):
            return await self._repeat(body, received) or await self._reject(received, verdict)
        try:
            return await self._admit([body, *(part.octets for part in parts)], verdict)
        except Deferred as deferral:
            await self._log_deferral(received, deferral)
            raise

    async def turn_away(self, caller: System, refusal: Refused) -> None:
        """Log a submission refused by its head or length: there are no octets to name, so no refusal is signed."""
        entry = Entry(
            Event.ENVELOPE_REFUSED,
            clock.now(),
            actor=caller.id,
            code=refusal.code,
            detail={"findings": [asdict(finding) for finding in refusal.findings], "system": caller.id},
        )
        await self._ledger.write(exchange_log.append, [entry])

    async def check(
        self, body: PayloadWriter, system_id: str, spoken: report.Language, parts: Sequence[IncomingPart] = ()
    ) -> dict[str, Any]:
        """The verdict that ``submit`` would give, explained; nothing is stored or logged.

        Judged as if for the first time: that an exact repeat gets its first acknowledgement is no verdict.
        """
        received = _received(body, system_id, "", parts)
        async with self._room.taken(body.size):
            exam = await begin(received, self._directory, self.policy)
            return await report.explain(exam, spoken, self._conflict)

    async def _conflict(self, exam: Examination) -> list[Finding]:
        """What ``_admit`` would find: the document id was used for other octets."""
        assert exam.sender is not None, "an envelope that nothing refuses has its sender"
        key = (exam.sender.code, exam.parsed.document_id, exam.business_type, exam.parsed.edition)
        stored = await self._ledger.read(envelopes.stored, key)
        if stored is None or stored.sha256 == exam.received.sha256:
            return []
        return [_conflicting(key[1], stored)]

    async def _admit(self, bodies: Sequence[PayloadWriter], verdict: Accepted) -> Admitted | Rejected:
        envelope = verdict.envelope
        different = {body.sha256: body for body in bodies}
        begun = clock.now()
        try:
            await asyncio.gather(*(self._keeper.add(body) for body in different.values()))
        except OSError as error:
            raise Deferred("payload-unavailable", error.strerror or "", retry_after=30) from error
        acceptance = self._rows(envelope)
        if clock.now() - begun > COMMITTED_WITHIN:
            raise Deferred("payload-unavailable", "the hub stood still since the octets were kept", retry_after=1)
        stored = await self._commit(acceptance, envelope)
        if stored.new:
            self._wake()
            tell(_alerts(envelope, stored.envelope_id))
            return Admitted(stored, *acceptance.key[:3], envelope.warnings)
        if stored.sha256 == envelope.received.sha256:
            return await self._again(envelope.received, stored, acceptance.key)
        finding = _conflicting(envelope.content.document_id, stored)
        declined = Declined((finding,), (), envelope.sender.code, envelope.content.document_id)
        return await self._reject(envelope.received, declined)

    async def _commit(self, acceptance: Acceptance, envelope: VerifiedEnvelope) -> Stored:
        """New documents many at once in one statement; those that change an earlier one by themselves."""
        if envelope.business_type == BusinessType.NEW:
            return await self._commits.add(acceptance)
        return await self._ledger.write(changes.accept, self._signer, acceptance, envelope)

    async def _repeat(self, body: PayloadWriter, received: ReceivedEnvelope) -> Admitted | None:
        """The first acknowledgement for octets that were accepted before, though they would not be today.

        A sender whose answer was lost repeats; meanwhile its certificate may have ended, or a rule become stricter.
        """
        if not body.is_kept() and not await self._ledger.read(purged.accepted_before, body.sha256):
            return None
        async with self._room.taken(body.size):
            key = await claimed_key(received, self._directory, self.policy)
        if key is None:
            return None
        parts = [part.sha256 for part in received.parts]
        stored = await self._ledger.read(envelopes.repeated, key, received.sha256, received.system_id, parts)
        return None if stored is None else await self._again(received, stored, key)

    async def _again(self, received: ReceivedEnvelope, stored: Stored, key: Key) -> Admitted:
        """An exact repeat, logged; with the warnings of its acknowledgement, not with those of today."""
        record = await self._ledger.read(envelopes.find, stored.envelope_id)
        warned = () if record is None else (Finding(**one) for one in record.details.get("warnings", ()))
        admitted = Admitted(stored, *key[:3], tuple(warned))
        await self._ledger.write(exchange_log.append, [_repeated(received, admitted)])
        return admitted

    async def _reject(self, received: ReceivedEnvelope, verdict: Declined) -> Rejected:
        subject = Subject(None, verdict.document_id, verdict.sender, received.sha256)
        audience = Audience(received.system_id, verdict.sender)
        refusal = self._signer.refusal(subject, audience, verdict.findings, received.received_at)
        entry = Entry(
            Event.ENVELOPE_REFUSED,
            received.received_at,
            actor=received.system_id,
            agency_code=verdict.sender,
            document_id=verdict.document_id,
            code=verdict.findings[0].code,
            detail={
                "findings": [asdict(finding) for finding in verdict.findings],
                "sha256": received.sha256,
                "size": received.size,
                "system": received.system_id,
            },
        )
        alarms = alerts(received, (*verdict.findings, *verdict.warnings), verdict.sender, verdict.document_id)
        await self._ledger.write(_write_refusal, refusal, [entry, *alarms])
        tell(alarms)
        return Rejected(verdict.findings, refusal.jws)

    async def _log_deferral(self, received: ReceivedEnvelope, deferral: Deferred) -> None:
        if deferral.code == "ledger-unavailable":
            return  # there is nothing to log it in
        detail = {"sha256": received.sha256, "size": received.size, "detail": deferral.detail}
        entry = Entry(
            Event.ENVELOPE_DEFERRED,
            received.received_at,
            actor=received.system_id,
            code=deferral.code,
            detail=detail,
        )
        await self._ledger.write(exchange_log.append, [entry])

    def _rows(self, envelope: VerifiedEnvelope) -> Acceptance:
        envelope_id = clock.new_id()
        at = envelope.received.received_at
        subject = Subject(envelope_id, envelope.content.document_id, envelope.sender.code, envelope.received.sha256)
        audience = Audience(envelope.received.system_id, envelope.sender.code)
        codes = [agency.code for agency in envelope.recipients]
        acknowledgement = self._signer.acknowledgement(subject, audience, codes, envelope.warnings, at)
        deliveries = delivery_rows(envelope_id, envelope, at, self._deadlines)
        return Acceptance(
            envelope=envelope_row(envelope_id, envelope, at),
            deliveries=deliveries,
            outbox=[outbox_row(row, envelope) for row in deliveries],
            receipt=acknowledgement.row,
            entries=[
                entry.row() for entry in (accepted(envelope_id, envelope, codes, at), *_alerts(envelope, envelope_id))
            ],
            pending=pending_rows(envelope_id, envelope, at),
            parts=part_rows(envelope_id, envelope),
        )


def _conflicting(document_id: str, stored: Stored) -> Finding:
    return Finding("document-conflict", f"{document_id} is envelope {stored.envelope_id}")


def _received(body: PayloadWriter, system_id: str, traceparent: str, parts: Sequence[IncomingPart]) -> ReceivedEnvelope:
    return ReceivedEnvelope(
        body.read() if body.in_memory else b"",
        body.sha256,
        system_id,
        clock.now(),
        traceparent,
        tuple(
            ReceivedPart(one.content_id, one.content_type, one.octets.size, one.octets.sha256, one.octets.open)
            for one in parts
        ),
        None if body.in_memory else body.open,
        body.size,
    )


def _alerts(envelope: VerifiedEnvelope, envelope_id: str) -> list[Entry]:
    """What a policy let pass with a warning may still be alarming."""
    content = envelope.content
    return alerts(envelope.received, envelope.warnings, envelope.sender.code, content.document_id, envelope_id)


def _repeated(received: ReceivedEnvelope, admitted: Admitted) -> Entry:
    return Entry(
        Event.ENVELOPE_REPEATED,
        received.received_at,
        actor=received.system_id,
        agency_code=admitted.sender,
        envelope_id=admitted.stored.envelope_id,
        document_id=admitted.document_id,
        detail={"sha256": received.sha256},
    )


def _write_refusal(transaction: Transaction, refusal: Receipt, entries: list[Entry]) -> None:
    receipts.add(transaction, [refusal.row])
    exchange_log.append(transaction, entries)

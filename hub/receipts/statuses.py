"""Taking a status report: find the delivery it means, sign it, commit it once, show it to the other side.

1. The reporter is an agency of the calling system (checked before).
2. The code is one; 13 comes from the original sender, every other from the recipient.
3. ``ResponseFor`` names the other side and the document: the pair finds the delivery.
4. The same code with the same time and text is the same fact: the first receipt is given again.
5. Receipt, current status and log entry are one transaction.
6. 13 withdraws what was not taken and asks about what was; 15 and 16 answer (``hub.receipts.taking_back``). 13 in edXML
   means the document with all its versions, in JSON the one delivery. No other code touches a delivery's state.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, Transaction, agencies, changes, correlation, exchange_log, receipts
from hub.ledger.changes import TAKING_BACK, Earlier
from hub.ledger.correlation import Correlated
from hub.problems import Refused
from hub.receipts import business_status, taking_back
from hub.receipts.signing import Audience, ReceiptSigner, StatusFacts, Subject
from hub.receipts.taking_back import Request, Written
from hub.validation import VerifiedStatus


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A report in JSON, by delivery id."""

    delivery_id: str
    code: str
    description: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Reported:
    """The outcome; ``new`` is false for an exact repeat."""

    new: bool
    receipt_id: str
    envelope_id: str
    delivery_id: str
    code: str
    jws: str


MAX_DESCRIPTION = 1000


class Statuses:
    """The door for status reports."""

    def __init__(self, ledger: Ledger, signer: ReceiptSigner) -> None:
        self._ledger = ledger
        self._signer = signer

    async def report(self, system_id: str, report: StatusReport) -> Reported:
        """A JSON report. Raises ``Refused``: ``not-found``, ``status-*``."""
        return await self._ledger.write(self._report, system_id, report, clock.now())

    def _report(self, transaction: Transaction, system_id: str, report: StatusReport, at: datetime) -> Reported:
        target = correlation.correlated(transaction, report.delivery_id)
        if target is None or system_id not in (target.system_id, target.sender_system_id):
            raise Refused("not-found", report.delivery_id, "/delivery")
        _check_code(report.code, "/code")
        from_sender = business_status.from_sender(report.code)
        if system_id != (target.sender_system_id if from_sender else target.system_id):
            raise Refused("status-reporter-mismatch", report.code, "/code")
        reporter = target.sender_code if from_sender else target.recipient_code
        moment = "" if report.at is None else clock.rfc3339(report.at)
        facts = _facts(target, reporter, report.code, report.description, moment, None, signature="absent")
        return self._commit(transaction, system_id, target, facts, at, ())

    async def report_message(self, system_id: str, status: VerifiedStatus, body: bytes) -> Reported:
        """An edXML status message. Raises ``Refused``: ``status-*``, ``metadata-missing``."""
        return await self._ledger.write(self._report_message, system_id, status, body, clock.now())

    def _report_message(
        self, transaction: Transaction, system_id: str, status: VerifiedStatus, body: bytes, at: datetime
    ) -> Reported:
        content = status.content
        header = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/"
        _check_code(content.code, header + "StatusCode")
        other = agencies.find(transaction, [content.response_for.code]).get(content.response_for.code)
        document_id = content.response_for.document_id
        if other is None or not document_id:
            raise Refused("status-document-unknown", content.response_for.code, header + "ResponseFor")
        mine, theirs = status.reporter.code, other.code
        sender, recipient = (mine, theirs) if business_status.from_sender(content.code) else (theirs, mine)
        candidates = correlation.correlate(transaction, document_id, sender, recipient)
        target = business_status.choose(content.code, candidates)
        if target is None:
            if correlation.correlate(transaction, document_id, recipient, sender):
                raise Refused("status-reporter-mismatch", content.code, header + "StatusCode")
            raise Refused("status-document-unknown", f"{theirs}: {document_id}", header + "ResponseFor")
        facts = _facts(
            target, mine, content.code, content.description, content.timestamp, body, signature=_signature(status)
        )
        return self._commit(transaction, system_id, target, facts, at, [one.id for one in candidates])

    def _commit(
        self,
        transaction: Transaction,
        system_id: str,
        target: Correlated,
        facts: StatusFacts,
        at: datetime,
        document: Sequence[str],
    ) -> Reported:
        """``document``: the deliveries that the report may mean by naming a document; empty when it names one."""
        taken_back = _earlier(transaction, target, bool(document)) if business_status.from_sender(facts.code) else []
        # whoever was never shown the document is not told that it is taken back
        if any(one.shown for one in taken_back):
            audience = Audience(target.system_id, target.recipient_code)
        else:
            audience = Audience(target.sender_system_id, target.sender_code)
        subject = Subject(
            target.envelope_id, target.document_id, target.sender_code, target.sha256, target.id, target.recipient_code
        )
        receipt = self._signer.status(subject, audience, facts, at)
        if not receipts.add(transaction, [receipt.row]):
            first = receipts.by_repeat_key(transaction, facts.repeat_key)
            return Reported(False, first.id, target.envelope_id, target.id, facts.code, first.jws)
        entry = _entry(system_id, target, facts, audience, at)
        exchange_log.append(transaction, [entry])
        if not self._take_back(transaction, system_id, facts, taken_back, receipt.id, at):
            follows = business_status.may_follow(facts.code)
            correlation.set_status(transaction, target.id, facts.code, facts.description, at, follows)
        if facts.code in (business_status.AGREED, business_status.DECLINED):
            agreed = facts.code == business_status.AGREED
            taking_back.answer(transaction, document, target.id, target.envelope_id, agreed, entry)
        return Reported(True, receipt.id, target.envelope_id, target.id, facts.code, receipt.jws)

    def _take_back(
        self,
        transaction: Transaction,
        system_id: str,
        facts: StatusFacts,
        earlier: Sequence[Earlier],
        receipt_id: str,
        at: datetime,
    ) -> bool:
        """Withdraw or ask; False where all of it is closed, or the question stands or was agreed to: then a fact."""
        questions = changes.questions_of(transaction, [one.id for one in earlier])
        standing = {one.delivery_id for one in questions if one.kind in TAKING_BACK and one.outcome != "declined"}
        open_ones = [
            one for one in earlier if one.untaken or ((one.taken or one.state == "dead") and one.id not in standing)
        ]
        if not open_ones:
            return False
        request = Request("recall", system_id, facts.reporter, facts.description, at, receipt_id=receipt_id)
        written = Written()
        taking_back.take_back(transaction, self._signer, request, open_ones, written, notify=False)
        written.commit(transaction)
        return True


def _earlier(transaction: Transaction, target: Correlated, whole_document: bool) -> list[Earlier]:
    """The deliveries that 13 is about, locked: one, or those of every version of the document."""
    if whole_document:
        known = changes.versions(transaction, target.sender_code, [target.document_id], lock=True)
        found = changes.of_versions([one.id for one in known], [target.recipient_code])
        if earlier := changes.earlier(transaction, found):
            return earlier
    return changes.earlier(transaction, changes.of_deliveries([target.id]))


def _entry(system_id: str, target: Correlated, facts: StatusFacts, audience: Audience, at: datetime) -> Entry:
    return Entry(
        Event.STATUS_RECEIVED,
        at,
        actor=system_id,
        agency_code=facts.reporter,
        envelope_id=target.envelope_id,
        delivery_id=target.id,
        document_id=target.document_id,
        code=facts.code,
        detail={
            "recipient": target.recipient_code,
            "description": facts.description,
            "for": audience.agency,
            "signed": facts.signature != "absent",
            "signature": facts.signature,
        },
    )


def _signature(status: VerifiedStatus) -> str:
    """``valid``; ``pending`` while it is not known whether the signer was revoked; ``absent``."""
    if status.signer is None:
        return "absent"
    return "valid" if status.signer.revocation == "good" else "pending"


def _check_code(code: str, location: str) -> None:
    if not business_status.is_code(code):
        raise Refused("status-code-invalid", code, location)


def _facts(
    target: Correlated, reporter: str, code: str, description: str, moment: str, body: bytes | None, *, signature: str
) -> StatusFacts:
    if len(description) > MAX_DESCRIPTION:
        raise Refused("metadata-too-long", f"description: {len(description)} of {MAX_DESCRIPTION} characters")
    if code == business_status.REFUSED and not description.strip():
        raise Refused("reason-missing", "", "description")
    identity = "\n".join((target.id, reporter, code, moment, description))
    return StatusFacts(
        code=code,
        description=description,
        reporter=reporter,
        reported_at=moment,
        signature=signature,
        message=None if body is None else base64.b64encode(body).decode(),
        message_sha256=None if body is None else hashlib.sha256(body).hexdigest(),
        repeat_key=hashlib.sha256(identity.encode()).hexdigest(),
    )

"""The signed receipts: one payload form for all events.

1. Say what happened, to which octets, from whom to whom, when (below).
2. Sign it with the hub's key (Ed25519, compact JWS).
3. Commit it in the transaction of the step it proves. A receipt that is not committed is never shown.
``log`` is a promise: this very receipt is a leaf of that log by then. The proof comes beside it once it is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub import clock
from hub.audit import bounds
from hub.audit.sealer import PROMISED_SECONDS
from hub.problems import Finding
from hub.signatures.jws import HubKey

_PROMISED = timedelta(seconds=PROMISED_SECONDS)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed receipt and the row that keeps it."""

    id: str
    jws: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a receipt is about. ``sha256`` is the digest of the original octets, hexadecimal."""

    envelope_id: str | None
    document_id: str
    sender: str
    sha256: str
    delivery_id: str | None = None
    recipient: str = ""

    def __post_init__(self) -> None:
        """A submitter's claims may be of any length; a leaf of the log may not."""
        for name in ("document_id", "sender", "recipient"):
            object.__setattr__(self, name, bounds.text(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose feed shows the receipt."""

    system_id: str
    agency: str


class ReceiptSigner:
    """Issues receipts in the name of one hub."""

    def __init__(self, key: HubKey, hub: str, log: str) -> None:
        self.key = key
        self.hub = hub
        self.log = log

    def _issue(
        self,
        kind: str,
        event: str,
        subject: Subject,
        audience: Audience,
        at: datetime,
        extra: dict[str, Any],
        row: dict[str, Any],
    ) -> Receipt:
        receipt_id = clock.new_id()
        moment = clock.rfc3339(at)
        payload: dict[str, Any] = {
            "jti": receipt_id,
            "hub": self.hub,
            "event": event,
            "at": moment,
            "envelope_id": subject.envelope_id,
            "document_id": subject.document_id,
            "sender": subject.sender,
            "sha256": subject.sha256,
            **extra,
            "log": {"origin": self.log, "by": clock.rfc3339(at + _PROMISED)},
        }
        if subject.delivery_id is not None:
            payload |= {"delivery_id": subject.delivery_id, "recipient": subject.recipient}
        jws = self.key.sign(payload)
        return Receipt(
            receipt_id,
            jws,
            {
                "id": receipt_id,
                "kind": kind,
                "event": event,
                "audience_system_id": audience.system_id,
                "audience_code": audience.agency,
                "envelope_id": subject.envelope_id,
                "delivery_id": subject.delivery_id,
                "document_id": subject.document_id,
                "sender_code": subject.sender,
                "recipient_code": subject.recipient,
                "code": "",
                "description": "",
                "at": moment,
                "repeat_key": None,
                "payload_sha256": None,
                "jws": jws,
                **row,
            },
        )

    def acknowledgement(
        self, subject: Subject, audience: Audience, recipients: Sequence[str], warnings: Sequence[Finding], at: datetime
    ) -> Receipt:
        """The hub has accepted these octets for these recipients."""
        extra = {"recipients": list(recipients), "warnings": [_finding(one) for one in warnings]}
        return self._issue("acknowledgement", "envelope.accepted", subject, audience, at, extra, {})

    def refusal(self, subject: Subject, audience: Audience, findings: Sequence[Finding], at: datetime) -> Receipt:
        """The hub has not accepted these octets, and why. Sender and document id are the submitter's claims."""
        extra = {"code": findings[0].code, "findings": [_finding(one) for one in findings]}
        row = {"code": findings[0].code, "description": findings[0].detail}
        return self._issue("refusal", "envelope.refused", subject, audience, at, extra, row)

    def delivered(
        self, subject: Subject, audience: Audience, at: datetime, how: dict[str, Any] | None = None
    ) -> Receipt:
        """The recipient's system has taken the original octets and settled.

        ``how`` (JSON): by which channel, and what is known of it where that is less; ``description`` in words.
        """
        if how is None:
            return self._issue("delivery", "delivery.settled", subject, audience, at, {}, {})
        row = {"description": how.get("description", "")}
        return self._issue("delivery", "delivery.settled", subject, audience, at, {"how": how}, row)

    def delivery_refused(self, subject: Subject, audience: Audience, reason: str, at: datetime) -> Receipt:
        """The recipient's system has refused the document for good."""
        row = {"description": reason}
        return self._issue("delivery", "delivery.refused", subject, audience, at, {"reason": reason}, row)

    def withdrawn(self, subject: Subject, audience: Audience, reason: str, at: datetime) -> Receipt:
        """The delivery was taken back before the recipient's system took it: it never saw the document."""
        row = {"description": reason}
        return self._issue("delivery", "delivery.withdrawn", subject, audience, at, {"reason": reason}, row)

    def undelivered(self, subject: Subject, audience: Audience, code: str, detail: str, at: datetime) -> Receipt:
        """Non-delivery: the hub gave up handing over, and why (``hub.delivery.failures``)."""
        row = {"code": code, "description": detail}
        extra = {"code": code, "detail": detail}
        return self._issue("delivery", "delivery.dead", subject, audience, at, extra, row)

    def notice(
        self, event: str, subject: Subject, audience: Audience, at: datetime, description: str = "", **extra: Any
    ) -> Receipt:
        """Something the other side should know: a deadline, a recall that asks, a replay. ``extra`` is JSON."""
        row = {"code": extra.get("code", ""), "description": description}
        said = {"description": description, **extra}
        return self._issue("notice", event, subject, audience, at, said, row)

    def status(self, subject: Subject, audience: Audience, report: StatusFacts, at: datetime) -> Receipt:
        """An office has reported a business status; its own message travels along, untouched, where there is one."""
        extra = {
            "code": report.code,
            "description": report.description,
            "reported_by": report.reporter,
            "reported_at": report.reported_at,
            "reporter_signature": report.signature,
            "status_message": report.message,
        }
        row = {
            "code": report.code,
            "description": report.description,
            "repeat_key": report.repeat_key,
            "payload_sha256": report.message_sha256,
        }
        return self._issue("status", "status.received", subject, audience, at, extra, row)


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """A reported status. ``signature`` of the report: ``valid``, ``pending`` (revocation not known yet) or ``absent``.

    ``message`` is the recipient's own edXML message in base64, None for JSON reports.
    """

    code: str
    description: str
    reporter: str
    reported_at: str
    signature: str
    message: str | None
    message_sha256: str | None
    repeat_key: str


def _finding(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "detail": finding.detail, "location": finding.location, "rule": finding.rule}

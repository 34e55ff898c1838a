"""The rows of one accepted envelope. Ready for JSON: times are RFC 3339 text."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.model import ResponseFor
from hub.envelope.names import PROFILE
from hub.ledger.tables import search_text
from hub.problems import Finding
from hub.receipts.deadlines import DeadlinePolicy, Facts
from hub.validation import VerifiedEnvelope
from hub.validation.reference import ADDED
from hub.validation.verdict import AttachmentFacts, SignerFacts

_FIELDS = {
    kind: tuple(one.name for one in fields(kind)) for kind in (SignerFacts, AttachmentFacts, Finding, ResponseFor)
}


def envelope_row(envelope_id: str, envelope: VerifiedEnvelope, at: datetime) -> dict[str, Any]:
    content = envelope.content
    return {
        "id": envelope_id,
        "sender_code": envelope.sender.code,
        "sender_system_id": envelope.received.system_id,
        "document_id": content.document_id,
        "business_type": envelope.business_type,
        "profile": PROFILE,
        "number": content.number,
        "notation": content.notation,
        "promulgated_on": envelope.promulgated_on.isoformat(),
        "document_type": content.document_type,
        "subject": content.subject,
        "priority": envelope.priority,
        "due_on": None if envelope.due_on is None else envelope.due_on.isoformat(),
        "sha256": envelope.received.sha256,
        "size": envelope.received.size,
        "received_at": clock.rfc3339(at),
        "parts": len(envelope.received.parts),
        "parts_size": sum(part.size for part in envelope.received.parts),
        "edition": content.edition,
        "previous_id": None,  # hub.intake.changes
        "paper": int(content.business.paper) if content.business.paper in ("0", "1") else None,
        "details": {
            "signer": _told(envelope.signer),
            "attachments": [_told(attachment) for attachment in envelope.attachments],
            "warnings": [_told(warning) for warning in envelope.warnings],
            "head": content.head,
            "response_for": [_told(answered) for answered in content.response_for],
            **_business(envelope),
        },
        "traceparent": envelope.received.traceparent,
        "search": search_text(
            content.number, content.notation, content.document_id, envelope.sender.code, content.subject
        ),
    }


def _business(envelope: VerifiedEnvelope) -> dict[str, Any]:
    """What a recall, update or replacement says beside its reason, and the hour of a scheduled letter."""
    told: dict[str, Any] = {}
    if envelope.business_type:
        business = envelope.content.business
        told["business"] = {
            "reason": business.reason,
            "documents": [document_id for document_id, _ in envelope.targets] or list(envelope.content.concerned[:1]),
            "document_changed": business.document_changed == "1",
            "added": [one.code for one in business.receivers if one.kind == ADDED],
            "removed": list(envelope.removed),
        }
    if envelope.not_before is not None:
        told["not_before"] = clock.rfc3339(envelope.not_before)
    return told


def _told(record: SignerFacts | AttachmentFacts | Finding | ResponseFor) -> dict[str, Any]:
    """Its fields by name. What they hold is JSON-ready and stays as it is: no copies, as ``asdict`` makes."""
    return {name: getattr(record, name) for name in _FIELDS[type(record)]}


def part_rows(envelope_id: str, envelope: VerifiedEnvelope) -> list[dict[str, Any]]:
    beside = (one for one in envelope.attachments if one.form == "part")
    return [
        {
            "envelope_id": envelope_id,
            "number": number,
            "content_id": one.content_id,
            "name": one.name,
            "content_type": one.content_type,
            "sha256": one.sha256,
            "size": one.size,
        }
        for number, one in enumerate(beside, 1)
    ]


def delivery_rows(
    envelope_id: str, envelope: VerifiedEnvelope, at: datetime, policy: DeadlinePolicy
) -> list[dict[str, Any]]:
    """One for each recipient; their deadlines are the letter's, worked out once."""
    content = envelope.content
    facts = Facts(envelope.priority, envelope.business_type, content.document_type, envelope.due_on)
    due = policy.of(facts, at, envelope.not_before)
    deadlines = {
        "expires_at": clock.rfc3339(due.expires_at),
        "confirm_by": clock.rfc3339(due.confirm_by),
        "process_by": None if due.process_by is None else clock.rfc3339(due.process_by),
        "chase_at": clock.rfc3339(due.chase_at),
    }
    return [
        {
            "id": clock.new_id(),
            "envelope_id": envelope_id,
            "recipient_code": agency.code,
            "system_id": agency.system_id,
            "state": "pending",
            "priority": envelope.priority,
            "since": clock.rfc3339(at),
            "not_before": None if envelope.not_before is None else clock.rfc3339(envelope.not_before),
            **deadlines,
        }
        for agency in envelope.recipients
    ]


def outbox_row(delivery: dict[str, Any], envelope: VerifiedEnvelope) -> dict[str, Any]:
    return {
        "delivery_id": delivery["id"],
        "envelope_id": delivery["envelope_id"],
        "system_id": delivery["system_id"],
        "recipient_code": delivery["recipient_code"],
        "document_id": envelope.content.document_id,
        "priority": delivery["priority"],
        "traceparent": envelope.received.traceparent,
    }


def pending_rows(envelope_id: str, envelope: VerifiedEnvelope, at: datetime) -> list[dict[str, Any]]:
    """The signer's certificates of which it is not known yet whether they were revoked; a sweep settles them."""
    return [
        {
            "envelope_id": envelope_id,
            "certificate_sha256": one["certificate_sha256"],
            "issuer_sha256": one["issuer_sha256"],
            "since": clock.rfc3339(at),
        }
        for one in envelope.signer.revocations
        if one["status"] == "pending"
    ]


def accepted(envelope_id: str, envelope: VerifiedEnvelope, codes: list[str], at: datetime) -> Entry:
    return Entry(
        Event.ENVELOPE_ACCEPTED,
        at,
        actor=envelope.received.system_id,
        agency_code=envelope.sender.code,
        envelope_id=envelope_id,
        document_id=envelope.content.document_id,
        detail={
            "sha256": envelope.received.sha256,
            "size": envelope.received.size,
            "business_type": envelope.business_type,
            "recipients": codes,
            "certificate": envelope.signer.sha256,
        },
    )

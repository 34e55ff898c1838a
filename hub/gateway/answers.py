"""What successful answers hold, as a table: for the OpenAPI document, which is held to it by asking.

One entry for each answer: its members, all of them always there, and the kind of each: ``text``, ``time`` (RFC 3339),
``date``, ``number``, ``flag``, ``object``, the name of another answer, ``[kind]`` for a list, ``kind?`` where it may be
null. More members may come; clients ignore what they do not know.
"""

from __future__ import annotations

from typing import Any

_PLAIN: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "number": {"type": "integer"},
    "flag": {"type": "boolean"},
    "object": {"type": "object"},
}

# by the name of its schema; the operations (operationId: status codes) that give it stand in GIVEN
ANSWERS: dict[str, dict[str, str]] = {
    "Token": {"access_token": "text", "token_type": "text", "expires_in": "number"},
    "Warning": {
        "code": "text",
        "title": "text",
        "detail": "text",
        "location": "text",
        "rule": "text",
        "remedy": "text",
    },
    "DeliveryOf": {"code": "text", "delivery": "text"},
    "EnvelopeLinks": {"self": "text", "content": "text", "receipts": "text"},
    "Acknowledgement": {
        "id": "text",
        "document_id": "text",
        "business_type": "number",
        "sender": "text",
        "sha256": "text",
        "size": "number",
        "received_at": "time",
        "recipients": "[DeliveryOf]",
        "warnings": "[Warning]",
        "acknowledgement": "text",
        "links": "EnvelopeLinks",
    },
    "Verdict": {
        "verdict": "text",
        "profile": "text",
        "sha256": "text",
        "size": "number",
        "received_at": "time",
        "document": "object?",
        "findings": "[object]",
        "warnings": "[object]",
        "signature": "object",
        "checks": "[object]",
        "attachments": "[object]",
    },
    "BusinessStatus": {"code": "text", "description": "text", "at": "time"},
    "Recipient": {
        "code": "text",
        "name": "text",
        "delivery": "text",
        "state": "text",
        "since": "time",
        "attempts": "number",
        "reason": "text",
        "business_status": "BusinessStatus?",
    },
    "Attachment": {
        "content_id": "text",
        "name": "text",
        "content_type": "text",
        "size": "number",
        "sha256": "text",
        "form": "text",
        "scan": "text",
    },
    "Envelope": {
        "id": "text",
        "document_id": "text",
        "business_type": "number",
        "sender": "text",
        "sender_name": "text",
        "number": "text",
        "notation": "text",
        "promulgation_date": "date",
        "document_type": "text",
        "subject": "text",
        "priority": "number",
        "due_on": "date?",
        "sha256": "text",
        "size": "number",
        "form": "text",
        "content_size": "number",
        "received_at": "time",
        "signer": "object?",
        "attachments": "[Attachment]",
        "recipients": "[Recipient]",
        "links": "EnvelopeLinks",
    },
    "Evidence": {
        "name": "text",
        "kind": "text",
        "role": "text",
        "sha256": "text",
        "source": "text",
        "this_update": "time?",
        "next_update": "time?",
        "der": "text",
    },
    "Verification": {
        "envelope": "text",
        "sha256": "text",
        "received_at": "time",
        "signer": "object?",
        "evidence": "[Evidence]",
    },
    "Lease": {"id": "text?", "until": "time"},
    "Delivery": {
        "delivery": "text",
        "envelope": "text",
        "document_id": "text",
        "business_type": "number",
        "sender": "text",
        "sender_name": "text",
        "recipient": "text",
        "number": "text",
        "notation": "text",
        "document_type": "text",
        "subject": "text",
        "priority": "number",
        "due_on": "date?",
        "sha256": "text",
        "size": "number",
        "form": "text",
        "content_size": "number",
        "received_at": "time",
        "attempt": "number",
        "arrival": "number",
        "lease": "Lease",
        "links": "object",
    },
    "Inbox": {"deliveries": "[Delivery]"},
    "Closed": {"delivery": "text", "state": "text", "receipt": "text"},
    "Released": {"delivery": "text", "state": "text"},
    "Extended": {"delivery": "text", "state": "text", "lease": "Lease"},
    "Reported": {"id": "text", "envelope": "text", "delivery": "text", "code": "text", "receipt": "text"},
    "Receipt": {
        "id": "text",
        "kind": "text",
        "event": "text",
        "code": "text",
        "description": "text",
        "envelope": "text?",
        "document_id": "text",
        "sender": "text",
        "recipient": "text",
        "delivery": "text?",
        "at": "time",
        "jws": "text",
    },
    "Receipts": {"receipts": "[Receipt]"},
    "ReceiptFeed": {"receipts": "[Receipt]", "next": "text"},
    "Agency": {
        "code": "text",
        "name": "text",
        "parent": "text?",
        "level": "number",
        "aliases": "[text]",
        "active": "flag",
        "channel": "text",
        "inline_only": "flag",
    },
    "Agencies": {"agencies": "[Agency]", "next": "text"},
    "LogEntry": {
        "id": "text",
        "at": "time",
        "kind": "text",
        "actor": "text",
        "agency": "text",
        "envelope": "text",
        "delivery": "text",
        "document_id": "text",
        "code": "text",
        "detail": "object",
    },
    "LogEntries": {"entries": "[LogEntry]", "next": "text"},
    "Capabilities": {
        "hub": "text",
        "version": "text",
        "profiles": "[text]",
        "content_types": "[text]",
        "limits": "object",
        "signature": "object",
        "malware_scan": "flag",
        "checks": "[text]",
        "channels": "[text]",
        "receipts": "object",
    },
    "Keys": {"keys": "[object]"},
    "Rule": {
        "rule": "text",
        "severity": "text",
        "fixed": "flag",
        "code": "text",
        "title": "text",
        "clause": "text",
        "element": "text",
        "check": "text",
        "parameters": "object",
    },
    "RuleException": {"rule": "text", "agency": "text", "severity": "text", "until": "date", "reason": "text"},
    "Profile": {"name": "text", "namespace": "text", "rules": "[Rule]", "exceptions": "[RuleException]"},
}

GIVEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "authentication_token": ("Token", ("200",)),
    "envelopes_submit": ("Acknowledgement", ("200", "201")),
    "envelopes_check": ("Verdict", ("200",)),
    "envelopes_show": ("Envelope", ("200",)),
    "envelopes_verification": ("Verification", ("200",)),
    "inbox_inbox": ("Inbox", ("200",)),
    "inbox_settle": ("Closed", ("200",)),
    "inbox_release": ("Released", ("200",)),
    "inbox_extend": ("Extended", ("200",)),
    "inbox_refuse": ("Closed", ("200",)),
    "statuses_report": ("Reported", ("200", "201")),
    "receipts_of_envelope": ("Receipts", ("200",)),
    "receipts_feed": ("ReceiptFeed", ("200",)),
    "directory_listing": ("Agencies", ("200",)),
    "directory_one": ("Agency", ("200",)),
    "audit_entries": ("LogEntries", ("200",)),
    "capabilities_capabilities": ("Capabilities", ("200",)),
    "capabilities_jwks": ("Keys", ("200",)),
    "capabilities_show": ("Profile", ("200",)),
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of every answer, by name."""
    return {name: _object(members) for name, members in ANSWERS.items()}


def _object(members: dict[str, str]) -> dict[str, Any]:
    properties = {name: _schema(kind) for name, kind in members.items()}
    return {"type": "object", "required": list(members), "properties": properties}


def _schema(kind: str) -> dict[str, Any]:
    if kind.endswith("?"):
        return {"anyOf": [_schema(kind[:-1]), {"type": "null"}]}
    if kind.startswith("["):
        return {"type": "array", "items": _schema(kind[1:-1])}
    return _PLAIN.get(kind) or {"$ref": f"#/components/schemas/{kind}"}

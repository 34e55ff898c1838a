"""A receipt as JSON: the same fields in the feed, in a push and in a message."""

from __future__ import annotations

from typing import Any

from hub.clock import rfc3339
from hub.ledger.receipts import ReceiptRecord


def shown(record: ReceiptRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "event": record.event,
        "code": record.code,
        "description": record.description,
        "envelope": record.envelope_id,
        "document_id": record.document_id,
        "sender": record.sender_code,
        "recipient": record.recipient_code,
        "delivery": record.delivery_id,
        "at": rfc3339(record.at),
        "jws": record.jws,
    }

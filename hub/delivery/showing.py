"""A delivery as JSON: the same fields in the inbox, in a pushed notice and in a message. Lease and links are added."""

from __future__ import annotations

from typing import Any

from hub.clock import rfc3339
from hub.ledger.deliveries import Leased
from hub.ledger.replays import Replayed


def shown(one: Leased) -> dict[str, Any]:
    return {
        "delivery": one.id,
        "envelope": one.envelope_id,
        "document_id": one.document_id,
        "business_type": one.business_type,
        "sender": one.sender_code,
        "sender_name": one.sender_name,
        "recipient": one.recipient_code,
        "number": one.number,
        "notation": one.notation,
        "document_type": one.document_type,
        "subject": one.subject,
        "priority": one.priority,
        "due_on": None if one.due_on is None else one.due_on.isoformat(),
        "sha256": one.sha256,
        "size": one.size,
        "form": "related" if one.parts else "inline",
        "content_size": one.size + one.parts_size,
        "received_at": rfc3339(one.received_at),
        "attempt": one.attempts,
        "paper": one.paper,
        "previous": one.previous_id,
        "response_for": list(one.response_for or ()),
        "arrival": one.arrival,
        "round": one.round,
        "replay": None if one.replay is None else replayed(one.replay, one.round),
    }


def replayed(replay: Replayed, number: int) -> dict[str, Any]:
    """Why a delivery came once more: it is no accident, and not to be dropped as one."""
    return {"id": replay.id, "reason": replay.reason, "round": number, "previous": replay.previous}

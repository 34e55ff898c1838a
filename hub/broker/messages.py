"""The message on the wire: which version it is, how a claim check is written and read.

The version travels in the AMQP ``type`` property, so that two versions can meet in one queue while a hub is upgraded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hub.broker.port import ClaimCheck

CLAIM_V1 = "lienthong.claim.v1"
TRACEPARENT = "traceparent"  # W3C Trace Context's name, where tracing tools look for it: in the headers


class MalformedMessageError(ValueError):
    """A message that this hub cannot read, now or later: it belongs in the dead queue."""


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One AMQP message, free of any client library's types."""

    type: str
    body: bytes
    correlation_id: str
    headers: dict[str, Any]


def encode(claim: ClaimCheck) -> WireMessage:
    """Write a claim check; ``correlation_id`` repeats the delivery for the operator who looks into a queue."""
    body = {
        "delivery": claim.delivery_id,
        "envelope": claim.envelope_id,
        "system": claim.system_id,
        "recipient": claim.recipient,
        "priority": claim.priority,
        "attempt": claim.attempt,
    }
    headers: dict[str, Any] = {TRACEPARENT: claim.traceparent} if claim.traceparent else {}
    return WireMessage(CLAIM_V1, json.dumps(body, separators=(",", ":")).encode(), claim.delivery_id, headers)


def decode(type_: str | None, body: bytes, headers: dict[str, Any] | None) -> ClaimCheck:
    """Read a claim check; raises ``MalformedMessageError`` that says what is wrong."""
    if type_ != CLAIM_V1:
        raise MalformedMessageError(f"type is {type_!r}, not {CLAIM_V1!r}")
    try:
        fields = json.loads(body)
    except ValueError as error:  # bad UTF-8 as well as bad JSON
        raise MalformedMessageError(f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise MalformedMessageError("the body is not a JSON object")
    traceparent = (headers or {}).get(TRACEPARENT, "")
    return ClaimCheck(
        delivery_id=_text(fields, "delivery"),
        envelope_id=_text(fields, "envelope"),
        system_id=_text(fields, "system"),
        recipient=_text(fields, "recipient"),
        priority=_number(fields, "priority"),
        attempt=_number(fields, "attempt"),
        traceparent=traceparent if isinstance(traceparent, str) else "",
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedMessageError(f"{name} is missing or not a text")
    return value


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedMessageError(f"{name} is missing or not a number")
    return value

"""The message on the wire: which version it is, how claim checks are written and read.

Claim checks for one system travel together, up to ``TOGETHER`` in a message: what a message costs the hub and the
broker hardly depends on its length. The version travels in the AMQP ``type`` property, so that two versions can meet in
one queue while a hub is upgraded; what an older ``deliver`` does not know goes to the dead queue, and the sweep
publishes its deliveries again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.broker.port import ClaimCheck

CLAIM_V1 = "lienthong.claim.v1"  # one claim check; not written any more
CLAIMS_V1 = "lienthong.claims.v1"
TOGETHER = 20
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


def encode(claims: Sequence[ClaimCheck]) -> WireMessage:
    """Write claim checks of one system; ``correlation_id`` repeats the first delivery for whoever looks into a queue.

    The trace stands in the headers, too, where all of them belong to one letter.
    """
    body = {
        "claims": [
            {
                "delivery": claim.delivery_id,
                "envelope": claim.envelope_id,
                "system": claim.system_id,
                "recipient": claim.recipient,
                "priority": claim.priority,
                "attempt": claim.attempt,
                TRACEPARENT: claim.traceparent,
            }
            for claim in claims
        ]
    }
    traces = {claim.traceparent for claim in claims}
    headers: dict[str, Any] = {TRACEPARENT: traces.pop()} if len(traces) == 1 and "" not in traces else {}
    octets = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return WireMessage(CLAIMS_V1, octets, claims[0].delivery_id, headers)


def decode(type_: str | None, body: bytes, headers: dict[str, Any] | None) -> tuple[ClaimCheck, ...]:
    """Read claim checks; raises ``MalformedMessageError`` that says what is wrong."""
    if type_ not in (CLAIM_V1, CLAIMS_V1):
        raise MalformedMessageError(f"type is {type_!r}, not {CLAIMS_V1!r}")
    try:
        fields = json.loads(body)
    except ValueError as error:  # bad UTF-8 as well as bad JSON
        raise MalformedMessageError(f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise MalformedMessageError("the body is not a JSON object")
    if type_ == CLAIM_V1:
        return (_claim({TRACEPARENT: (headers or {}).get(TRACEPARENT), **fields}),)
    claims = fields.get("claims")
    if not isinstance(claims, list) or not claims or not all(isinstance(one, dict) for one in claims):
        raise MalformedMessageError("claims are missing or not a list of JSON objects")
    return tuple(_claim(one) for one in claims)


def _claim(fields: dict[str, Any]) -> ClaimCheck:
    traceparent = fields.get(TRACEPARENT)
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

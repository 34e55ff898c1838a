"""What the hub pushes, in the OpenAPI document (``webhooks``, OpenAPI 3.1 §4.8.1): for those who build a receiver.

The rules behind it are written down in ``schemas/push.md``; a test holds what is really sent to these schemas.
"""

from __future__ import annotations

from typing import Any

from hub.gateway.answers import ANSWERS, object_of

_MEMBERS = {name: kind for name, kind in ANSWERS["Delivery"].items() if name != "lease"}
_TEXT = {"type": "string"}

_HEADERS = {
    "webhook-id": "the delivery (of receipts: the last one); the same at every attempt, without a full stop",
    "webhook-timestamp": "seconds since 1970 of this attempt",
    "webhook-signature": "v1a,BASE64 (Ed25519) or v1,BASE64 (HMAC-SHA-256) over {id}.{timestamp}.{body}",
    "Lienthong-Event": "which of the webhooks this is",
}
_OF_DELIVERIES = ("Delivery", "Envelope", "Sender", "Recipient", "Document-Id", "Business-Type", "Priority", "Attempt")
_MAY_BE = ("Previous", "Replay", "Replay-Reason")

_ANSWERS = {
    "2XX": "taken; only the status counts",
    "400": "rejected for good, as are 415 and 422: the answer's first 500 characters go to the sender",
    "410": "gone: nothing is pushed until an operator enables the system",
    "413": "too large: a notice is sent instead",
    "429": "later, as 503: Retry-After is obeyed",
    "default": "tried again later; redirects are not followed",
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of the bodies that are JSON, by name."""
    return {
        "PushedDelivery": object_of(_MEMBERS),
        "DeliveryNotice": _event("delivery.notice", {"data": _reference("PushedDelivery")}),
        "PushedReceipts": _event("receipts", {"receipts": {"type": "array", "items": _reference("Receipt")}}),
    }


def described() -> dict[str, Any]:
    """The member ``webhooks`` of the document."""
    xml = {"application/xml": {"schema": _TEXT}, "multipart/related": {"schema": _TEXT}}
    delivery = [*_HEADERS, *(f"Lienthong-{name}" for name in (*_OF_DELIVERIES, "Arrival", "Round"))]
    return {
        "delivery.document": _webhook("A document, as its sender signed it; a 2xx settles its delivery", xml, delivery),
        "delivery.notice": _webhook(
            "Where a document lies: fetch it and settle, or the notice comes again", _json("DeliveryNotice"), delivery
        ),
        "receipts": _webhook("Receipts of the system's own letters, in order", _json("PushedReceipts"), [*_HEADERS]),
    }


def _webhook(summary: str, content: dict[str, Any], headers: list[str]) -> dict[str, Any]:
    always = [_header(name, required=True) for name in headers]
    sometimes = [_header(f"Lienthong-{name}", required=False) for name in _MAY_BE if len(headers) > len(_HEADERS)]
    responses = {status: {"description": words} for status, words in _ANSWERS.items()}
    body = {"required": True, "content": content}
    return {
        "post": {"summary": summary, "parameters": [*always, *sometimes], "requestBody": body, "responses": responses}
    }


def _header(name: str, *, required: bool) -> dict[str, Any]:
    words = {"description": _HEADERS[name]} if name in _HEADERS else {}
    return {"name": name, "in": "header", "required": required, "schema": _TEXT, **words}


def _event(name: str, members: dict[str, Any]) -> dict[str, Any]:
    properties = {"type": {"const": name}, "timestamp": {"type": "string", "format": "date-time"}, **members}
    return {"type": "object", "required": list(properties), "properties": properties}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": _reference(schema)}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}

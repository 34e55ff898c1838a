"""The leaves of the log: what is hashed for an entry and for a receipt (RFC 8785 JSON, one object a leaf).

An entry is its own leaf. A receipt has one beside it, so that the log proves the very octets of the receipt; it names
them by digest, because a receipt may carry a recipient's whole message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub import clock
from hub.audit.canonical import canonical

RECEIPT_ISSUED = "receipt.issued"
# an entry's length has 16 bits (C2SP tlog-tiles); ``bounds`` keeps new ones below
LONGEST = 65_535


def entry_leaf(row: Mapping[str, Any]) -> bytes:
    """The leaf of an entry, from its row."""
    return _bounded(
        "detail",
        {
            "id": row["id"],
            "at": _moment(row["at"]),
            "kind": row["kind"],
            "actor": row["actor"],
            "agency": row["agency_code"],
            "envelope": row["envelope_id"],
            "delivery": row["delivery_id"],
            "document_id": row["document_id"],
            "code": row["code"],
            "detail": row["detail"],
        },
    )


def receipt_leaf(row: Mapping[str, Any]) -> bytes:
    """The leaf of a receipt, from its row. ``jws_sha256``: digest of the compact JWS as ASCII, hexadecimal."""
    return _bounded(
        "document_id",
        {
            "id": row["id"],
            "at": _moment(row["at"]),
            "kind": RECEIPT_ISSUED,
            "event": row["event"],
            "envelope": row["envelope_id"] or "",
            "delivery": row["delivery_id"] or "",
            "document_id": row["document_id"],
            "sender": row["sender_code"],
            "recipient": row["recipient_code"],
            "jws_sha256": hashlib.sha256(row["jws"].encode()).hexdigest(),
        },
    )


def leaf_of_receipt(jws: str, payload: Mapping[str, Any]) -> bytes:
    """The same leaf from the receipt alone: all that is in it stands in the receipt's payload, too."""
    return receipt_leaf(
        {
            "id": payload["jti"],
            "at": payload["at"],
            "event": payload["event"],
            "envelope_id": payload["envelope_id"],
            "delivery_id": payload.get("delivery_id"),
            "document_id": payload["document_id"],
            "sender_code": payload["sender"],
            "recipient_code": payload.get("recipient", ""),
            "jws": jws,
        }
    )


def _bounded(longest: str, leaf: dict[str, Any]) -> bytes:
    """Rows from before there were bounds: the one member that could be of any length is named by its digest."""
    octets = canonical(leaf)
    if len(octets) <= LONGEST:
        return octets
    return canonical({**leaf, longest: {"sha256": hashlib.sha256(canonical(leaf[longest])).hexdigest()}})


def _moment(at: datetime | str) -> str:
    return at if isinstance(at, str) else clock.rfc3339(at)

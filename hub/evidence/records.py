"""The facts of a pack as JSON: ``decision.json``, what the hub decided, by which profile, on the strength of what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub import __version__, clock
from hub.evidence.names import DOCUMENT, FORM
from hub.ledger.case import Case, Leaf
from hub.ledger.envelopes import PartRecord
from hub.ledger.evidence import Piece


@dataclass(frozen=True)
class Named:
    """Which member holds what."""

    parts: Sequence[tuple[str, PartRecord]]
    pieces: Sequence[tuple[str, Piece]]
    leaves: Sequence[tuple[str, Leaf]]
    receipts: Mapping[str, str]  # identifier of the receipt: its member


def decision(case: Case, named: Named, hub: str, origin: str, checks: Sequence[str], at: datetime) -> bytes:
    """``decision.json``. Times are RFC 3339 in UTC, digests SHA-256 in hexadecimal, lengths octets."""
    letter = case.letter
    body = {
        "form": FORM,
        "hub": hub,
        "program": __version__,
        "log": origin,
        "taken_at": clock.rfc3339(at),
        "complete": case.whole,
        "envelope": _envelope(case),
        "document": None if case.purged else DOCUMENT,
        "parts": [_part(None if case.purged else member, part) for member, part in named.parts],
        "decision": {
            "verdict": "accepted",
            "verified_at": clock.rfc3339(letter.received_at),
            "profile": letter.profile,
            "checks": list(checks),
            "warnings": letter.details.get("warnings", []),
            "signer": letter.details.get("signer", {}),
            "attachments": letter.details.get("attachments", []),
        },
        "evidence": [_piece(member, piece) for member, piece in named.pieces],
        "deliveries": [_delivery(row) for row in case.recipients],
        "leaves": [_leaf(case, member, leaf, named) for member, leaf in named.leaves],
        "purged": None if case.purged is None else _told(case.purged, ("at", "asked_by", "decided_by", "reason")),
    }
    return json_octets(body)


def json_octets(body: Any) -> bytes:
    """For people too: indented, with a line break at the end."""
    return (json.dumps(body, ensure_ascii=False, indent=1, default=_plain) + "\n").encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return clock.rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _told(record: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _envelope(case: Case) -> dict[str, Any]:
    names = (
        "id", "document_id", "number", "notation", "promulgated_on", "document_type", "subject", "business_type",
        "priority", "sha256", "size", "received_at",
    )  # fmt: skip
    sender = {"code": case.letter.sender_code, "name": case.letter.sender_name, "system": case.letter.sender_system}
    return {**_told(case.letter, names), "sender": sender}


def _part(member: str | None, part: PartRecord) -> dict[str, Any]:
    return {"member": member, **part._asdict()}


def _piece(member: str, piece: Piece) -> dict[str, Any]:
    names = ("kind", "role", "sha256", "source", "this_update", "next_update", "added_at")
    return {"member": member, **_told(piece, names)}


def _delivery(row: Any) -> dict[str, Any]:
    names = (
        "id",
        "code",
        "name",
        "state",
        "since",
        "reason",
        "status_code",
        "status_description",
        "status_at",
        "round",
    )
    return _told(row, names)


def _leaf(case: Case, member: str, leaf: Leaf, named: Named) -> dict[str, Any]:
    proved = case.proofs.get(leaf.id)
    return {
        "member": member,
        "id": leaf.id,
        "at": leaf.at,
        "kind": leaf.kind,
        "receipt": named.receipts.get(leaf.id),
        "index": None if proved is None else proved.number,
    }

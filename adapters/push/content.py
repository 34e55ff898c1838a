"""The bodies of pushes: a document's own octets, a notice of one, receipts. Read in pieces, the same every time."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub.clock import new_id, rfc3339
from hub.delivery.carrier import Parcel
from hub.delivery.showing import shown as delivery_shown
from hub.envelope.related import Octets, OutgoingPart, Related
from hub.ledger.deliveries import Leased
from hub.ledger.receipts import ReceiptRecord
from hub.receipts.showing import shown as receipt_shown

DOCUMENT, NOTICE, RECEIPTS, PING = "delivery.document", "delivery.notice", "receipts", "hub.ping"
RECEIPT_OCTETS = 256 * 1024
_XML = "application/xml"


@dataclass(frozen=True, slots=True)
class Content:
    """One body. ``id`` is the same at every attempt: what the receiver knows a repeat by."""

    event: str
    id: str
    headers: dict[str, str]
    length: int
    pieces: Callable[[], Iterable[bytes]]


class StoredFile(io.FileIO):
    """A stored file whose octets are compared with their digest before the last of them is given away."""

    def __init__(self, path: Path, sha256: str, size: int) -> None:
        super().__init__(path)
        self._sha256 = sha256
        self._left = size
        self._digest = hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ``OSError`` when the file holds other octets than it should."""
        piece = super().read(size)
        self._digest.update(piece)
        self._left -= len(piece)
        if self._left <= 0 and self._digest.hexdigest() != self._sha256:
            raise OSError(f"the stored octets are not those of {self._sha256}")
        return piece


def document(parcel: Parcel) -> Content:
    """The octets as they were accepted: the document, or all of its parts. Raises ``OSError`` when they are away."""
    one = parcel.delivery
    root = _stored(parcel, one.sha256, one.size)
    headers = _metadata(one, parcel.traceparent)
    if not parcel.parts:
        headers |= {"Content-Type": _XML, "Repr-Digest": _digest(one.sha256)}
        return Content(DOCUMENT, one.id, headers, one.size, root.pieces)
    parts = [
        OutgoingPart(part.content_id, _stored(parcel, part.sha256, part.size), part.content_type, part.sha256)
        for part in parcel.parts
    ]
    body = Related(one.sha256, root, tuple(parts))
    return Content(DOCUMENT, one.id, {**headers, "Content-Type": body.media_type}, body.length, lambda: body)


def notice(parcel: Parcel, base_url: str) -> Content:
    """Where the document lies and how its delivery is settled (claim check): the fields of the inbox."""
    one = parcel.delivery
    delivery = f"{base_url}/v1/deliveries/{one.id}"
    links = {
        "content": f"{base_url}/v1/envelopes/{one.envelope_id}/content",
        **{verb: f"{delivery}:{verb}" for verb in ("settle", "release", "extend", "refuse")},
    }
    data = {**delivery_shown(one), "links": links}
    return _json(NOTICE, one.id, rfc3339(one.received_at), {"data": data}, _metadata(one, parcel.traceparent))


def told(records: Sequence[ReceiptRecord]) -> Iterator[Content]:
    """Receipts in order, as many in one body as fit; the identifier is that of the last one."""
    batch: list[ReceiptRecord] = []
    size = 0
    for record in records:
        if batch and size + len(record.jws) > RECEIPT_OCTETS:
            yield _told(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(record.jws)
    if batch:
        yield _told(batch)


def ping(at: datetime) -> Content:
    """A test event (Standard Webhooks): nothing is asked of the receiver but to take it."""
    return _json(PING, f"ping-{new_id()}", rfc3339(at), {"data": {}}, {})


def _told(batch: list[ReceiptRecord]) -> Content:
    return _json(RECEIPTS, batch[-1].id, rfc3339(batch[-1].at), {"receipts": [receipt_shown(one) for one in batch]}, {})


def _json(event: str, identifier: str, at: str, said: dict[str, Any], headers: dict[str, str]) -> Content:
    text = json.dumps({"type": event, "timestamp": at, **said}, ensure_ascii=False, separators=(",", ":")).encode()
    return Content(event, identifier, {**headers, "Content-Type": "application/json"}, len(text), lambda: (text,))


def _metadata(one: Leased, traceparent: str) -> dict[str, str]:
    """What the receiver may sort by before it reads the body. Only the body is signed."""
    said = {
        "Lienthong-Delivery": one.id,
        "Lienthong-Envelope": one.envelope_id,
        "Lienthong-Sender": one.sender_code,
        "Lienthong-Recipient": one.recipient_code,
        "Lienthong-Document-Id": one.document_id,
        "Lienthong-Business-Type": str(one.business_type),
        "Lienthong-Priority": str(one.priority),
        "Lienthong-Attempt": str(one.attempts),
        "Lienthong-Arrival": str(one.arrival),
        "Lienthong-Round": str(one.round),
        "Lienthong-Previous": one.previous_id or "",
    }
    if one.replay is not None:
        said |= {"Lienthong-Replay": one.replay.id, "Lienthong-Replay-Reason": one.replay.reason}
    headers = {name: quote(value, safe=":/,;=@+") for name, value in said.items() if value}
    return {**headers, "traceparent": traceparent} if traceparent else headers


def _stored(parcel: Parcel, sha256: str, size: int) -> Octets:
    return Octets(size, partial(StoredFile, parcel.file(sha256, size), sha256, size))


def _digest(sha256: str) -> str:
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"  # RFC 9530 §3

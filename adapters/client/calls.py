"""The hub's operations as values: what to send, how long to wait, how to read the answer.

No input or output happens here; ``conversation`` turns a call into steps and the two clients take them. Every operation
may be sent again when its answer was lost: the hub gives an exact repeat the first answer.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast
from urllib.parse import quote

from adapters.client.replies import (
    Acceptance,
    AgencyPage,
    ChaseReply,
    DeliveryReply,
    DeliveryState,
    Document,
    EnvelopeReply,
    IncidentReply,
    LeasedDelivery,
    ProofReply,
    ReceiptFeed,
    ReceiptReply,
    RehearsalReply,
    StatusReply,
)
from hub import clock
from hub.envelope.related import MEDIA_TYPE, Related

T = TypeVar("T")

XML = "application/xml"
JSON = "application/json"
PROBLEM = "application/problem+json"
PACK = "application/vnd.etsi.asic-e+zip"
_MARGIN = 30.0  # seconds that an answer may take on top of the wait that was asked for


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Receiver(Protocol):
    """Where a long body goes. ``begin`` is called again when an answer broke off and is asked for anew."""

    def begin(self, headers: Mapping[str, str]) -> None: ...

    def write(self, chunk: bytes) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation; ``patience`` is how many seconds its answer may take. ``into`` receives a long answer's body.

    ``polled``: asked again and again; an answer that has not changed is not sent once more (RFC 9110 §13.1.2).
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | Related = b""
    media_type: str = ""
    accept: str = ""
    into: Receiver | None = None
    authenticated: bool = True
    patience: float = _MARGIN
    polled: bool = False


def post_envelope(message: bytes | Related) -> Call[Acceptance]:
    return Call("POST", "/v1/envelopes", _acceptance, body=message, media_type=_type(message), patience=_time(message))


def check_envelope(message: bytes | Related) -> Call[Document]:
    return Call(
        "POST", "/v1/envelopes:check", _document, body=message, media_type=_type(message), patience=_time(message)
    )


def _type(message: bytes | Related) -> str:
    return message.media_type if isinstance(message, Related) else XML


def _time(message: bytes | Related) -> float:
    """Long files are also looked into and made durable before the answer."""
    return 600.0 if isinstance(message, Related) else 120.0


def envelope(identifier: str) -> Call[EnvelopeReply]:
    path = f"/v1/envelopes/{_segment(identifier)}"
    return Call("GET", path, lambda reply: cast(EnvelopeReply, reply.json()), polled=True)


def delivery(identifier: str) -> Call[DeliveryState]:
    path = f"/v1/deliveries/{_segment(identifier)}"
    return Call("GET", path, lambda reply: cast(DeliveryState, reply.json()))


def content(identifier: str) -> Call[bytes]:
    path = f"/v1/envelopes/{_segment(identifier)}/content"
    return Call("GET", path, lambda reply: reply.body, accept=f"{XML}, {PROBLEM}", patience=120.0)


def content_into(identifier: str, receiver: Receiver) -> Call[None]:
    path = f"/v1/envelopes/{_segment(identifier)}/content"
    accept = f"{MEDIA_TYPE}, {XML};q=0.9, {PROBLEM}"
    return Call("GET", path, lambda _: None, accept=accept, into=receiver, patience=120.0)


def attachment_into(identifier: str, content_id: str, receiver: Receiver) -> Call[None]:
    path = f"/v1/envelopes/{_segment(identifier)}/attachments/{_segment(content_id)}"
    return Call("GET", path, lambda _: None, accept="*/*", into=receiver, patience=120.0)


def evidence_into(identifier: str, receiver: Receiver) -> Call[None]:
    """The hub reads the whole document before it answers."""
    path = f"/v1/evidence/{_segment(identifier)}"
    return Call("GET", path, lambda _: None, accept=f"{PACK}, {PROBLEM}", into=receiver, patience=600.0)


def inbox(limit: int, wait: int, lease: int | None) -> Call[list[LeasedDelivery]]:
    """What a lost answer had leased comes back when that lease runs out."""
    query: dict[str, str | int] = {"limit": limit, "wait": wait}
    if lease is not None:
        query["lease"] = lease
    return Call("GET", "/v1/inbox", _deliveries, query=query, patience=wait + _MARGIN)


def settle(delivery: str, lease: str | None) -> Call[DeliveryReply]:
    return _close(delivery, "settle", _lease(lease))


def release(delivery: str, lease: str | None) -> Call[DeliveryReply]:
    return _close(delivery, "release", _lease(lease))


def extend(delivery: str, lease: str | None, seconds: int) -> Call[DeliveryReply]:
    return _close(delivery, "extend", {**_lease(lease), "seconds": seconds})


def refuse(delivery: str, reason: str, lease: str | None) -> Call[DeliveryReply]:
    return _close(delivery, "refuse", {**_lease(lease), "reason": reason})


def chase(delivery: str, note: str) -> Call[ChaseReply]:
    """The one call whose repeat is another question: soon after the first it is refused (``chase-too-soon``)."""
    path = f"/v1/deliveries/{_segment(delivery)}:chase"
    body = {"note": note} if note else {}
    return Call("POST", path, lambda reply: cast(ChaseReply, reply.json()), body=_dump(body), media_type=JSON)


def rehearse(rehearsal: str, signature: bytes) -> Call[RehearsalReply]:
    """A challenge of the hub, signed with the key that is to sign next."""
    body = {"rehearsal": rehearsal, "signature": base64.b64encode(signature).decode()}
    return Call("POST", "/v1/rehearsals", _rehearsal, body=_dump(body), media_type=JSON)


def _rehearsal(reply: Reply) -> RehearsalReply:
    return cast(RehearsalReply, reply.json())


def report_incident(
    agency: str, category: str, description: str, contact: str, noticed_at: datetime
) -> Call[IncidentReply]:
    """``noticed_at`` is fixed once, by the caller, so that a repeat is an exact one."""
    body = {
        "agency": agency,
        "category": category,
        "description": description,
        "contact": contact,
        "noticed_at": clock.rfc3339(noticed_at),
    }
    return Call("POST", "/v1/incidents", _incident, body=_dump(body), media_type=JSON)


def incident(identifier: str) -> Call[IncidentReply]:
    return Call("GET", f"/v1/incidents/{_segment(identifier)}", _incident)


def report_status(delivery: str, code: str, description: str, at: datetime) -> Call[StatusReply]:
    """``at`` is fixed once, by the caller, so that a repeat is an exact one."""
    body = {"delivery": delivery, "code": code, "description": description, "at": clock.rfc3339(at)}
    return Call("POST", "/v1/statuses", _status, body=_dump(body), media_type=JSON)


def report_status_message(message: bytes) -> Call[StatusReply]:
    return Call("POST", "/v1/statuses", _status, body=message, media_type=XML)


def envelope_receipts(identifier: str, proofs: bool = False) -> Call[list[ReceiptReply]]:
    query = {"proofs": "true"} if proofs else {}
    return Call("GET", f"/v1/envelopes/{_segment(identifier)}/receipts", _receipts, query=query, polled=True)


def feed(after: str, wait: int, limit: int, proofs: bool = False) -> Call[ReceiptFeed]:
    query: dict[str, str | int] = {"wait": wait, "limit": limit}
    if after:
        query["after"] = after
    if proofs:
        query["proofs"] = "true"
    return Call("GET", "/v1/receipts", _feed, query=query, patience=wait + _MARGIN, polled=wait == 0)


def agencies(q: str, after: str, limit: int) -> Call[AgencyPage]:
    query: dict[str, str | int] = {"limit": limit}
    query.update({name: value for name, value in (("q", q), ("after", after)) if value})
    return Call("GET", "/v1/agencies", lambda reply: cast(AgencyPage, reply.json()), query=query)


def capabilities() -> Call[Document]:
    return Call("GET", "/v1/capabilities", _document)


def checkpoint() -> Call[str]:
    return Call(
        "GET", "/v1/log/checkpoint", lambda reply: reply.body.decode(), accept="text/plain", authenticated=False
    )


def proof(identifier: str, size: int | None = None) -> Call[ProofReply]:
    """What is not sealed yet is asked for again."""
    query = {} if size is None else {"size": size}
    path = f"/v1/log/proof/{_segment(identifier)}"
    return Call("GET", path, lambda reply: cast(ProofReply, reply.json()), query=query)


def jwks() -> Call[Document]:
    return Call("GET", "/.well-known/jwks.json", _document, authenticated=False)


def push_keys() -> Call[Document]:
    return Call("GET", "/v1/push/keys", _document)


def _close(delivery: str, verb: str, body: Mapping[str, Any]) -> Call[DeliveryReply]:
    path = f"/v1/deliveries/{_segment(delivery)}:{verb}"
    return Call("POST", path, _delivery, body=_dump(body), media_type=JSON)


def _lease(lease: str | None) -> dict[str, str]:
    return {"lease": lease} if lease else {}


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")


def _dump(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _acceptance(reply: Reply) -> Acceptance:
    return cast(Acceptance, reply.json())


def _document(reply: Reply) -> Document:
    return cast(Document, reply.json())


def _deliveries(reply: Reply) -> list[LeasedDelivery]:
    return cast(list[LeasedDelivery], reply.json()["deliveries"])


def _delivery(reply: Reply) -> DeliveryReply:
    return cast(DeliveryReply, reply.json())


def _status(reply: Reply) -> StatusReply:
    return cast(StatusReply, reply.json())


def _incident(reply: Reply) -> IncidentReply:
    return cast(IncidentReply, reply.json())


def _receipts(reply: Reply) -> list[ReceiptReply]:
    return cast(list[ReceiptReply], reply.json()["receipts"])


def _feed(reply: Reply) -> ReceiptFeed:
    return cast(ReceiptFeed, reply.json())

"""The shapes of the hub's answers, as JSON gives them: times RFC 3339 UTC, sizes octets, identifiers UUIDv7."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class FindingReply(TypedDict):
    code: str
    detail: str
    location: str


class AcceptedRecipient(TypedDict):
    code: str
    delivery: str


class Acceptance(TypedDict):
    """Answer to ``POST /v1/envelopes``; ``acknowledgement`` is a compact JWS, the proof to keep."""

    id: str
    document_id: str
    business_type: int
    sender: str
    sha256: str
    size: int
    received_at: str
    recipients: list[AcceptedRecipient]
    warnings: list[FindingReply]
    acknowledgement: str
    links: dict[str, str]


class BusinessStatus(TypedDict):
    code: str
    description: str
    at: str


class Change(TypedDict):
    """What a recall, update or replacement asked of one recipient, how it stood then, and what came of it.

    ``outcome``: withdrawn (never taken), asked, agreed, declined. ``acted_before``: the office had reported 03 to 06.
    """

    kind: str
    asked_at: str
    reason: str
    outcome: str
    answered_at: str | None
    state_then: str
    status_then: str | None
    acted_before: bool
    request: str | None
    delivery: str
    envelope: str


class Answered(TypedDict):
    """``ResponseFor``: the document that a letter answers; ``envelope`` where the hub knows it and shows it."""

    code: str
    notation: str
    document_id: str
    envelope: str | None


class RecipientState(TypedDict):
    """One row of the matrix: how far one recipient's copy is, and what the recipient's office said."""

    code: str
    name: str
    delivery: str
    state: str
    since: str
    attempts: int
    next_attempt_at: NotRequired[str | None]
    round: NotRequired[int]
    reason: str | None
    business_status: BusinessStatus | None
    changes: list[Change]


class EnvelopeReply(TypedDict):
    id: str
    document_id: str
    business_type: int
    sender: str
    sha256: str
    size: int
    received_at: str
    recipients: list[RecipientState]
    links: dict[str, str]
    paper: int | None
    not_before: str | None
    business: dict[str, Any] | None
    previous: str | None
    response_for: list[Answered]
    number: NotRequired[str]
    notation: NotRequired[str]
    subject: NotRequired[str]


class Lease(TypedDict):
    id: str
    until: str


class Replay(TypedDict):
    """An operator sent the document again: for what reason, after which delivery."""

    id: str
    reason: str
    round: int
    previous: str


class LeasedDelivery(TypedDict):
    """One delivery of the inbox, held under a lease until ``lease.until``.

    A ``round`` above 1 is no accident: ``replay`` says why the same envelope comes once more, under another delivery.
    """

    delivery: str
    envelope: str
    document_id: str
    business_type: int
    sender: str
    sender_name: str
    recipient: str
    number: str
    notation: str
    subject: str
    document_type: str
    priority: int
    due_on: str | None
    sha256: str
    size: int
    form: str
    content_size: int
    received_at: str
    paper: int | None
    previous: str | None
    response_for: list[Answered]
    attempt: int
    arrival: int
    round: NotRequired[int]
    replay: NotRequired[Replay | None]
    lease: Lease
    links: dict[str, str]


class DeliveryReply(TypedDict):
    """Answer to settle, release, extend and refuse."""

    delivery: str
    state: str
    receipt: NotRequired[str]
    lease: NotRequired[Lease]


class IncidentReply(TypedDict):
    """An incident as it was reported. ``state``: open or closed; ``outcome`` is the operator's, empty while open."""

    id: str
    agency: str
    category: str
    description: str
    contact: str
    noticed_at: str
    reported_at: str
    state: str
    closed_at: str | None
    outcome: str


class ChaseReply(TypedDict):
    """Answer to chase: when the recipient was reminded, and from when on it may be again."""

    delivery: str
    envelope: str
    recipient: str
    asked_at: str
    again_at: str


class RehearsalReply(TypedDict):
    """Answer to rehearse: ``passed``; a signature that does not fit is refused."""

    rehearsal: str
    outcome: str


class AttemptReply(TypedDict):
    """``outcome``: delivered, handed, transient, permanent or lapsed."""

    number: int
    channel: str
    started_at: str
    ended_at: str
    outcome: str
    code: str
    explanation: str
    detail: str
    next_at: str | None


class DeliveryState(TypedDict):
    """Answer to ``GET /v1/deliveries/{id}``."""

    delivery: str
    envelope: str
    document_id: str
    sender: str
    recipient: str
    state: str
    since: str
    reason: str
    priority: int
    sha256: str
    size: int
    business_status: BusinessStatus | None
    round: int
    replay: Replay | None
    superseded_by: str | None
    next_attempt_at: str | None
    attempts: list[AttemptReply]
    deadlines: dict[str, str | None]
    links: dict[str, str]


class StatusReply(TypedDict):
    id: str
    envelope: str
    delivery: str
    code: str
    receipt: str


class Inclusion(TypedDict):
    """Where a receipt stands in the log: ``leaf`` in base64, ``proof`` as C2SP tlog-proof has it."""

    index: int
    leaf: str
    proof: str


class ProofReply(Inclusion):
    """Answer to ``GET /v1/log/proof/{id}``."""

    id: str
    origin: str


class ReceiptReply(TypedDict):
    """Kinds: acknowledgement, refusal, delivery, status, notice. ``log`` where proofs were asked for."""

    id: str
    kind: str
    event: str
    code: str | None
    description: str | None
    envelope: str
    document_id: str
    sender: str
    recipient: str | None
    delivery: str | None
    at: str
    jws: str
    log: NotRequired[Inclusion | None]


class ReceiptFeed(TypedDict):
    receipts: list[ReceiptReply]
    next: str


class AgencyReply(TypedDict):
    code: str
    name: str
    parent: str | None
    level: int
    aliases: list[str]
    active: bool
    inline_only: NotRequired[bool]


class AgencyPage(TypedDict):
    agencies: list[AgencyReply]
    next: str | None


Document = dict[str, Any]
"""An answer whose fields the client hands on without reading them."""

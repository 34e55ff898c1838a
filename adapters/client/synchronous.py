"""``HubClient``: the agency's side of the hub for ordinary, blocking programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from adapters.client import calls
from adapters.client._http import SyncTransport
from adapters.client.calls import Call
from adapters.client.conversation import (
    Conversation,
    Credentials,
    Exchange,
    RetryPolicy,
    Session,
    access_token,
    converse,
)
from adapters.client.files import ContentFiles, FilePart, WholeFile, body_of
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
from hub.envelope.related import Related

T = TypeVar("T")


class HubClient:
    """One system's connection to a hub. Every method raises ``CallRefused`` (a problem document) or ``HubUnreachable``.

    Calls are repeated after a lost connection or a 503, by ``policy``.
    """

    def __init__(
        self,
        url: str,
        client_id: str = "",
        client_secret: str = "",
        *,
        ca_file: Path | None = None,
        language: str = "vi",
        policy: RetryPolicy | None = None,
    ) -> None:
        credentials = Credentials(client_id, client_secret) if client_id else None
        self.session = Session(credentials, language, policy or RetryPolicy())
        self._transport = SyncTransport(url, ca_file)

    def __enter__(self) -> HubClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def run(self, call: Call[T]) -> T:
        """Carry any call of ``adapters.client.calls`` out."""
        return self._carry_out(converse(self.session, call))

    def access_token(self) -> str:
        """A bearer token that is good now."""
        return self._carry_out(access_token(self.session))

    def post_envelope(self, message: bytes | Path, parts: Sequence[FilePart] = ()) -> Acceptance:
        """Hand a signed envelope in, with files beside it; an exact repeat gives the first acknowledgement."""
        return self.run(calls.post_envelope(_whole(message, parts)))

    def check_envelope(self, message: bytes | Path, parts: Sequence[FilePart] = ()) -> Document:
        """Ask for the verdict without handing in."""
        return self.run(calls.check_envelope(_whole(message, parts)))

    def envelope(self, identifier: str) -> EnvelopeReply:
        return self.run(calls.envelope(identifier))

    def delivery(self, identifier: str) -> DeliveryState:
        return self.run(calls.delivery(identifier))

    def content(self, identifier: str) -> bytes:
        """The document's original octets, without what lies beside it."""
        return self.run(calls.content(identifier))

    def content_files(self, identifier: str, directory: Path) -> ContentFiles:
        """The document and everything beside it, in files of ``directory``."""
        files = ContentFiles(directory)
        self.run(calls.content_into(identifier, files))
        return files

    def evidence(self, identifier: str, file: Path) -> int:
        """Fetch the evidence pack of an envelope into a file; its length in octets."""
        received = WholeFile(file)
        try:
            self.run(calls.evidence_into(identifier, received))
        finally:
            received.forget()
        return received.size

    def inbox(self, limit: int = 10, wait: int = 0, lease: int | None = None) -> list[LeasedDelivery]:
        """Take up to ``limit`` deliveries under a lease of ``lease`` seconds; wait up to ``wait`` seconds for one."""
        return self.run(calls.inbox(limit, wait, lease))

    def settle(self, delivery: str, lease: str | None = None) -> DeliveryReply:
        return self.run(calls.settle(delivery, lease))

    def release(self, delivery: str, lease: str | None = None) -> DeliveryReply:
        return self.run(calls.release(delivery, lease))

    def extend(self, delivery: str, seconds: int, lease: str | None = None) -> DeliveryReply:
        return self.run(calls.extend(delivery, lease, seconds))

    def refuse(self, delivery: str, reason: str, lease: str | None = None) -> DeliveryReply:
        return self.run(calls.refuse(delivery, reason, lease))

    def chase(self, delivery: str, note: str = "") -> ChaseReply:
        return self.run(calls.chase(delivery, note))

    def rehearse(self, rehearsal: str, signature: bytes) -> RehearsalReply:
        """Show that the next key signs: the signature over a challenge of the hub."""
        return self.run(calls.rehearse(rehearsal, signature))

    def report_incident(
        self, agency: str, category: str, description: str, contact: str, noticed_at: datetime | None = None
    ) -> IncidentReply:
        """Tell the operator of a security incident of one of this system's agencies."""
        told = calls.report_incident(agency, category, description, contact, noticed_at or clock.now())
        return self.run(told)

    def incident(self, identifier: str) -> IncidentReply:
        return self.run(calls.incident(identifier))

    def report_status(self, delivery: str, code: str, description: str = "", at: datetime | None = None) -> StatusReply:
        """Report what the office did with a delivery: ``code`` is 01…06, 13, 15 or 16."""
        return self.run(calls.report_status(delivery, code, description, at or clock.now()))

    def report_status_message(self, message: bytes) -> StatusReply:
        """The same as a signed edXML status message."""
        return self.run(calls.report_status_message(message))

    def receipts(self, envelope: str, *, proofs: bool = False) -> list[ReceiptReply]:
        return self.run(calls.envelope_receipts(envelope, proofs))

    def feed(self, after: str = "", wait: int = 0, limit: int = 100, *, proofs: bool = False) -> ReceiptFeed:
        """Receipts for this system after a cursor, waiting up to ``wait`` seconds for one."""
        return self.run(calls.feed(after, wait, limit, proofs))

    def agencies(self, q: str = "", after: str = "", limit: int = 200) -> AgencyPage:
        return self.run(calls.agencies(q, after, limit))

    def checkpoint(self) -> str:
        """The log's newest checkpoint, with its cosignatures (C2SP tlog-checkpoint)."""
        return self.run(calls.checkpoint())

    def proof(self, identifier: str, size: int | None = None) -> ProofReply:
        """The proof that a receipt or an entry is in the log; waits a moment for what is not sealed yet."""
        return self.run(calls.proof(identifier, size))

    def capabilities(self) -> Document:
        return self.run(calls.capabilities())

    def jwks(self) -> Document:
        """The hub's public keys (RFC 7517); ``proof.verify_receipt`` wants them."""
        return self.run(calls.jwks())

    def push_keys(self) -> Document:
        """The public keys of what is pushed to this system (RFC 7517); ``webhooks.verify_webhook`` wants them."""
        return self.run(calls.push_keys())

    def _carry_out(self, conversation: Conversation[T]) -> T:
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Exchange):
                    step = conversation.send(self._transport.exchange(step))
                else:
                    time.sleep(step.seconds)
                    step = conversation.send(None)
        except StopIteration as done:
            value: T = done.value
            return value


def _whole(message: bytes | Path, parts: Sequence[FilePart]) -> bytes | Related:
    octets = message.read_bytes() if isinstance(message, Path) else message
    return body_of(octets, parts) if parts else octets

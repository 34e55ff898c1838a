"""``AsyncHubClient``: the same operations for one event loop; used by simulated systems and load drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from adapters.client import calls
from adapters.client._http import AsyncTransport
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

T = TypeVar("T")


class AsyncHubClient:
    """One system's connection to a hub; safe for any number of tasks. Raises and repeats as ``HubClient`` does."""

    def __init__(
        self,
        url: str,
        client_id: str = "",
        client_secret: str = "",
        *,
        ca_file: Path | None = None,
        language: str = "vi",
        policy: RetryPolicy | None = None,
        connections: int = 20,
    ) -> None:
        credentials = Credentials(client_id, client_secret) if client_id else None
        self.session = Session(credentials, language, policy or RetryPolicy())
        self._transport = AsyncTransport(url, ca_file, connections)

    async def __aenter__(self) -> AsyncHubClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def run(self, call: Call[T]) -> T:
        """Carry any call of ``adapters.client.calls`` out."""
        return await self._carry_out(converse(self.session, call))

    async def access_token(self) -> str:
        return await self._carry_out(access_token(self.session))

    async def post_envelope(self, message: bytes, parts: Sequence[FilePart] = ()) -> Acceptance:
        return await self.run(calls.post_envelope(body_of(message, parts) if parts else message))

    async def check_envelope(self, message: bytes, parts: Sequence[FilePart] = ()) -> Document:
        return await self.run(calls.check_envelope(body_of(message, parts) if parts else message))

    async def envelope(self, identifier: str) -> EnvelopeReply:
        return await self.run(calls.envelope(identifier))

    async def delivery(self, identifier: str) -> DeliveryState:
        return await self.run(calls.delivery(identifier))

    async def content(self, identifier: str) -> bytes:
        return await self.run(calls.content(identifier))

    async def content_files(self, identifier: str, directory: Path) -> ContentFiles:
        files = ContentFiles(directory)
        await self.run(calls.content_into(identifier, files))
        return files

    async def evidence(self, identifier: str, file: Path) -> int:
        received = WholeFile(file)
        try:
            await self.run(calls.evidence_into(identifier, received))
        finally:
            received.forget()
        return received.size

    async def inbox(self, limit: int = 10, wait: int = 0, lease: int | None = None) -> list[LeasedDelivery]:
        return await self.run(calls.inbox(limit, wait, lease))

    async def settle(self, delivery: str, lease: str | None = None) -> DeliveryReply:
        return await self.run(calls.settle(delivery, lease))

    async def release(self, delivery: str, lease: str | None = None) -> DeliveryReply:
        return await self.run(calls.release(delivery, lease))

    async def extend(self, delivery: str, seconds: int, lease: str | None = None) -> DeliveryReply:
        return await self.run(calls.extend(delivery, lease, seconds))

    async def refuse(self, delivery: str, reason: str, lease: str | None = None) -> DeliveryReply:
        return await self.run(calls.refuse(delivery, reason, lease))

    async def chase(self, delivery: str, note: str = "") -> ChaseReply:
        return await self.run(calls.chase(delivery, note))

    async def rehearse(self, rehearsal: str, signature: bytes) -> RehearsalReply:
        """Show that the next key signs: the signature over a challenge of the hub."""
        return await self.run(calls.rehearse(rehearsal, signature))

    async def report_incident(
        self, agency: str, category: str, description: str, contact: str, noticed_at: datetime | None = None
    ) -> IncidentReply:
        told = calls.report_incident(agency, category, description, contact, noticed_at or clock.now())
        return await self.run(told)

    async def incident(self, identifier: str) -> IncidentReply:
        return await self.run(calls.incident(identifier))

    async def report_status(
        self, delivery: str, code: str, description: str = "", at: datetime | None = None
    ) -> StatusReply:
        return await self.run(calls.report_status(delivery, code, description, at or clock.now()))

    async def report_status_message(self, message: bytes) -> StatusReply:
        return await self.run(calls.report_status_message(message))

    async def receipts(self, envelope: str, *, proofs: bool = False) -> list[ReceiptReply]:
        return await self.run(calls.envelope_receipts(envelope, proofs))

    async def feed(self, after: str = "", wait: int = 0, limit: int = 100, *, proofs: bool = False) -> ReceiptFeed:
        return await self.run(calls.feed(after, wait, limit, proofs))

    async def agencies(self, q: str = "", after: str = "", limit: int = 200) -> AgencyPage:
        return await self.run(calls.agencies(q, after, limit))

    async def checkpoint(self) -> str:
        return await self.run(calls.checkpoint())

    async def proof(self, identifier: str, size: int | None = None) -> ProofReply:
        return await self.run(calls.proof(identifier, size))

    async def capabilities(self) -> Document:
        return await self.run(calls.capabilities())

    async def jwks(self) -> Document:
        return await self.run(calls.jwks())

    async def push_keys(self) -> Document:
        return await self.run(calls.push_keys())

    async def _carry_out(self, conversation: Conversation[T]) -> T:
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Exchange):
                    step = conversation.send(await self._transport.exchange(step))
                else:
                    await asyncio.sleep(step.seconds)
                    step = conversation.send(None)
        except StopIteration as done:
            value: T = done.value
            return value

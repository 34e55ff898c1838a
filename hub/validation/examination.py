"""One envelope under examination: what the checks so far have established, and what they found wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from hub.envelope.hardening import Limits
from hub.envelope.model import ParsedEnvelope, ReceivedEnvelope
from hub.problems import Finding
from hub.registry.directory import Directory
from hub.registry.model import Agency
from hub.signatures.verify import SignedContent
from hub.validation.verdict import AttachmentFacts

T = TypeVar("T")
# below this a thread hop costs more than the work
OFFLOAD_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """What this hub allows. Counts."""

    xml: Limits = field(default_factory=Limits)
    recipients: int = 5000
    attachments: int = 200


@dataclass
class Examination:
    """The state that the checks share. A field is filled by the check named beside it."""

    received: ReceivedEnvelope
    directory: Directory
    policy: Policy
    findings: list[Finding] = field(default_factory=list)
    root: Any = None  # form
    signed: SignedContent | None = None  # signature
    content: ParsedEnvelope | None = None  # structure
    sender: Agency | None = None  # sender
    recipients: tuple[Agency, ...] = ()  # recipients
    attachments: tuple[AttachmentFacts, ...] = ()  # attachments
    promulgated_on: date | None = None  # metadata
    due_on: date | None = None  # metadata
    business_type: int = 0  # metadata
    priority: int = 0  # metadata

    def find(self, code: str, detail: str = "", location: str = "") -> None:
        """Note something wrong and go on, so that one answer names everything that can be seen at once."""
        self.findings.append(Finding(code, detail, location))

    async def offload(self, work: Callable[..., T], *args: Any) -> T:
        """Run CPU work here when the body is small, in a thread when it would hold up other requests."""
        if self.received.size < OFFLOAD_BYTES:
            return work(*args)
        return await asyncio.to_thread(work, *args)

    @property
    def parsed(self) -> ParsedEnvelope:
        assert self.content is not None, "the structure check runs before"
        return self.content

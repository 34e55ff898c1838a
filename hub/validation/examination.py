"""One envelope under examination: what the checks so far have established, and what they found wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from hub.clock import VIETNAM
from hub.envelope.hardening import Limits
from hub.envelope.long_texts import LongText
from hub.envelope.model import ParsedEnvelope, ReceivedEnvelope
from hub.envelope.names import PROFILE
from hub.inspection.inspector import Inspector, inspector
from hub.problems import Finding
from hub.registry.directory import Directory
from hub.registry.model import Agency, Override, Severity
from hub.signatures.revocation.judging import Revocation
from hub.signatures.revocation.standing import Standing
from hub.signatures.verify import SignedContent
from hub.spool import Spool
from hub.validation.rules import Profile, profile, severity
from hub.validation.verdict import AttachmentFacts

T = TypeVar("T")
# below this a thread hop costs more than the work
OFFLOAD_BYTES = 128 * 1024


class Scanner(Protocol):
    """A malware scanner."""

    async def scan(self, content: BinaryIO, size: int) -> str:
        """The name of what was found, empty when clean. Raises ``Deferred`` when that cannot be told now."""

    async def reports_limits(self) -> bool:
        """Whether it says so when an attachment is over its limits, instead of passing it as clean."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What this hub allows, counts; and the instruments it judges with."""

    xml: Limits = field(default_factory=Limits)
    recipients: int = 5000
    attachments: int = 200
    profile: Profile = field(default_factory=lambda: profile(PROFILE))
    scratch: Path | None = None  # where long decoded attachments lie meanwhile; None: the system's temporary place
    revocation: Revocation = field(default_factory=Revocation)
    scanner: Scanner | None = None  # None: attachments are not scanned, and every acknowledgement says so
    inspector: Inspector = field(default_factory=inspector)
    sent: Sent | None = None  # None: nobody knows what was sent before, and no change of it is held to that


class Sent(Protocol):
    """What was sent before."""

    async def receivers(self, sender: str, document_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Of these documents those that the sender did send, each with the codes of all who were to receive it."""


class Target(NamedTuple):
    """An earlier document and those it is to be taken back from; ``codes`` as registered, empty for all recipients."""

    document_id: str
    codes: tuple[str, ...] = ()


class Document(NamedTuple):
    """The octets that an attachment is about, and the name that says what they should be."""

    name: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO]


@dataclass(slots=True)
class Content:
    """The octets that a base64 text stands for; ``wrong``: why it is none."""

    spool: Spool
    wrong: str = ""


@dataclass(slots=True)
class Attachment:
    """One attachment of the envelope, whole and counted; later checks note what they see in it.

    ``open`` gives its decoded octets from the start, as often as it is called; the caller closes what it gets.
    """

    content_id: str
    name: str
    content_type: str
    size: int
    sha256: str
    location: str
    open: Callable[[], BinaryIO]
    seen: dict[str, Any] = field(default_factory=dict)  # what the checks establish, by AttachmentFacts' field names
    signed: bool = False  # documents: a PDF with the words of a signature dictionary
    settled: bool = False  # wrapping: refused for what came out of it, there is no more to tell
    unwrapped: Document | None = None  # wrapping: the one file in the ZIP that the sender put around it

    @property
    def document(self) -> Document:
        """What the attachment is about: what it is wrapped around, else itself. It travels on as it came."""
        return self.unwrapped or Document(self.name, self.size, self.sha256, self.open)

    @property
    def shown(self) -> str:
        """The name as findings have it."""
        return self.name or self.content_id

    def facts(self) -> AttachmentFacts:
        return AttachmentFacts(self.content_id, self.name, self.content_type, self.size, self.sha256, **self.seen)


@dataclass
class Examination:
    """The state that the checks share. A field is filled by the check named beside it."""

    received: ReceivedEnvelope
    directory: Directory
    policy: Policy
    overrides: tuple[Override, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    passed: dict[str, str] = field(default_factory=dict)  # check: passed, failed, deferred or skipped
    root: Any = None  # form
    texts: tuple[LongText, ...] = ()  # form: those that stand in the file and not in the tree
    inside: dict[str, Content] = field(default_factory=dict)  # signature: what they stand for, by their tokens
    signed: SignedContent | None = None  # signature
    content: ParsedEnvelope | None = None  # structure
    sender: Agency | None = None  # sender
    standings: tuple[Standing, ...] = ()  # revocation
    recipients: tuple[Agency, ...] = ()  # recipients; reference adds those that an update adds
    removed: tuple[str, ...] = ()  # reference: codes that an update removes
    targets: tuple[Target, ...] = ()  # reference: the earlier documents that are known
    attachments: tuple[Attachment, ...] = ()  # attachments
    inflated: int = 0  # wrapping, archives: octets that came out of archives so far
    promulgated_on: date | None = None  # metadata
    due_on: date | None = None  # metadata
    business_type: int = 0  # metadata
    priority: int = 0  # metadata
    not_before: datetime | None = None  # metadata

    def find(self, code: str, detail: str = "", location: str = "") -> None:
        """Note something that no policy softens and go on, so that one answer names everything that can be seen."""
        self.findings.append(Finding(code, detail, location))

    def apply(self, rule: str, detail: str = "", location: str = "") -> None:
        """Note something against a rule of the profile: refused, warned of or ignored, as the rule is for the sender.

        Before the sender check has proven who sends, the profile's own severity and everybody's overrides count.
        """
        row = self.policy.profile.rules[rule]
        severe = self.severity(rule)
        if severe != "ignore":
            (self.findings if severe == "refuse" else self.warnings).append(Finding(row.code, detail, location, rule))

    def severity(self, rule: str) -> Severity:
        if not self.overrides:
            return self.policy.profile.rules[rule].severity
        agency = "" if self.sender is None else self.sender.code
        return severity(self.policy.profile.rules[rule], self.overrides, agency, self.today)

    @property
    def today(self) -> date:
        """The calendar day of receipt in Viet Nam."""
        return self.received.received_at.astimezone(VIETNAM).date()

    async def offload(self, work: Callable[..., T], *args: Any) -> T:
        """Run CPU work here when the body is small, in a thread when it would hold up other requests."""
        return await self.offload_by(self.received.size, work, *args)

    @staticmethod
    async def offload_by(size: int, work: Callable[..., T], *args: Any) -> T:
        """The same by the number of octets that the work reads."""
        return work(*args) if size < OFFLOAD_BYTES else await asyncio.to_thread(work, *args)

    @property
    def parsed(self) -> ParsedEnvelope:
        assert self.content is not None, "the structure check runs before"
        return self.content

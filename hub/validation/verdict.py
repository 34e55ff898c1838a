"""The outcome of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.envelope.model import ParsedEnvelope, ParsedStatus, ReceivedEnvelope
from hub.problems import Finding
from hub.registry.model import Agency

_SEAL = object()


@dataclass(frozen=True, slots=True)
class AttachmentFacts:
    """One attachment after strict decoding: octets counted and hashed. ``sha256`` is hexadecimal.

    ``wrapped``: name, size and sha256 of the one file in the ZIP that the sender put around it; ``kind``, ``pages`` and
    ``signatures`` are then that file's. ``inspection``: why something could not be told, empty when all was.
    """

    content_id: str
    name: str
    content_type: str
    size: int
    sha256: str
    form: str = "inline"  # or "part": beside the document
    scan: str = "not-scanned"  # or "clean", "infected"
    kind: str = ""  # by its octets; empty when not known
    pages: int | None = None  # of a PDF that could be read
    wrapped: dict[str, Any] | None = None
    signatures: tuple[dict[str, Any], ...] = ()  # hub.inspection.pdf_signatures
    inspection: str = ""  # too-large, over-limits, unreadable, encrypted, opaque


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """Who signed, as the verified path says.

    ``revocation``: ``good``, ``pending``, ``revoked``, or ``unchecked`` where the check was not reached; how each
    certificate of the path stands is in ``revocations``, by whose word of when. ``chain``: SHA-256, leaf to anchor.
    """

    subject: str
    issuer: str
    serial: str
    not_after: str
    sha256: str
    algorithm: str
    digest: str
    revocation: str = "unchecked"
    chain: tuple[str, ...] = ()
    revocations: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """An envelope that passed every check. The seal makes any other way of making one an error.

    ``removed``: codes that an update removes; ``targets``: the earlier documents, each with the codes of those it is
    taken back from (empty: all recipients).
    """

    received: ReceivedEnvelope
    content: ParsedEnvelope
    sender: Agency
    recipients: tuple[Agency, ...]
    signer: SignerFacts
    attachments: tuple[AttachmentFacts, ...]
    promulgated_on: date
    due_on: date | None
    business_type: int
    priority: int
    warnings: tuple[Finding, ...]
    not_before: datetime | None
    removed: tuple[str, ...]
    targets: tuple[tuple[str, tuple[str, ...]], ...]
    seal: Any

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("only the validation sequence makes a VerifiedEnvelope")


@dataclass(frozen=True, slots=True)
class VerifiedStatus:
    """A status message whose reporter is an agency of the calling system; ``signer`` is None when it is unsigned."""

    content: ParsedStatus
    reporter: Agency
    signer: SignerFacts | None


@dataclass(frozen=True, slots=True)
class Accepted:
    envelope: VerifiedEnvelope


@dataclass(frozen=True, slots=True)
class Declined:
    """Refused: the sender must change something. ``sender`` and ``document_id`` as far as they could be read.

    They are only claims: nothing about a refused envelope is proven.
    """

    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()
    sender: str = ""
    document_id: str = ""


Verdict = Accepted | Declined

"""The envelope at its stations: received (octets), parsed (structure). Verified is made by validation alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Any, BinaryIO, NamedTuple


class BusinessType(IntEnum):
    """``Bussiness/BussinessDocType`` (QCVN 102:2016 clause 2.2.1)."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACE = 3


class Priority(IntEnum):
    """``OtherInfo/Priority`` (clause 1.11.1; NĐ 30/2020 article 4.2c)."""

    ORDINARY = 0
    URGENT = 1
    VERY_URGENT = 2
    EXPRESS = 3
    SCHEDULED_EXPRESS = 4


@dataclass(frozen=True, slots=True)
class Party:
    """``From`` or ``To`` (clauses 1.1, 1.2); empty text where the element is absent or empty."""

    code: str
    name: str = ""
    in_charge: str = ""
    address: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """``edXMLManifest/Reference``; ``content_id`` without ``cid:``.

    ``digest`` (SHA-256, base64) and ``size`` (octets) are the texts of our own namespace, empty where they are absent.
    """

    content_id: str
    name: str = ""
    content_type: str = ""
    location: str = ""
    digest: str = ""
    size: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedAttachment:
    """``AttachmentEncoded/Attachment``, whose text may be long: it stays in the tree and is read from there.

    ``node`` is ``ContentTransferEncoded``, None where it is absent.
    """

    content_id: str
    name: str
    content_type: str
    node: Any
    location: str = ""

    @property
    def encoded(self) -> str:
        """The base64 text as sent, made anew at every call; empty after ``release``."""
        return "" if self.node is None else (self.node.text or "")

    def release(self) -> None:
        """Let the tree forget the text, for whoever has taken it and must not hold it twice."""
        if self.node is not None:
            self.node.text = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncodedAttachment) and self._told() == other._told()

    def __hash__(self) -> int:
        return hash(self._told())

    def _told(self) -> tuple[str, ...]:
        return self.content_id, self.name, self.content_type, self.location, self.encoded


@dataclass(frozen=True, slots=True)
class ResponseFor:
    """``ResponseFor`` (clause 1.12): the document that is answered."""

    code: str = ""
    notation: str = ""
    document_id: str = ""
    promulgation_date: str = ""


class ChangedReceiver(NamedTuple):
    """``ReceiverList/Receiver`` (clause 2.2.3.3): ``kind`` is ``0`` (removed) or ``1`` (added), as written."""

    code: str
    kind: str


class Replaced(NamedTuple):
    """``ReplacementInfoList/ReplacementInfo`` (clause 2.2.8): a replaced document and the agencies that hold it."""

    document_id: str
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """``StaffInfo`` (clause 2.2.5): the clerk who handles the message."""

    department: str = ""
    staff: str = ""
    mobile: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Business:
    """``Bussiness`` (clause 2.2, spelt so): what the sender wants done; texts as written, empty where absent."""

    type: str = "0"
    reason: str = ""
    document_id: str = ""
    document_changed: str = ""
    receivers_changed: str = ""
    receivers: tuple[ChangedReceiver, ...] = ()
    replaces: tuple[Replaced, ...] = ()
    paper: str = ""
    staff: tuple[Contact, ...] = ()


class FieldText(NamedTuple):
    """One text of the header. ``number`` counts the outermost repeated element (``To``, ``ResponseFor``) from 1."""

    text: str
    number: int


@dataclass(frozen=True, slots=True)
class ParsedEnvelope:
    """A document message. Texts are NFC, stripped; absent and empty are the same (empty text).

    Dates are texts here: judging them is validation's business. ``fields`` holds every non-empty text of the header by
    its path, ``SignerInfo/FullName``, ``TraceHeaderList/TraceHeader/Timestamp``; another namespace is ``*:Name``.
    """

    sender: Party
    recipients: tuple[Party, ...]
    document_id: str
    number: str
    notation: str
    promulgation_date: str
    document_type: str
    subject: str
    business_type: str
    priority: str
    due_date: str
    manifest: tuple[ManifestEntry, ...]
    attachments: tuple[EncodedAttachment, ...]
    response_for: tuple[ResponseFor, ...] = ()
    business: Business = field(default_factory=Business)
    not_before: str = ""
    fields: Mapping[str, tuple[FieldText, ...]] = field(default_factory=dict)
    head: dict[str, Any] = field(default_factory=dict)

    @property
    def concerned(self) -> tuple[str, ...]:
        """The documents that a recall, update or replacement may mean, the likeliest first (clauses 2.2.4 and 1.14).

        The one named in ``Bussiness``; real senders leave that out and repeat the original's id in the header.
        """
        return tuple(dict.fromkeys(one for one in (self.business.document_id, self.document_id) if one))

    @property
    def edition(self) -> str:
        """What tells two recalls, updates or replacements of one document apart: the sender's own time stamp (2.1.2).

        Empty for a new document, whose identifier is used once; real senders repeat it in what changes the document.
        """
        stamps = self.fields.get("TraceHeaderList/TraceHeader/Timestamp", ())
        return stamps[0].text if stamps and self.business_type in ("1", "2", "3") else ""


@dataclass(frozen=True, slots=True)
class ParsedStatus:
    """A status message (clause 3): who reports which code about which document of whom."""

    reporter: Party
    response_for: ResponseFor
    code: str
    description: str
    timestamp: str
    staff: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """One attachment that came beside the envelope, as a part of ``multipart/related`` (RFC 2387).

    Counted and hashed as it came; ``open`` gives its octets from the start, as often as it is called.
    """

    content_id: str
    content_type: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class ReceivedEnvelope:
    """Octets as they arrived, with who brought them and when. Nothing in here has been looked at.

    ``body`` and ``sha256`` are the edXML document's; ``parts`` are what came beside it. A long document is not held:
    its ``body`` is empty, ``file`` gives its ``length`` octets from the start.
    """

    body: bytes
    sha256: str
    system_id: str
    received_at: datetime
    traceparent: str = ""
    parts: tuple[ReceivedPart, ...] = ()
    file: Callable[[], BinaryIO] | None = None
    length: int = 0

    @property
    def size(self) -> int:
        return len(self.body) if self.file is None else self.length


def parse_edxml_date(text: str) -> date | None:
    """``yyyy/MM/dd`` as a calendar date; None when it is not one (30 February included)."""
    parts = text.split("/")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    try:
        return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return None

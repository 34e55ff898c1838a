"""What a message says before it is written: a letter, its parties and its business; a status report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from hub import clock
from hub.envelope.related import Bound

_TYPE_NAMES = (
    "Nghị quyết|Quyết định|Chỉ thị|Quy chế|Quy định|Thông cáo|Thông báo|Hướng dẫn|Chương trình|Kế hoạch|"
    "Phương án|Đề án|Dự án|Báo cáo|Biên bản|Tờ trình|Hợp đồng|Công văn|Công điện|Bản ghi nhớ|Bản cam kết|"
    "Bản thỏa thuận|Giấy chứng nhận|Giấy ủy quyền|Giấy mời|Giấy giới thiệu|Giấy nghỉ phép|Giấy đi đường|"
    "Giấy biên nhận hồ sơ|Phiếu gửi|Phiếu chuyển|Thư công"
)
ADMINISTRATIVE_TYPES: dict[int, str] = dict(enumerate(_TYPE_NAMES.split("|"), start=1))
"""``DocumentType/Type`` and its name: list B of SĐ1:2022. Receivers match by name; the number alone is ambiguous."""


@dataclass(frozen=True, slots=True)
class Party:
    """An agency as a message names it (clauses 1.1 and 1.2); only ``code`` is needed."""

    code: str
    name: str = ""
    in_charge: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True)
class Signatory:
    """The person who signed the document (clause 1.8)."""

    name: str
    position: str = ""
    competence: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """The clerk who handles the message (clause 2.2.5)."""

    name: str
    department: str = ""
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """The document that a message answers (clause 1.12), or that a status is about."""

    organ: str
    document_id: str
    code: str = ""
    promulgated: date | None = None


@dataclass(frozen=True, slots=True)
class Business:
    """What the sender wants done (clause 2.2): 0 new, 1 recall, 2 update, 3 replace.

    ``receivers`` maps agency codes to 0 (removed) or 1 (added), for an update; ``replaces`` maps each replaced document
    id to the agencies that hold it, for a replacement.
    """

    type: int = 0
    reason: str = ""
    document_id: str = ""
    paper: int = 0
    staff: Staff | None = None
    document_changed: bool = False
    receivers: Mapping[str, int] = field(default_factory=dict)
    replaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutgoingAttachment:
    """One file of a letter; ``content_id`` is bare, the ``cid:`` is written in front of it.

    ``part``: the file travels beside the envelope (``hub.envelope.related``), which then holds no content of it.
    """

    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    description: str = ""
    content_id: str = field(default_factory=clock.new_id)
    part: Bound | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A document message. Fields left empty are left out of the message (an empty element means an absent one).

    ``priority``: 0 ordinary, 1 urgent, 2 very urgent, 3 express, 4 scheduled express (clause 1.11.1). ``document_id``
    defaults to the form ``organ,yyyy/MM/dd,number/notation``. ``written_at`` is the time of the first trace header.
    ``not_before``: a scheduled letter (priority 4) is not shown to its recipients before.
    """

    sender: Party
    recipients: tuple[Party, ...]
    number: str
    notation: str
    promulgated: date
    subject: str
    attachments: tuple[OutgoingAttachment, ...] = ()
    place: str = ""
    type_code: int = 18
    type_name: str = "Công văn"
    content: str = ""
    signatory: Signatory | None = None
    due: date | None = None
    priority: int = 0
    sphere: str = ""
    typist: str = ""
    copies: int = 1
    pages: int = 0  # not declared
    appendixes: tuple[str, ...] = ()
    answers: tuple[Reference, ...] = ()
    steering: int = 0
    to_places: tuple[str, ...] = ()
    business: Business = field(default_factory=Business)
    document_id: str = ""
    written_at: datetime = field(default_factory=clock.now)
    not_before: datetime | None = None

    @property
    def identifier(self) -> str:
        """The sender's document id (clause 1.14), form A of the field."""
        return self.document_id or f"{self.sender.code},{day_text(self.promulgated)},{self.number}/{self.notation}"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A status message: ``about.organ`` is the agency it is sent to, ``about.document_id`` the key of correlation."""

    reporter: Party
    about: Reference
    code: str
    description: str = ""
    at: datetime = field(default_factory=clock.now)
    staff: Staff | None = None


def day_text(day: date) -> str:
    """``yyyy/MM/dd``."""
    return f"{day.year:04}/{day.month:02}/{day.day:02}"

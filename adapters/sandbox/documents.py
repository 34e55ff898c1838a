"""Letters as offices write them: types, numbers, notations, subjects, urgency, a small PDF. Same seed, same letters."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from adapters.sandbox.agencies import SIMULATED, TrialAgency
from hub import clock
from hub.envelope.writing import ADMINISTRATIVE_TYPES, Letter, OutgoingAttachment, Party, Signatory, Staff
from hub.envelope.writing import Business as LetterBusiness

_SUBJECTS = (
    "báo cáo kết quả cải cách hành chính {period}",
    "triển khai kế hoạch chuyển đổi số năm {year}",
    "rà soát, cập nhật danh mục thủ tục hành chính",
    "đề nghị cung cấp số liệu phục vụ báo cáo {period}",
    "tổ chức hội nghị trực tuyến sơ kết công tác {period}",
    "phân bổ dự toán chi thường xuyên năm {year}",
    "tăng cường phòng, chống dịch bệnh mùa mưa",
    "thực hiện gửi, nhận văn bản điện tử có ký số",
    "kiểm tra công tác văn thư, lưu trữ năm {year}",
    "lấy ý kiến dự thảo quy chế phối hợp liên ngành",
    "cử cán bộ tham gia lớp bồi dưỡng nghiệp vụ",
    "giải quyết kiến nghị của cử tri tại kỳ họp {period}",
    "ứng phó áp thấp nhiệt đới trên vùng biển Tây Nam",
    "công khai số liệu ngân sách {period}",
)
_PERIODS = ("quý I", "quý II", "6 tháng đầu năm", "quý III", "9 tháng", "quý IV")
# type of document, the abbreviation in its notation (NĐ 30/2020, annex III; none for an ordinary letter), how often
_TYPES = ((18, "", 60), (7, "TB", 10), (14, "BC", 12), (10, "KH", 8), (25, "GM", 6), (2, "QĐ", 3), (19, "CĐ", 1))
_PRIORITIES = ((0, 80), (1, 13), (2, 5), (3, 2))
_ABBREVIATIONS = {code: short for code, short, _ in _TYPES}


@dataclass(frozen=True, slots=True)
class Correspondence:
    """One letter to write: who, to whom, and the number that the sender's book gave it."""

    sender: TrialAgency
    recipients: tuple[TrialAgency, ...]
    number: int


class LetterWriter:
    """Draws letters from one random stream."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - traffic that a seed repeats, no secret

    def recipients(
        self, sender: TrialAgency, everybody: tuple[TrialAgency, ...] = SIMULATED
    ) -> tuple[TrialAgency, ...]:
        """Mostly one to three neighbours in the hierarchy, now and then everybody (a circular)."""
        others = [agency for agency in everybody if agency.code != sender.code]
        if self._random.random() < 0.06:
            return tuple(others)
        near = [
            agency for agency in others if agency.code == sender.parent or agency.parent in (sender.code, sender.parent)
        ]
        pool = near if near and self._random.random() < 0.75 else others
        return tuple(self._random.sample(pool, min(len(pool), self._random.choice((1, 1, 1, 2, 2, 3)))))

    def write(self, what: Correspondence, moment: datetime | None = None) -> Letter:
        """An unsigned letter of today with its PDF."""
        moment = moment or clock.now()
        today = moment.astimezone(clock.VIETNAM).date()
        type_code = self._weighted(tuple((code, weight) for code, _, weight in _TYPES))
        priority = 3 if type_code == 19 else self._weighted(_PRIORITIES)
        topic = self._random.choice(_SUBJECTS).format(period=self._random.choice(_PERIODS), year=today.year)
        subject = f"V/v {topic}"
        notation = _notation(what.sender, type_code)
        pages = self._random.choice((1, 1, 1, 2, 2, 3))
        body = _body(what, f"{what.number}/{notation}", subject, today)
        appendixes = [[f"Phu luc {page}", "", subject] for page in range(1, pages)]
        pdf = simple_pdf(subject, [body, *appendixes])
        name = f"{what.number:03}-{notation.replace('/', '-')}.pdf"
        return Letter(
            sender=_party(what.sender),
            recipients=tuple(_party(agency) for agency in what.recipients),
            number=str(what.number),
            notation=notation,
            promulgated=today,
            subject=subject,
            content=topic[:1].upper() + topic[1:],
            attachments=(OutgoingAttachment(name, pdf, "application/pdf", description=subject),),
            place=what.sender.place,
            type_code=type_code,
            type_name=ADMINISTRATIVE_TYPES[type_code],
            signatory=Signatory("", what.sender.head, self._random.choice(("", "KT. ", "TL. ")) + "CƠ QUAN"),
            due=today + timedelta(days=self._random.choice((3, 5, 7, 10, 15))) if self._random.random() < 0.5 else None,
            priority=priority,
            pages=pages,
            to_places=("Như trên", f"Lưu: VT, {what.sender.office}"),
            business=LetterBusiness(reason="Văn bản điện tử mới", staff=Staff("Văn thư", "Văn phòng")),
            written_at=moment,
        )

    def _weighted(self, choices: tuple[tuple[int, int], ...]) -> int:
        weights = [weight for _, weight in choices]
        return self._random.choices([value for value, _ in choices], weights)[0]


def _notation(sender: TrialAgency, type_code: int) -> str:
    short = _ABBREVIATIONS[type_code]
    return f"{short}-{sender.notation}" if short else f"{sender.notation}-{sender.office}"


def _party(agency: TrialAgency) -> Party:
    return Party(agency.code, agency.name)


def _body(what: Correspondence, code: str, subject: str, today: date) -> list[str]:
    return [
        what.sender.name.upper(),
        f"So: {code}",
        f"{what.sender.place}, ngay {today:%d} thang {today:%m} nam {today:%Y}",
        "",
        subject,
        "",
        *(f"Kinh gui: {agency.name}" for agency in what.recipients),
        "",
        "Day la van ban thu nghiem, do he thong mo phong sinh ra; khong co gia tri phap ly.",
        "This is a generated trial document without legal force.",
        "",
        what.sender.head,
        "",
    ]


def simple_pdf(title: str, pages: list[list[str]]) -> bytes:
    """A small valid PDF 1.4 (ISO 32000-1 §7.5) in Helvetica, of lines by page.

    The pages are written without diacritics, because a standard font has none for Vietnamese; the title keeps them.
    """
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, page in enumerate(pages):
        stream = _page_stream(page)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            + f"/Contents {5 + 2 * index} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    objects.append(f"<< /Title <FEFF{title.encode('utf-16-be').hex().upper()}> >>".encode())
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    """Header, numbered objects, cross-reference table, trailer; the last object is the document information."""
    output = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(output))
        output += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(output)
    output += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    output += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    output += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    return bytes(output + f"startxref\n{start}\n%%EOF\n".encode())


def _page_stream(lines: list[str]) -> bytes:
    shown = "\n".join(f"({_pdf_text(line)}) Tj T*" for line in lines)
    return f"BT /F1 11 Tf 16 TL 60 780 Td\n{shown}\nET".encode("ascii")


def _pdf_text(line: str) -> str:
    plain = unicodedata.normalize("NFD", line.replace("đ", "d").replace("Đ", "D"))
    ascii_only = plain.encode("ascii", "ignore").decode()
    return ascii_only.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")

"""Check: nothing marks the document as a state secret (QĐ 28/2018 Điều 1): those do not travel here.

edXML has no element for secrecy, so the marks are looked for where offices write them: in number and notation, in the
subject, the summary, the kind, the sphere of circulation, the names of files, and in elements that vendors add.
Ordinary words that contain the syllable stay ordinary (bảo mật, mật khẩu, mật độ), and so do letters that speak of
secrets without being one (danh mục bí mật nhà nước độ Tuyệt mật).
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator

from hub.envelope.model import EncodedAttachment, ManifestEntry
from hub.validation.examination import Examination
from hub.validation.metadata import MOST, location

_DEGREE = r"(?:(?:tối|tuyệt)\s*)?mật"
_HIGHER = re.compile(r"\b(?:tối|tuyệt)\s*mật\b", re.IGNORECASE)
_BRACKETS = re.compile(rf"[(\[{{<«【]\s*(?:độ\s+)?(?:{_DEGREE}|toi\s*mat|tuyet\s*mat)\s*[)\]}}>»】]", re.IGNORECASE)
_DECLARED = re.compile(
    rf"\bđộ\s+mật\s*[:=]\s*(?!(?:bình\s+)?thường|không|none|0)\w+(?:\s+mật)?|\bđộ\s*[:=]\s*{_DEGREE}\b", re.IGNORECASE
)
# where a stamp stands that was typed into the line: before everything with a sign after it, or after everything
_ALONE = re.compile(rf"^\s*(?:{_DEGREE})\s*$", re.IGNORECASE)
_FIRST = re.compile(rf"^\W*(?:{_DEGREE})\s*(?:[:./|*!]|[-–—]\s)", re.IGNORECASE)
_LAST = re.compile(rf"(?:[:./|*]\s*|\s[-–—]+\s*)(?:độ\s+)?(?:{_DEGREE})\W*$", re.IGNORECASE)
_SPACED = re.compile(r"\bM(?P<gap>[ .*_-]{1,3})Ậ(?P=gap)T\b")
_SYLLABLE = re.compile("ậ|mat", re.IGNORECASE)
_LOWEST = re.compile(r"\bmật\b", re.IGNORECASE)
# a letter about state secrets names their degrees: Luật Bảo vệ bí mật nhà nước 2018, Điều 8
_ABOUT = re.compile(r"bí\s+mật\s+nhà\s+nước|\bBMNN\b", re.IGNORECASE)
_NAMED = re.compile(rf"(?<=\w )độ\s+{_DEGREE}\b(?:\s*(?:[,;/]|và|hoặc)\s*(?:độ\s+)?{_DEGREE}\b)*", re.IGNORECASE)
# words of two syllables, for lines in capitals
_BEFORE = re.compile(
    r"(?:\b(?:bảo|bí|cơ|cẩn|nghiêm|ẩn|thân|giải|lộ|lọt|không|phi|độ|túi|gan|sỏi|dịch|ống|đường|trăng|rỉ|hút|lấy|nồng)"
    r"|(?<!công )\bvăn|\b(?:thị|đình|đức|hữu|xuân))\s+$",  # the last are middle names
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"^\s+(?:khẩu|mã|độ|ong|thiết|vụ|thư|ngữ|hiệu|lệnh|danh|báo|phục|gấu|mía|ngọt|hoa|rỉ|dừa|nhân|cật|tông|nghị|ước|thám|"
    r"thất|dụ|đàm|ứng|sơn)\b",
    re.IGNORECASE,
)
_LETTER = r"[^\W\d_]"
_NOTATION = re.compile(
    rf"(?<!{_LETTER})(?:(?:tuyệt|tối)[\s_.-]*mật|tuyet[\s_.-]*mat|toi[\s_.-]*mat|mật)(?!{_LETTER})", re.IGNORECASE
)
# letters of other scripts that look the same, and marks that cannot be seen
_LOOKALIKES = str.maketrans("МТАОІУЕмтаоіуеΜΤΑΟΙΥΕ", "MTAOIYEmtaoiyeMTAOIYE")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
# local names without marks and signs that systems give the element of the degree; the second kind may mean other things
_SECRECY = frozenset({"secrecy", "secrecylevel", "secretlevel", "secret", "domat", "mucdomat", "domatvanban", "mat"})
_MAYBE = frozenset(
    {"security", "securitylevel", "securityclassification", "classification", "confidential", "confidentiality"}
    | {"dokhanmat", "domatdokhan"}
)
_NONE = frozenset(
    {"0", "false", "no", "none", "null", "n/a", "-", "thường", "thuong", "bình thường", "binh thuong", "không", "khong"}
    | {"không mật", "khong mat", "normal", "public", "unclassified", "open"}
)
_DEGREES = re.compile(
    rf"\b{_DEGREE}\b|^(?:(?:toi|tuyet)\s*)?mat$|^(?:top[\s_-]*)?secret$|^(?:highly[\s_-]*)?confidential$|^true$|^yes$",
    re.IGNORECASE,
)
_TEXTS = ("Subject", "Content", "DocumentType/TypeName", "OtherInfo/SphereOfPromulgation")


async def check(exam: Examination) -> None:
    if exam.severity("secrecy.none") != "ignore":
        for detail, place in itertools.islice(_marks(exam), MOST):
            exam.apply("secrecy.none", detail, place)


def _marks(exam: Examination) -> Iterator[tuple[str, str]]:
    """Every mark of secrecy: what and where."""
    for elements, mark in ((("Code/CodeNumber", "Code/CodeNotation"), notation_mark), (_TEXTS, text_mark)):
        for element in elements:
            for text, _ in exam.parsed.fields.get(element, ()):
                if found := mark(text):
                    yield f"{element}: {found}", location(exam, element)
    for path, texts in exam.parsed.fields.items():
        name = path.rpartition("/")[2].removeprefix("*:")
        for text, number in texts:
            if declared(name, text):
                yield f"{path}: {text[:40]}", location(exam, path, number)
    files: tuple[ManifestEntry | EncodedAttachment, ...] = (*exam.parsed.manifest, *exam.parsed.attachments)
    for file in files:
        if found := text_mark((file.name.rpartition(".")[0] or file.name).replace("_", " ")):
            yield f"AttachmentName: {found}", file.location


def text_mark(text: str) -> str:
    """The mark of secrecy in a line that people write; empty when there is none."""
    line = _plain(text)
    if not _SYLLABLE.search(line):
        return ""
    if mark := _DECLARED.search(line):
        return mark.group()
    if _ABOUT.search(line):
        line = _NAMED.sub("", line)
    for pattern in (_BRACKETS, _ALONE, _FIRST, _LAST, _SPACED, _HIGHER):
        if mark := pattern.search(line):
            return mark.group().strip()
    for mark in _LOWEST.finditer(line):
        # in small letters it is a syllable like any other; a stamp is in capitals
        if mark.group()[1:] != "ật" and not _compound(line, mark):
            return mark.group()
    return ""


def notation_mark(text: str) -> str:
    """The degree of secrecy among the groups of a number or notation (``128/MẬT-UBND``); empty when there is none."""
    line = _plain(text)
    for mark in _NOTATION.finditer(line):
        if not _compound(line, mark):
            return mark.group()
    return ""


def _compound(line: str, mark: re.Match[str]) -> bool:
    """Whether the syllable makes an ordinary word with its neighbour."""
    before, after = line[max(0, mark.start() - 16) : mark.start()], line[mark.end() : mark.end() + 16]
    return _BEFORE.search(before) is not None or _AFTER.search(after) is not None


def declared(name: str, text: str) -> bool:
    """Whether an element of this name with this text says that the document is secret."""
    key = _key(name)
    if key not in _SECRECY and key not in _MAYBE:
        return False
    value = _plain(text).casefold()
    return value not in _NONE and (key in _SECRECY or _DEGREES.search(value) is not None)


@functools.lru_cache(1024)
def _key(name: str) -> str:
    """``Độ_Mật`` → ``domat``."""
    letters = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if letter.isalnum() and letter.isascii())


def _plain(text: str) -> str:
    """The line as eyes read it: compatible forms made one, unseen characters and other scripts' lookalikes replaced."""
    if text.isascii():
        return " ".join(text.split())
    line = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_LOOKALIKES))
    return " ".join(line.split())

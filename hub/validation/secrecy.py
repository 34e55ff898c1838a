"""Check: nothing marks the document as a state secret (QĐ 28/2018 Điều 1): those do not travel here.

edXML has no element for secrecy, so the marks are looked for where offices write them: in the notation, in the subject,
and in elements that vendors add. Ordinary words that contain the syllable stay ordinary: bảo mật, mật khẩu, bí mật.
"""

from __future__ import annotations

import re

from hub.validation.examination import Examination
from hub.validation.metadata import location

# the two higher degrees are unmistakable in any case of letters
_HIGHER = re.compile(r"\b(?:tối|tuyệt)\s+mật\b", re.IGNORECASE)
# the lowest is an ordinary syllable: only as a stamp, alone in capitals or in brackets
_STAMP = re.compile(r"\bMẬT\b")
_BRACKETS = re.compile(r"[(\[{<«“\"]\s*mật\s*[)\]}>»”\"]", re.IGNORECASE)
_DECLARED = re.compile(r"\bđộ\s+mật\s*[:：=]\s*(?!thường|không)\w", re.IGNORECASE)
# words of two syllables, written in capitals throughout
_BEFORE = re.compile(r"\b(?:BẢO|BÍ|CƠ|MẢ|NỒNG|PHẬT|GIỮ|GIỮ\s+BÍ|THÂN|CHU|TRÙ|RÒ\s+RỈ)\s+$")
_AFTER = re.compile(r"^\s+(?:KHẨU|MÃ|ĐỘ|ONG|THIẾT|VỤ|THƯ|NGỮ|HIỆU|LỆNH|DANH|GẤU|MÍA|NGỌT|HOA|TÍCH|BÁO|PHỤC)\b")
_NOTATION = re.compile(r"(?:^|[-/\s.])(?:TUYỆT\s*MẬT|TỐI\s*MẬT|MẬT)(?=$|[-/\s.])", re.IGNORECASE)
# local names, lower case, that systems give the element in which they keep the degree
_ELEMENTS = frozenset(
    {"secrecy", "secrecylevel", "secretlevel", "secret", "securitylevel", "security", "confidentiality", "confidential"}
    | {"domat", "mucdomat", "domatvanban", "dokhanmat", "securityclassification", "classification", "mat"}
)
_NONE = frozenset({"", "0", "false", "no", "none", "thường", "thuong", "không", "khong", "bình thường", "public"})


async def check(exam: Examination) -> None:
    for element, pattern in (("Code/CodeNotation", marked_notation), ("Subject", marked), ("Content", marked)):
        for text, _ in exam.parsed.fields.get(element, ()):
            if pattern(text):
                exam.apply("secrecy.none", element, location(exam, element))
    for path, texts in exam.parsed.fields.items():
        if path.rpartition("/")[2].casefold() in _ELEMENTS:
            for text, number in texts:
                if text.casefold() not in _NONE:
                    exam.apply("secrecy.none", f"{path}: {text[:40]}", location(exam, path, number))


def marked(text: str) -> bool:
    """Whether a subject (NFC) bears a mark of secrecy."""
    if _HIGHER.search(text) or _BRACKETS.search(text) or _DECLARED.search(text):
        return True
    return any(
        not _BEFORE.search(text[: stamp.start()]) and not _AFTER.search(text[stamp.end() :])
        for stamp in _STAMP.finditer(text)
    )


def marked_notation(text: str) -> bool:
    """Whether a notation (NFC) has a degree of secrecy among its groups: ``128/MẬT-UBND``."""
    return _NOTATION.search(text) is not None

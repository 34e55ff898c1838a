"""Page one of an attachment as a picture: which attachments have one, why others have none, where the octets lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from hub.dashboard.explanation import Json
from hub.dashboard.inside import taken_out
from hub.inspection.pictures import LARGEST_PDF
from hub.language import gettext, mark
from hub.ledger import PayloadStore
from hub.ledger.journey import Letter

# a letter with its attachments inside is read whole to get at one of them
LARGEST_LETTER = 64 * 1024 * 1024

WHY_NOT: dict[str, str] = {
    "not-pdf": mark("No picture: it is not a PDF."),
    "wrapped": mark("No picture: it lies in a ZIP."),
    "encrypted": mark("No picture: the PDF opens with a password only."),
    "unreadable": mark("No picture: the PDF cannot be read."),
    "over-limits": mark("No picture: drawing it took too long and was given up."),
    "too-large": mark("No picture: the file is too large."),
    "purged": mark("No picture: the content was purged."),
    "missing": mark("No picture: the octets are missing."),
    "parties": mark("No picture: the content is for the letter's parties and for auditors."),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """``address`` of the picture, or why there is none, in the reader's language."""

    address: str
    why: str = ""


def of_letter(letter: Letter, files: list[dict[str, Any]], payloads: PayloadStore, barred: str) -> list[Preview]:
    """One for each attachment. ``barred``: why the reader gets no picture of this letter at all, empty if nothing."""
    found = []
    for number, file in enumerate(files, 1):
        why = why_not(letter, file) or barred or ("" if _kept(letter, file, payloads) else "missing")
        address = "" if why else f"/envelopes/{letter.id}/attachments/{number}/page-one.png"
        found.append(Preview(address, gettext(WHY_NOT[why]) if why else ""))
    return found


def why_not(letter: Letter, file: Json) -> str:
    """Why nothing is drawn of the attachment, by what the intake found in it; empty when a picture is tried."""
    kind, declared = str(file.get("kind") or ""), str(file.get("content_type") or "")
    if kind != "pdf" and (kind or declared != "application/pdf"):
        return "not-pdf"
    if file.get("wrapped"):
        return "wrapped"
    if file.get("inspection") in ("encrypted", "unreadable"):
        return str(file["inspection"])
    inside = file.get("form") != "part"
    if int(file.get("size") or 0) > LARGEST_PDF or (inside and letter.size > LARGEST_LETTER):
        return "too-large"
    return ""


def _kept(letter: Letter, file: Json, payloads: PayloadStore) -> bool:
    try:
        if file.get("form") == "part":
            return payloads.has(str(file.get("sha256")), int(file.get("size") or 0))
        return payloads.has(letter.sha256, letter.size)
    except ValueError:  # no digest
        return False


def opened(letter: Letter, file: Json, payloads: PayloadStore) -> BinaryIO:
    """The octets of an attachment from the start, beside the document or inside. Blocking: call it in a thread.

    Raises ``OSError`` when they are not what was accepted.
    """
    if file.get("form") == "part":
        return payloads.path(str(file.get("sha256")), int(file.get("size") or 0)).open("rb")
    document = payloads.path(letter.sha256, letter.size)
    return taken_out(document, str(file.get("content_id")), str(file.get("sha256")), payloads.incoming)


def placard(why: str) -> bytes:
    """An SVG image of a page's shape that says why there is no picture."""
    words = gettext(WHY_NOT[why])
    lines, line = [], ""
    for word in words.split():
        if len(line) + len(word) > 22:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    spans = "".join(f'<tspan x="105" dy="20">{escape(text)}</tspan>' for text in [*lines, line])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 297" width="210" height="297">'
        '<rect width="210" height="297" fill="#f6f5f1"/>'
        '<g font-family="sans-serif" font-size="14" text-anchor="middle" fill="#57606a">'
        f'<text y="110">{spans}</text></g></svg>'
    ).encode()

"""Manifest and inline attachments that readers would join, or decode, in different ways; rightly signed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from hub.envelope.writing import OutgoingAttachment
from tests.hostile.forgery import Attack, Maker, Workshop, seal, within
from tests.intake.register import PDF

STRUCTURE, ENCODING = "edxml-structure", "attachment-encoding"
_TEXT = re.compile(rb"(<edXML:ContentTransferEncoded [^>]*>)([^<]*)")
_LISTED = "<edXML:ContentId>cid:a1<"
_LINK = 'xmlns:l="http://www.w3.org/1999/xlink" l:href'


def encoded(change: Callable[[str], str], content: bytes = PDF) -> Maker:
    """The letter with its attachment's base64 changed; ``content`` has one octet more than a multiple of three."""

    def forge(bench: Workshop) -> bytes:
        octets = content + b"\n" * ((1 - len(content)) % 3)
        text = change(base64.b64encode(octets).decode()).encode()
        return seal(_TEXT.sub(lambda found: found[1] + text, bench.message(), count=1), bench.sender)

    return forge


def listed(old: str, new: str) -> Maker:
    return lambda bench: seal(within(bench.message(), old, new), bench.sender)


def two_files(second: str) -> Maker:
    """A letter with two files, the first ``cid:a1``, the second with this ContentId."""
    files = tuple(OutgoingAttachment(f"{name}.pdf", PDF, content_id=name) for name in ("a1", "a2"))

    def forge(bench: Workshop) -> bytes:
        message = bench.message(attachments=files)
        return seal(within(message, ">cid:a2<", f">{second}<", 2), bench.sender)

    return forge


def in_lines(text: str) -> str:
    """Honest: lines that end as Java ends them."""
    return "&#13;\n".join(text[at : at + 76] for at in range(0, len(text), 76))


def spare_bits(text: str) -> str:
    """The last digit before ``==`` has four bits to spare."""
    assert text.endswith("==")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:-3] + digits[digits.index(text[-3]) + 1] + "=="


ATTACKS = [
    Attack("an attachment in the other alphabet", ENCODING, encoded(lambda it: it[:8] + "-_" + it[10:])),
    Attack("an attachment with padding inside", ENCODING, encoded(lambda it: f"{it[:8]}===={it[8:]}"), names="padding"),
    Attack("an attachment in two pieces of base64", ENCODING, encoded(lambda it: it + "QQ=="), names="padding"),
    Attack("an attachment without padding", ENCODING, encoded(lambda it: it[:-2])),
    Attack("an attachment with too much padding", ENCODING, encoded(lambda it: it + "=")),
    Attack("an attachment with junk", ENCODING, encoded(lambda it: f"{it[:8]}*{it[8:]}"), encoded(in_lines)),
    Attack("an attachment with white space of Unicode", ENCODING, encoded(lambda it: f"{it[:8]}\u00a0{it[8:]}")),
    Attack("an attachment with wide letters", ENCODING, encoded(lambda it: f"\uff21{it[1:]}")),
    Attack("an attachment with spare bits", ENCODING, encoded(spare_bits), names="not zero"),
    Attack("an attachment of white space", "attachment-empty", encoded(lambda _: " \n ")),
    Attack(
        "a link to another than the one named",
        STRUCTURE,
        listed("<edXML:Reference>", f'<edXML:Reference {_LINK}="cid:a2">'),
        listed("<edXML:Reference>", f'<edXML:Reference {_LINK}="cid:a1">'),
        names="the link is a2",
    ),
    Attack(
        "a second manifest under the other name",
        STRUCTURE,
        listed("</edXML:edXMLManifest>", "</edXML:edXMLManifest><edXML:Manifest></edXML:Manifest>"),
        names="Manifest",
    ),
    Attack("cid: twice", "attachment-missing", listed(_LISTED, "<edXML:ContentId>cid:cid:a1<"), names="cid:a1"),
    Attack("CID: in capitals", "attachment-missing", listed(_LISTED, "<edXML:ContentId>CID:a1<"), names="CID:a1"),
    Attack("an identifier in another case", "attachment-missing", listed(_LISTED, "<edXML:ContentId>cid:A1<")),
    Attack("an identifier escaped", "attachment-missing", listed(_LISTED, "<edXML:ContentId>cid:%611<")),
    Attack("one file with cid: and one without", "attachment-repeated", two_files("a1"), two_files("a2")),
]

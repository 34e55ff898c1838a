"""What can be told of a PDF without reading its structure: is it whole, were its octets changed on the way?

ISO 32000-1 §7.5: header, body, cross-reference, trailer. One pass, in pieces; an honest PDF leaves the text test at its
first binary octet.
"""

from __future__ import annotations

import codecs
import itertools
import re
import zlib
from typing import BinaryIO, NamedTuple

from hub.inspection.kinds import PDF_HEADER_WITHIN

PIECE = 256 * 1024
END_WITHIN = 4096  # readers look for the end in the last 1024 octets; some servers add a few lines behind
# this many octets that no text holds tell of a detour through text; the odd one may stand in metadata
TRACES = 8
_SIGNED = b"/ByteRange"
_END = re.compile(rb"%%EOF|startxref\s+\d+")
_C1 = re.compile("[\x80-\x9f]")
# a stream whose first filter is a binary one
_PACKED = re.compile(rb"/Filter\s{0,9}\[?\s{0,9}/(FlateDecode|DCTDecode)\b")
_DATA = re.compile(rb"(?<!end)stream(?:\r\n|\n)(?!\s*endstream)")
PACKED_WITHIN, PACKED_STREAMS, DICTIONARY, TRIED = 4 * 1024 * 1024, 64, 512, 32 * 1024


class PdfForm(NamedTuple):
    """``damage`` is empty for a PDF that seems whole. ``signed``: it has the words of a signature dictionary."""

    damage: str
    signed: bool


class TextTest:
    """Whether binary octets went through text: what comes out is valid UTF-8, which binary content never is.

    Decoding as UTF-8 leaves U+FFFD for every octet that was none; decoding as Latin-1 leaves C1 control characters.
    """

    def __init__(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")("strict")
        self._replaced = self._controls = 0

    def feed(self, piece: bytes) -> None:
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(piece)
        except UnicodeDecodeError:
            self._decoder = None
            return
        if not text.isascii():
            self._replaced += text.count("\ufffd")
            self._controls += len(_C1.findall(text))

    @property
    def text(self) -> bool:
        """Whether everything so far is UTF-8."""
        return self._decoder is not None

    def damage(self) -> str:
        """What the detour was; empty when there is no sign of one."""
        if self._decoder is None:
            return ""
        if self._replaced >= TRACES:
            return f"binary octets were read as UTF-8 text on the way: {self._replaced} of them are lost (EF BF BD)"
        if self._controls >= TRACES:
            return "binary octets were read as Latin-1 text on the way and written as UTF-8"
        return ""


def went_through_text(octets: bytes) -> str:
    """The same test on the start of a file of any binary kind; a character cut off at the end does no harm."""
    test = TextTest()
    test.feed(octets)
    return test.damage()


def examine(content: BinaryIO, size: int) -> PdfForm:
    """One pass over the file."""
    content.seek(0)
    test, signed, kept, head = TextTest(), False, b"", b""
    while piece := content.read(PIECE):
        test.feed(piece)
        head = head or piece[: PDF_HEADER_WITHIN + 5]
        signed = signed or _SIGNED in kept + piece[: len(_SIGNED)] or _SIGNED in piece
        kept = (kept + piece)[-END_WITHIN:] if len(piece) < END_WITHIN else piece[-END_WITHIN:]
    return PdfForm(test.damage() or (_emptied(content) if test.text else "") or _cut(head, kept), signed)


def _emptied(content: BinaryIO) -> str:
    """Whether binary streams of a file that is text throughout lost what was binary in them: by a code page that

    turns every octet into a letter, or by dropping or masking (``?``) what was none.
    """
    content.seek(0)
    octets = content.read(PACKED_WITHIN)
    for found in itertools.islice(_PACKED.finditer(octets), PACKED_STREAMS):
        data = _DATA.search(octets, found.end(), found.end() + DICTIONARY)
        if data and (found.group(1) == b"DCTDecode" or not _inflates(octets[data.end() : data.end() + TRIED])):
            return "binary octets were read as text on the way: its compressed streams are none any more"
    return ""


def _inflates(octets: bytes) -> bool:
    """Whether octets are the beginning of a zlib stream (RFC 1950), with whatever behind it."""
    try:
        zlib.decompressobj().decompress(octets, TRIED)
    except zlib.error:
        return False
    return True


def _cut(head: bytes, tail: bytes) -> str:
    if b"%PDF-" not in head:
        return f"no %PDF- in the first {PDF_HEADER_WITHIN} octets"
    if not _END.search(tail.rstrip(b"\0")):
        return f"no end of a PDF in its last {END_WITHIN} octets: it is cut off"
    return ""

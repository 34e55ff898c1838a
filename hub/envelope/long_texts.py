"""A long document without the long base64 in it: a small tree, and where in the file each such text lies.

In the tree a token stands for the text, drawn when the document is already here: nobody can have written it. Only the
text of an attachment in its place is left out, ``/edXML/AttachmentEncoded/Attachment/ContentTransferEncoded``; what
else there is, the parser's limits bound. The whole document has passed steps 1 and 2 of ``hardening`` by then.
"""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from hub import clock
from hub.envelope.hardening import PIECE, Limits, Scan, scan_by, tree
from hub.envelope.names import EDXML

# octets; a shorter text stays in the tree
LONG = 64 * 1024
_PLACE = [f"{EDXML} {name}" for name in ("edXML", "AttachmentEncoded", "Attachment", "ContentTransferEncoded")]


@dataclass(frozen=True, slots=True)
class LongText:
    """The text of one attachment, which stays in the document's file; ``token`` stands for it in the tree."""

    token: str
    open: Callable[[], BinaryIO]
    begin: int
    end: int

    def pieces(self) -> Iterator[bytes]:
        """The characters in UTF-8 as XML reads them: line ends made one, references resolved (XML 1.0 §2.11, §4.1).

        Raises ``OSError`` when they are not all there.
        """
        parser, found = _reader()
        parser.Parse(b"<x>", False)
        for octets in self._octets():
            parser.Parse(octets, False)
            yield "".join(found).encode()
            found.clear()
        parser.Parse(b"</x>", True)
        yield "".join(found).encode()

    def _octets(self) -> Iterator[bytes]:
        left = self.end - self.begin
        with self.open() as file:
            file.seek(self.begin)
            while left and (octets := file.read(min(PIECE, left))):
                left -= len(octets)
                yield octets
        if left:
            raise OSError(f"{left} octets are missing")


def _reader() -> tuple[expat.XMLParserType, list[str]]:
    """A parser, and where it puts the characters that it finds."""
    found: list[str] = []
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.buffer_size = PIECE
    parser.CharacterDataHandler = found.append
    return parser, found


@dataclass(frozen=True, slots=True)
class LongDocument:
    """``texts`` in the order of the document."""

    root: Any
    texts: tuple[LongText, ...]


def parse_long(file: Callable[[], BinaryIO], limits: Limits) -> LongDocument:
    """As ``hardening.parse``, of a document that must not be held. Reads the file twice, the long texts once.

    Raises ``Refused`` (``xml-*``), exactly where ``hardening.parse`` does.
    """
    finder = _Finder(limits)
    with file() as body:
        scan_by(finder, body)
        texts = tuple(LongText(f"long-{clock.new_secret()}", file, *place) for place in finder.found)
        body.seek(0)
        return LongDocument(tree(_without(body, texts)), texts)


def _without(body: BinaryIO, texts: tuple[LongText, ...]) -> Iterator[bytes]:
    """The document with a token in the place of each text."""
    place = 0
    for text in texts:
        yield from _pieces(body, text.begin - place)
        yield text.token.encode()
        place = body.seek(text.end)
    while octets := body.read(PIECE):
        yield octets


def _pieces(body: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (octets := body.read(min(PIECE, left))):
        left -= len(octets)
        yield octets


class _Finder(Scan):
    """The scanner of files that notes, too, where long texts begin and end: offsets of octets."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.path: list[str] = []
        self.begin = -1
        self.found: list[tuple[int, int]] = []
        # a text's beginning is told by its first characters, which a buffer would hold back
        self.parser.buffer_text = False

    def start_after_text(self, name: str, attributes: dict[str, str]) -> None:
        super().start_after_text(name, attributes)
        self.path.append(name)
        self.begin = -1
        self.parser.CharacterDataHandler = self.text if self.path == _PLACE else None

    def text(self, _characters: str) -> None:
        self.begin = self.parser.CurrentByteIndex
        self.parser.CharacterDataHandler = None

    def end_after_text(self, name: str) -> None:
        here = self.parser.CurrentByteIndex
        # no element began since this one did: it is all text
        if self.path == _PLACE and self.opened == name and 0 <= self.begin < here - LONG:
            self.found.append((self.begin, here))
        self.parser.CharacterDataHandler = None
        self.path.pop()
        super().end_after_text(name)

"""The hardened parser: refuse by shape before any cryptography.

1. Octets: UTF-8 only, no NUL.
2. One streaming pass with expat: no document type, entity, comment, processing instruction, CDATA or XInclude; limits
   on depth, elements, attributes, namespaces, names and texts. The limits stand before canonicalisation because libxml2
   sorts attributes worse than linearly: 100,000 of them on one element cost a minute.
3. One lxml tree from the same octets, entities, DTD and network off. ``huge_tree`` lifts libxml2's own limits
   (a text node of 10,000,000 characters), which is why ours come first.

Raises ``Refused`` with an ``xml-*`` code and the line as location.
"""

from __future__ import annotations

import codecs
import xml.parsers.expat as expat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from lxml import etree

from hub.envelope.names import EDXML
from hub.problems import Refused

XINCLUDE = "http://www.w3.org/2001/XInclude"
PIECE = 1024 * 1024
_NEW_LINE = b"\n"
_MARKS = ((b"<!DOCTYPE", "xml-dtd"), (b"<!--", "xml-comment"), (b"<![CDATA[", "xml-cdata"))
_Decoder = codecs.getincrementaldecoder("utf-8")
_LONGEST_MARK = max(len(mark) for mark, _ in _MARKS)
_BASE64 = f"{EDXML} ContentTransferEncoded"  # as expat joins namespace and name


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts over one document; names in characters, texts in octets.

    A text is all that stands between the beginnings of two tags: attributes' values and white space count too. The
    base64 of attachments does not, whose limit is the body's.
    """

    depth: int = 32
    elements: int = 100_000
    attributes: int = 20_000
    attributes_per_element: int = 32
    namespaces: int = 64
    name_length: int = 512
    text: int = 128 * 1024
    texts: int = 16 * 1024 * 1024


class Scan:
    """The expat handlers of the streaming pass."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.depth = self.elements = self.attributes_seen = 0
        self.texts = self.tag_began = 0
        self.opened = ""
        self.namespaces: set[tuple[str | None, str | None]] = set()
        self.parser = parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = lambda *_: self.refuse("xml-dtd")
        parser.CommentHandler = lambda *_: self.refuse("xml-comment")
        parser.ProcessingInstructionHandler = lambda *_: self.refuse("xml-processing-instruction")
        parser.StartCdataSectionHandler = lambda *_: self.refuse("xml-cdata")
        parser.XmlDeclHandler = self.declaration
        parser.StartNamespaceDeclHandler = self.namespace
        parser.StartElementHandler = self.start_after_text
        parser.EndElementHandler = self.end_after_text

    def refuse(self, code: str, detail: str = "") -> None:
        raise Refused(code, detail, f"line {self.parser.CurrentLineNumber}")

    def declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            self.refuse("xml-malformed", f"XML {version}")
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            self.refuse("xml-encoding", encoding)

    def namespace(self, prefix: str | None, uri: str | None) -> None:
        # different ones only: real senders declare the same one again on every attachment
        self.namespaces.add((prefix, uri))
        if len(self.namespaces) > self.limits.namespaces:
            self.refuse("xml-limit", f"more than {self.limits.namespaces} different namespace declarations")
        if uri == XINCLUDE:  # the hub would leave it alone; whoever reads the letter after it may not
            self.refuse("xml-inclusion", "the namespace of XInclude")
        # exclusive C14N of relative namespace URIs is undefined (XML-C14N §1.3)
        if uri and ":" not in uri:
            self.refuse("xml-limit", "relative namespace URI")

    def text_until(self, here: int) -> None:
        """Count what stands between the beginning of the last tag and this place."""
        length = here - self.tag_began
        self.texts += length
        self.tag_began = here
        if length > self.limits.text:
            self.refuse("xml-limit", f"a text or tag longer than {self.limits.text} octets")
        if self.texts > self.limits.texts:
            self.refuse("xml-limit", f"more than {self.limits.texts} octets beside the attachments")

    def whole(self, octets: int) -> None:
        """The document is no longer than this: where no text of it can be too long, none is measured."""
        if octets <= min(self.limits.text, self.limits.texts):
            self.parser.StartElementHandler = self.start
            self.parser.EndElementHandler = self.end

    def start_after_text(self, name: str, attributes: dict[str, str]) -> None:
        self.text_until(self.parser.CurrentByteIndex)
        self.opened = name
        self.start(name, attributes)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        limits = self.limits
        self.depth += 1
        self.elements += 1
        if self.depth > limits.depth:
            self.refuse("xml-limit", f"deeper than {limits.depth}")
        if self.elements > limits.elements:
            self.refuse("xml-limit", f"more than {limits.elements} elements")
        if len(name) > limits.name_length:
            self.refuse("xml-limit", f"a name longer than {limits.name_length}")
        if attributes:
            if len(attributes) > limits.attributes_per_element:
                self.refuse("xml-limit", f"more than {limits.attributes_per_element} attributes on one element")
            self.attributes_seen += len(attributes)
            if self.attributes_seen > limits.attributes:
                self.refuse("xml-limit", f"more than {limits.attributes} attributes")
            self.attributes(attributes)

    def attributes(self, attributes: dict[str, str]) -> None:
        for name in attributes:
            if len(name) > self.limits.name_length:
                self.refuse("xml-limit", f"a name longer than {self.limits.name_length}")
            namespace, _, _local = name.rpartition(" ")
            if namespace in (
                "http://www.w3.org/XML/1998/namespace",
                "http://www.w3.org/2001/XMLSchema-instance",
            ):
                self.refuse("xml-reserved-attribute", name.replace(" ", "#"))

    def end(self, _name: str) -> None:
        self.depth -= 1

    def end_after_text(self, name: str) -> None:
        self.depth -= 1
        if name == self.opened == _BASE64:
            self.tag_began = self.parser.CurrentByteIndex
        else:
            self.text_until(self.parser.CurrentByteIndex)
        self.opened = ""

    def feed(self, piece: bytes, *, final: bool) -> None:
        try:
            self.parser.Parse(piece, final)
        except expat.ExpatError as error:
            raise Refused("xml-malformed", expat.ErrorString(error.code), f"line {error.lineno}") from error


class _Octets:
    """What is refused by its octets alone, piece by piece: what is not UTF-8, and marks that stand for nothing else.

    The marks (XML 1.0 §2.4) are of what no signature sees. They are found before expat sees them, which keeps a comment
    whole before it tells, and goes on to the end, entities expanded, when told off.
    """

    def __init__(self) -> None:
        self.decoder = _Decoder()
        self.fed = 0
        self.lines = 1
        self.before = b""  # a mark may begin at the end of the piece before
        self.declared = False

    def check(self, piece: bytes, *, final: bool) -> None:
        if b"\0" in piece:
            raise Refused("xml-encoding", "NUL octet")
        waiting = len(self.decoder.getstate()[0]) if self.fed else 0
        try:
            if final and not self.fed:
                piece.decode("utf-8")
            else:
                self.decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            raise Refused("xml-encoding", f"octet {self.fed - waiting + error.start} is not UTF-8") from error
        whole = self.before + piece if self.before else piece
        self._refuse_marked(whole)
        if not final:
            kept = max(0, len(whole) - _LONGEST_MARK + 1)
            self.lines += whole.count(_NEW_LINE, 0, kept)
            self.before = whole[kept:]
        self.fed += len(piece)

    def _refuse_marked(self, octets: bytes) -> None:
        # a look for one octet tells enough of base64, which most of a long document is
        if b"<" not in octets and (self.declared or b"?" not in octets):
            return
        found = [(octets.find(mark), code) for mark, code in _MARKS] if b"<!" in octets else []
        # after the declaration, which looks like an instruction; expat sees whether the first one is it
        first = 0 if self.declared else octets.find(b"?>") + 1 or len(octets)
        self.declared = self.declared or first < len(octets)
        found.append((octets.find(b"<?", first), "xml-processing-instruction"))
        place, code = min((one for one in found if one[0] >= 0), default=(-1, ""))
        if code:
            raise Refused(code, "", f"line {self.lines + octets.count(_NEW_LINE, 0, place)}")


def scan(body: bytes | BinaryIO, limits: Limits) -> None:
    """Steps 1 and 2; a file is read in pieces."""
    scan_by(Scan(limits), body)


def scan_by(scanner: Scan, body: bytes | BinaryIO) -> None:
    """The same with a scanner that looks for more.

    Expat begins an unfinished token again with every piece that it is given (2.5): pieces are large, and a tag that
    does not end within one is refused.
    """
    octets = _Octets()
    if isinstance(body, bytes):
        octets.check(body, final=True)
        scanner.whole(len(body))
        scanner.feed(body, final=True)
    else:
        while piece := body.read(PIECE):
            octets.check(piece, final=False)
            scanner.feed(piece, final=False)
            if octets.fed - max(0, scanner.parser.CurrentByteIndex) > 2 * PIECE:
                scanner.refuse("xml-limit", f"a tag longer than {PIECE} octets")
        octets.check(b"", final=True)
        scanner.feed(b"", final=True)
    scanner.text_until(octets.fed)


def parse(body: bytes | BinaryIO, limits: Limits = Limits()) -> Any:
    """All three steps; the root element of the one tree that may be looked at. A file is read twice, in pieces."""
    scan(body, limits)
    if isinstance(body, bytes):
        return tree(body)
    body.seek(0)
    return tree(iter(lambda: body.read(PIECE), b""))


def tree(octets: bytes | Iterable[bytes]) -> Any:
    """Step 3 for octets, or pieces of them, that passed steps 1 and 2: the root element."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_blank_text=False, recover=False
    )
    try:
        if isinstance(octets, bytes):
            return etree.fromstring(octets, parser)
        for piece in octets:
            parser.feed(piece)
        return parser.close()
    except etree.XMLSyntaxError as error:
        raise Refused("xml-malformed", error.msg or "", f"line {error.lineno}") from error

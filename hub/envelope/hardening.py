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

import xml.parsers.expat as expat
from dataclasses import dataclass
from typing import Any

from lxml import etree

from hub.envelope.names import EDXML
from hub.problems import Refused

XINCLUDE = "http://www.w3.org/2001/XInclude"
_NEW_LINE = b"\n"
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


class _Scan:
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
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end

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

    def start(self, name: str, attributes: dict[str, str]) -> None:
        limits = self.limits
        self.text_until(self.parser.CurrentByteIndex)
        self.opened = name
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

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == self.opened == _BASE64:
            self.tag_began = self.parser.CurrentByteIndex
        else:
            self.text_until(self.parser.CurrentByteIndex)
        self.opened = ""


def scan(body: bytes, limits: Limits) -> None:
    """Steps 1 and 2 over the whole document at once (expat 2.5 is quadratic on long tokens fed in pieces)."""
    if b"\0" in body:
        raise Refused("xml-encoding", "NUL octet")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("xml-encoding", f"octet {error.start} is not UTF-8") from error
    # before expat sees it: a refusal inside a parse lets the parse run on to its end, entities expanded
    before, doctype, _ = body.partition(b"<!DOCTYPE")
    if doctype:
        raise Refused("xml-dtd", "", f"line {before.count(_NEW_LINE) + 1}")
    scanner = _Scan(limits)
    try:
        scanner.parser.Parse(body, True)
        scanner.text_until(len(body))
    except expat.ExpatError as error:
        raise Refused("xml-malformed", expat.ErrorString(error.code), f"line {error.lineno}") from error


def parse(body: bytes, limits: Limits = Limits()) -> Any:
    """All three steps; the root element of the one tree that may be looked at."""
    scan(body, limits)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_blank_text=False, recover=False
    )
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("xml-malformed", error.msg or "", f"line {error.lineno}") from error

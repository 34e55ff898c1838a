"""``multipart/related`` (RFC 2387, RFC 2046): a document and its attachments beside it, read and written in pieces.

The root part is the edXML document, every other part one attachment, found by its ``Content-ID``. Where two readers of
the same octets might see different parts, the reading is strict: no preamble or epilogue, no nested multipart, no
transfer encoding but the plain ones, every identifier once, every line ended by CRLF.
Raises ``Refused``: ``multipart-*``, ``attachment-repeated``, ``attachment-limit``, ``attachment-too-large``,
``request-too-large``, ``xml-encoding``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from hub.problems import Refused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MEDIA_TYPE = "multipart/related"
XML_TYPES = ("application/xml", "text/xml")
PIECE = 512 * 1024

_HEADERS, _HEADER_OCTETS = 16, 4096
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # a token of RFC 9110 §5.6.2
# beyond tokens what senders leave without quotation marks: ``type=application/xml``, ``boundary=----=_Part_1``
_BARE = r"[!#$%&'()*+./:<=>?@^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'
# a semicolon with nothing behind it is allowed (RFC 9110 §5.6.6)
_PARAMETER = re.compile(rf";[ \t]*(?:({_NAME})=({_BARE}|{_QUOTED})[ \t]*)?")
_TYPE = re.compile(rf"({_NAME}/{_NAME})[ \t]*(.*)", re.DOTALL)
_SIMPLE = re.compile(rf"{_NAME}/{_NAME}(?:; charset=utf-8)?")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 §5.1.1
# dot-atoms of RFC 5322 §3.2.3 with one @ at most, without those signs that mean something in a path or an address
_WORD = r"[0-9A-Za-z!#$&'*+=^_`{|}~-]+"
_CONTENT_ID = re.compile(rf"(?=.{{1,250}}$){_WORD}(?:\.{_WORD})*(?:@{_WORD}(?:\.{_WORD})*)?", re.ASCII)
_PLAIN = ("binary", "8bit", "7bit")


@dataclass(frozen=True, slots=True)
class Bound:
    """What binds a file beside the envelope to the manifest: hexadecimal SHA-256, octets."""

    sha256: str
    size: int

    @classmethod
    def of(cls, file: BinaryIO) -> Bound:
        """Reads the file to its end, in pieces."""
        digest, size = hashlib.sha256(), 0
        while chunk := file.read(PIECE):
            digest.update(chunk)
            size += len(chunk)
        return cls(digest.hexdigest(), size)


def content_id(text: str) -> str:
    """An identifier without ``cid:`` and angle brackets; empty when it is not one that may travel in a header."""
    bare = text[1:-1] if text.startswith("<") and text.endswith(">") else text
    bare = bare.removeprefix("cid:")
    return bare if _CONTENT_ID.fullmatch(bare) else ""


def media_type(text: str) -> tuple[str, dict[str, str]]:
    """A ``Content-Type``'s lower-case type and its parameters by lower-case name."""
    match = _TYPE.fullmatch(text.strip())
    if match is None:
        raise Refused("multipart-malformed", f"{text[:80]!r} is not a media type", "Content-Type")
    parameters: dict[str, str] = {}
    rest = match.group(2)
    place = 0
    while place < len(rest):
        found = _PARAMETER.match(rest, place)
        name, value = (found.group(1) or "", found.group(2)) if found else ("", None)
        if found is None or name.lower() in parameters:
            raise Refused("multipart-malformed", f"parameters {rest[:80]!r}", "Content-Type")
        if value is not None:
            quoted = value.startswith('"')
            parameters[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
        place = found.end()
    return match.group(1).lower(), parameters


def simple_type(text: str) -> str:
    """A type that may stand in a header and holds no other parts; octets where somebody wrote something else."""
    holds = text.lower().startswith(("multipart/", "message/"))
    return text if _SIMPLE.fullmatch(text) and not holds else "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Form:
    """What the ``Content-Type`` says. ``start`` is the root's identifier, empty when the first part is the root."""

    boundary: str
    start: str = ""

    @classmethod
    def of(cls, text: str) -> Form:
        name, parameters = media_type(text)
        if name != MEDIA_TYPE:
            raise Refused("multipart-malformed", name, "Content-Type")
        boundary, start = parameters.get("boundary", ""), parameters.get("start", "")
        if not _BOUNDARY.fullmatch(boundary):
            raise Refused("multipart-malformed", "no boundary of 1 to 70 permitted characters", "Content-Type")
        if parameters.get("type", "").lower() not in XML_TYPES:
            raise Refused("multipart-root", 'the parameter type is not "application/xml"', "Content-Type")
        if start and not content_id(start):
            raise Refused("multipart-root", f"start={start[:80]}", "Content-Type")
        return cls(boundary, content_id(start))


@dataclass(frozen=True, slots=True)
class PartLimits:
    """Octets of the root and of one attachment; number of attachments."""

    root: int
    attachment: int
    attachments: int


@dataclass(frozen=True, slots=True)
class PartHead:
    """A part's identity. ``content_id`` is bare; the root may have none."""

    number: int
    content_id: str
    content_type: str
    is_root: bool


class Sink(Protocol):
    """Where a part's octets go."""

    def write(self, chunk: memoryview, /) -> object: ...


@dataclass(slots=True)
class _Part:
    head: PartHead
    sink: Sink
    limit: int
    declared: int | None
    size: int = 0


@dataclass
class RelatedReader:
    """Parses a body fed in pieces; ``begin`` is told every part's head and answers where its octets go."""

    form: Form
    limits: PartLimits
    begin: Callable[[PartHead], Sink]

    def __post_init__(self) -> None:
        self._part: _Part | None = None
        self._names: set[str] = set()
        self._count = 0
        self._rooted = self._ended = False
        self._headers: dict[str, str] = {}
        self._field, self._value = bytearray(), bytearray()
        delimiter = b"--" + self.form.boundary.encode()
        self._delimiter, self._closing = delimiter, b"\r\n" + delimiter + b"--"
        self._opening: bytes | None = b""  # the body's first octets, until it is seen that they are the boundary
        self._seen = b"\r\n"  # the last octets before those that are fed
        self._after = b""  # octets after the final boundary
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(
            self.form.boundary.encode(), callbacks, max_header_count=_HEADERS, max_header_size=_HEADER_OCTETS
        )

    def feed(self, data: bytes) -> None:
        if self._opening is not None:
            self._opening += data
            if len(self._opening) < len(self._delimiter) + 4:
                return
            data, self._opening = self._opening.removeprefix(b"\r\n"), None
            if not data.startswith(self._delimiter):
                raise self._malformed("the body does not begin with its boundary")
        if self._ended:
            self._after += data
        else:
            self._parse(data)
        if self._after not in (b"", b"\r", b"\r\n"):
            raise self._malformed("octets after the final boundary")

    def close(self) -> None:
        """The body is at its end: everything must have been there."""
        if not self._ended:
            raise self._malformed("the final boundary is missing")
        if not self._rooted:
            what = f"no part has the Content-ID {self.form.start}" if self.form.start else "there is no part"
            raise Refused("multipart-root", what, "Content-Type")

    def _parse(self, data: bytes) -> None:
        self._check_delimiters(self._seen + data)
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise self._malformed(str(error)) from error
        if self._ended:
            _, _, self._after = (self._seen + data).partition(self._closing)
        else:
            longest = len(self._closing) - 1
            self._seen = (self._seen + data[-longest:])[-longest:]

    def _check_delimiters(self, octets: bytes) -> None:
        """No line may begin like a boundary and go on otherwise (RFC 2046 §5.1.1), with white space neither.

        The parser takes such lines for content or walks through them octet by octet. A delimiter whose next two octets
        are not there yet is seen again, with them, before the octets fed next.
        """
        begins = self._closing[:-2]
        whole = octets.count(begins + b"\r\n") + octets.count(self._closing)
        if octets.count(begins, 0, len(octets) - 2) != whole:
            raise self._malformed("a line that begins like the boundary and goes on otherwise")

    def _malformed(self, detail: str) -> Refused:
        return Refused("multipart-malformed", detail, f"part {self._count}" if self._count else "")

    def _on_part(self) -> None:
        self._count += 1
        self._headers = {}
        # the root is none of the attachments
        if self._count > self.limits.attachments + 1:
            raise Refused("attachment-limit", f"more than {self.limits.attachments}", f"part {self._count}")

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        name, value = self._field.decode("latin-1").lower(), self._value.decode("latin-1").strip(" \t")
        self._field.clear()
        self._value.clear()
        if name in self._headers:
            raise self._malformed(f"{name} stands twice")
        if any((sign < " " and sign != "\t") or sign == "\x7f" for sign in value):
            raise self._malformed(f"a control character in {name}")
        self._headers[name] = value

    def _on_headers(self) -> None:
        name, parameters = media_type(self._headers.get("content-type", "application/octet-stream"))
        if name.startswith(("multipart/", "message/")):
            raise self._malformed(f"a part is {name}")
        encoding = self._headers.get("content-transfer-encoding", "binary").lower()
        if encoding not in _PLAIN:
            raise self._malformed(f"Content-Transfer-Encoding {encoding}: one of {', '.join(_PLAIN)}")
        head = self._head(name)
        if head.is_root:
            self._rooted = True
            _check_root(head, parameters)
        limit = self.limits.root if head.is_root else self.limits.attachment
        length = self._headers.get("content-length", "")
        declared = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
        self._part = _Part(head, self.begin(head), limit, declared)

    def _head(self, name: str) -> PartHead:
        given = self._headers.get("content-id", "")
        identifier = content_id(given)
        if given and not identifier:
            raise self._malformed(f"Content-ID {given[:80]!r}")
        if identifier and identifier in self._names:
            raise Refused("attachment-repeated", identifier, f"part {self._count}")
        self._names.add(identifier)
        is_root = identifier == self.form.start if self.form.start else self._count == 1
        if not is_root and not identifier:
            raise self._malformed("a part without Content-ID")
        return PartHead(self._count, identifier, name, is_root)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        assert part is not None, "the parser tells a part's headers first"
        part.size += end - start
        if part.size > part.limit:
            code = "request-too-large" if part.head.is_root else "attachment-too-large"
            what = "the root part" if part.head.is_root else part.head.content_id
            raise Refused(code, f"{what}: more than {part.limit} octets", f"part {self._count}")
        part.sink.write(memoryview(data)[start:end])

    def _on_part_end(self) -> None:
        part, self._part = self._part, None
        assert part is not None, "the parser begins a part before it ends it"
        if part.declared is not None and part.declared != part.size:
            raise self._malformed(f"{part.size} octets, Content-Length {part.declared}")

    def _on_end(self) -> None:
        self._ended = True


def _check_root(head: PartHead, parameters: dict[str, str]) -> None:
    place = f"part {head.number}"
    if head.content_type not in XML_TYPES:
        raise Refused("multipart-root", f"the root part is {head.content_type}, not application/xml", place)
    charset = parameters.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise Refused("xml-encoding", f"charset={charset}", place)


@dataclass(frozen=True, slots=True)
class Octets:
    """A known number of octets, which ``open`` gives from the start."""

    size: int
    open: Callable[[], BinaryIO]

    def pieces(self) -> Iterator[bytes]:
        """Of at most ``PIECE`` octets. Raises ``OSError`` for octets that are not all there."""
        left = self.size
        with self.open() as file:
            while left and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
        if left:
            raise OSError(f"{left} octets are missing")


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """One attachment to be written. ``sha256`` (hexadecimal) is told in the part's head when it is known."""

    content_id: str
    octets: Octets
    content_type: str = ""
    sha256: str = ""


class Related:
    """A whole body, made while it is read: the root first, then the attachments in their order.

    The boundary is the root's own digest. The root names the attachments' digests, so neither it nor any of them can
    contain it, and the same document always makes the same body.
    """

    def __init__(self, sha256: str, root: Octets, parts: tuple[OutgoingPart, ...]) -> None:
        self.media_type = f'{MEDIA_TYPE}; type="{XML_TYPES[0]}"; boundary="{sha256}"'
        self._frames = [
            (_part_head(sha256, "", f"{XML_TYPES[0]}; charset=utf-8", ""), root),
            *((_part_head(sha256, one.content_id, one.content_type, one.sha256), one.octets) for one in parts),
        ]
        self._end = f"\r\n--{sha256}--\r\n".encode()

    @property
    def length(self) -> int:
        return sum(len(head) + octets.size for head, octets in self._frames) - 2 + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of at most ``PIECE`` octets. Raises ``OSError`` for octets that are not all there."""
        skip = 2  # no line ends before the first boundary
        for head, octets in self._frames:
            yield head[skip:]
            skip = 0
            yield from octets.pieces()
        yield self._end


def _part_head(boundary: str, identifier: str, content_type: str, sha256: str) -> bytes:
    if identifier and not content_id(identifier):
        raise Refused("multipart-malformed", f"Content-ID {identifier[:80]!r}")
    lines = [f"\r\n--{boundary}", f"Content-Type: {simple_type(content_type)}"]
    if identifier:
        lines.append(f"Content-ID: <{identifier}>")
        lines.append("Content-Transfer-Encoding: binary")
    if sha256:
        lines.append(f"Repr-Digest: sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:")  # RFC 9530 §3
    return ("\r\n".join(lines) + "\r\n\r\n").encode()

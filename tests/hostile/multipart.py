"""Attacks on the form of ``multipart/related``: each with its code, and with what its honest twin changes nothing of.

An attack changes one thing of an honest body; whatever is signed is rightly signed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hub.envelope.related import Bound
from hub.envelope.writing import OutgoingAttachment, document_message
from tests.hostile.forgery import RECIPIENT, SENDER, Workshop, seal, within
from tests.intake.register import letter

BOUNDARY = "=_ranh-gioi"
ONE, TWO = b"Mot trang.\r\n" * 40, b"--" + BOUNDARY[:-1].encode() + b"\r\n" + bytes(range(32, 127)) * 3
# as the stage that these bodies are posted to is set up
LARGEST_ATTACHMENT, LARGEST_ROOT, LARGEST_REQUEST = 64 * 1024, 256 * 1024, 2 * 1024 * 1024

Head = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """A part's header lines as they are written, and its octets."""

    content: bytes
    head: Head

    def written(self) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.head)
        return lines.encode("utf-8") + b"\r\n" + self.content

    def but(self, content: bytes | None = None, **head: str | None) -> Part:
        """The part with other octets or header lines (``Content_ID=``); None takes a line away."""
        lines = dict(self.head)
        for name, value in head.items():
            lines.pop(name.replace("_", "-"), None)
            if value is not None:
                lines[name.replace("_", "-")] = value
        return Part(self.content if content is None else content, tuple(lines.items()))


@dataclass(frozen=True)
class Crate:
    """A body in its parts, the root first; ``written`` puts it together."""

    parts: tuple[Part, ...]
    content_type: str = f'multipart/related; type="application/xml"; boundary="{BOUNDARY}"'
    change: Callable[[bytes], bytes] = field(default=lambda body: body)

    def written(self) -> bytes:
        line = b"--" + BOUNDARY.encode()
        body = b"".join(line + b"\r\n" + part.written() + b"\r\n" for part in self.parts)
        return self.change(body + line + b"--\r\n")

    def with_part(self, number: int, content: bytes | None = None, **head: str | None) -> Crate:
        changed = self.parts[number].but(content, **head)
        return replace(self, parts=(*self.parts[:number], changed, *self.parts[number + 1 :]))


def root(octets: bytes) -> Part:
    return Part(octets, (("Content-Type", "application/xml; charset=utf-8"),))


def part(content_id: str, content: bytes) -> Part:
    head = (("Content-Type", "text/plain"), ("Content-ID", f"<{content_id}>"), ("Content-Transfer-Encoding", "binary"))
    return Part(content, head)


def bound(content_id: str, content: bytes) -> OutgoingAttachment:
    known = Bound(hashlib.sha256(content).hexdigest(), len(content))
    return OutgoingAttachment(f"{content_id}.txt", media_type="text/plain", content_id=content_id, part=known)


def document(**changes: Any) -> bytes:
    """An unsigned letter whose manifest binds the parts ``a1`` and ``a2``."""
    return document_message(
        letter(SENDER, RECIPIENT, **{"attachments": (bound("a1", ONE), bound("a2", TWO)), **changes})
    )


def crate(workshop: Workshop, message: bytes | None = None) -> Crate:
    signed = seal(document() if message is None else message, workshop.sender)
    return Crate((root(signed), part("a1", ONE), part("a2", TWO)))


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    forge: Callable[[Workshop], Crate]


def typed(old: str, new: str) -> Callable[[Workshop], Crate]:
    """The honest body under another ``Content-Type``."""

    def forge(workshop: Workshop) -> Crate:
        honest = crate(workshop)
        assert old in honest.content_type
        return replace(honest, content_type=honest.content_type.replace(old, new))

    return forge


def changed(change: Callable[[bytes], bytes]) -> Callable[[Workshop], Crate]:
    return lambda workshop: replace(crate(workshop), change=change)


def first(content: bytes | None = None, **head: str | None) -> Callable[[Workshop], Crate]:
    """The honest body with one thing of its first attachment changed."""
    return lambda workshop: crate(workshop).with_part(1, content, **head)


def of_root(**head: str | None) -> Callable[[Workshop], Crate]:
    return lambda workshop: crate(workshop).with_part(0, **head)


def unsaid(*elements: str) -> Callable[[Workshop], Crate]:
    """Signed without these elements of the first manifest entry."""

    def forge(workshop: Workshop) -> Crate:
        message = document()
        for name in elements:
            begin = message.index(f"<lt:{name}".encode())
            end = message.index(f"</lt:{name}>".encode()) + len(f"</lt:{name}>")
            message = message[:begin] + message[end:]
        return crate(workshop, message)

    return forge


def said(old: str, new: str) -> Callable[[Workshop], Crate]:
    """Signed with another text in the manifest."""
    return lambda workshop: crate(workshop, within(document(), old, new))


def starting(start: str) -> Callable[[Workshop], Crate]:
    """A body that names its root, which bears a name, otherwise."""

    def forge(workshop: Workshop) -> Crate:
        honest = crate(workshop).with_part(0, Content_ID="<goc>")
        return replace(honest, content_type=f'{honest.content_type}; start="{start}"')

    return forge


def swapped(workshop: Workshop) -> Crate:
    head, one, two = crate(workshop).parts
    return Crate((head, one.but(two.content), two.but(one.content)))


def attachments_first(workshop: Workshop) -> Crate:
    head, *rest = crate(workshop).parts
    return Crate((*rest, head))


def two_roots(workshop: Workshop) -> Crate:
    honest = crate(workshop).with_part(0, Content_ID="<goc>")
    parts = (honest.parts[0], *honest.parts)
    return Crate(parts, honest.content_type + '; start="<goc>"')


def more(*parts: Part) -> Callable[[Workshop], Crate]:
    def forge(workshop: Workshop) -> Crate:
        honest = crate(workshop)
        return replace(honest, parts=(*honest.parts, *parts))

    return forge


def inside_and_beside(workshop: Workshop) -> Crate:
    inside = OutgoingAttachment("a1.txt", ONE, "text/plain", content_id="a1")
    message = document(attachments=(inside, bound("a2", TWO)))
    return crate(workshop, message)


def changed_after_signing(workshop: Workshop) -> Crate:
    """The manifest is made to fit other octets: the one signature covers it."""
    honest = crate(workshop)
    other = document(attachments=(bound("a1", TWO), bound("a2", ONE)))
    binding = [message[message.index(b"<lt:Digest") : message.index(b"</lt:Size>")] for message in (document(), other)]
    assert binding[0] in honest.parts[0].content
    forged = honest.parts[0].content.replace(*binding, 1)
    return Crate((root(forged), part("a1", TWO), part("a2", ONE)))


def bare_line_feed(workshop: Workshop) -> Crate:
    return replace(crate(workshop), change=lambda body: body.replace(b"\r\n", b"\n"))


LINE = b"--" + BOUNDARY.encode()
_BASE64 = base64.b64encode(hashlib.sha256(ONE).digest()).decode()
_MALFORMED: list[tuple[str, Callable[[Workshop], Crate]]] = [
    ("no boundary", typed(f'; boundary="{BOUNDARY}"', "")),
    ("an empty boundary", typed(BOUNDARY, "")),
    ("a boundary of 71 characters", typed(BOUNDARY, "b" * 71)),
    ("a boundary with a forbidden character", typed(BOUNDARY, "a*b")),
    ("two boundaries", typed("boundary=", 'boundary="x"; boundary=')),
    ("parameters that are none", typed("boundary=", "boundary ==")),
    ("a boundary that never appears", typed(BOUNDARY, "khac")),
    ("white space after a boundary", changed(lambda body: body.replace(LINE, LINE + b" " * 200_000, 1))),
    ("white space after another boundary", changed(lambda body: body[:99] + body[99:].replace(LINE, LINE + b"\t", 1))),
    ("content that begins like the boundary", first(LINE + b"x")),
    ("a line of content that begins like the boundary", first(ONE + LINE + b"-")),
    ("an empty body", changed(lambda body: b"")),
    ("a preamble", changed(lambda body: b"Kinh gui\r\n" + body)),
    ("a preamble of line ends", changed(lambda body: b"\r\n\r\n" + body)),
    ("an epilogue", changed(lambda body: body + b"con nua")),
    ("a second body as epilogue", changed(lambda body: body + body)),
    ("no final boundary", changed(lambda body: body[: -len(LINE) - 6])),
    ("half a final boundary", changed(lambda body: body[:-3])),
    ("line feeds alone", bare_line_feed),
    ("a line feed alone in a header", first(Content_Type="text/plain\nX-Hidden: 1")),
    ("a header line that is continued", first(Content_Type="text/plain;\r\n charset=utf-8")),
    ("a header line without a colon", first(**{"Content_Type: text/plain\r\nxx": "\r\nyy"})),
    ("a header of a megabyte", first(X_Long="x" * 300_000)),
    ("a hundred headers", first(**{f"X_{number}": "1" for number in range(100)})),
    ("a header that stands twice", first(**{"Content_type": "text/plain"})),
    ("a control character in a header", first(Content_Type="text/plain\x01")),
    ("an attachment without Content-ID", first(Content_ID=None)),
    ("nested multipart", first(Content_Type='multipart/mixed; boundary="b"')),
    ("a message as a part", first(Content_Type="message/rfc822")),
    ("base64 as transfer encoding", first(Content_Transfer_Encoding="base64")),
    ("quoted-printable as transfer encoding", first(Content_Transfer_Encoding="Quoted-Printable")),
    ("a part longer than its Content-Length", first(Content_Length=str(len(ONE) - 1))),
    ("a part shorter than its Content-Length", first(Content_Length=str(len(ONE) + 1))),
    *(
        (f"the Content-ID {given!r}", first(Content_ID=given))
        for given in (
            "<../../etc/passwd>",
            "<a1",
            "a1>",
            '<"a1">',
            "<a1 a2>",
            "<>",
            "<cid:>",
            "<a1\\..>",
            "<tệp>",
            "<a%2f>",
        )
    ),
]

ATTACKS: list[Attack] = [
    *(Attack(name, "multipart-malformed", forge) for name, forge in _MALFORMED),
    Attack("another type of the whole", "multipart-root", typed("application/xml", "text/html")),
    Attack("no type of the whole", "multipart-root", typed('type="application/xml"; ', "")),
    Attack("a start that is no identifier", "multipart-root", typed("boundary=", 'start="<a b>"; boundary=')),
    Attack("a start that names no part", "multipart-root", starting("<khac>")),
    Attack("a start that names an attachment", "multipart-root", starting("<a1>")),
    Attack("the root not first and not named", "multipart-root", attachments_first),
    Attack("a root of another type", "multipart-root", of_root(Content_Type="text/html")),
    Attack("a root without a type", "multipart-root", of_root(Content_Type=None)),
    Attack("nothing but a final boundary", "multipart-root", changed(lambda body: LINE + b"--\r\n")),
    Attack("a root in UTF-16 by its head", "xml-encoding", of_root(Content_Type="application/xml; charset=utf-16")),
    Attack("a root in UTF-7 by its head", "xml-encoding", of_root(Content_Type='text/xml; charset="UTF-7"')),
    Attack("form data", "media-type-unsupported", typed("multipart/related", "multipart/form-data")),
    Attack("two parts of one name", "attachment-repeated", more(part("a1", ONE))),
    Attack("two spellings of one name", "attachment-repeated", more(part("a1", ONE).but(Content_ID="cid:a1"))),
    Attack("two roots of one name", "attachment-repeated", two_roots),
    Attack("one attachment inside and beside", "attachment-repeated", inside_and_beside),
    Attack("a part that is not listed", "attachment-unlisted", more(part("a3", ONE))),
    Attack("a listed part that is absent", "attachment-missing", lambda it: Crate(crate(it).parts[:2])),
    Attack("a name in other letters", "attachment-missing", first(Content_ID="<A1>")),
    Attack("ten thousand parts", "attachment-limit", more(*(part(f"p{number}", b"") for number in range(10_000)))),
    Attack("other octets of the same length", "attachment-digest", first(ONE[:-1] + b"!")),
    Attack("octets after the end", "attachment-digest", first(ONE + b"\r\n")),
    Attack("octets before the end", "attachment-digest", first(ONE[:-1])),
    Attack("contents that changed places", "attachment-digest", swapped),
    Attack("a size that is no number", "attachment-digest", said(f">{len(ONE)}<", f">+{len(ONE)}<")),
    Attack("a size in Arabic digits", "attachment-digest", said(f">{len(ONE)}<", ">٤٨٠<")),
    Attack("a digest in hexadecimal", "attachment-digest", said(_BASE64, hashlib.sha256(ONE).hexdigest())),
    Attack("no digest", "attachment-digest-missing", unsaid("Digest")),
    Attack("no size", "attachment-digest-missing", unsaid("Size")),
    Attack("neither digest nor size", "attachment-digest-missing", unsaid("Digest", "Size")),
    Attack(
        "two digests",
        "edxml-structure",
        said("<lt:Size", '<lt:Digest xmlns:lt="urn:lienthong:edxml:1">x</lt:Digest><lt:Size'),
    ),
    Attack("a manifest made to fit after signing", "signature-digest", changed_after_signing),
    Attack("an empty attachment", "attachment-empty", first(b"")),
    Attack("an attachment beyond the limit", "attachment-too-large", first(b"x" * (LARGEST_ATTACHMENT + 1))),
    Attack(
        "a root beyond the limit", "request-too-large", lambda it: crate(it).with_part(0, b"<" * (LARGEST_ROOT + 1))
    ),
]


def in_small_chunks(body: bytes) -> Iterator[bytes]:
    """Every chunk ends somewhere inside a delimiter, a header or a part."""
    for start in range(0, len(body), 7):
        yield body[start : start + 7]

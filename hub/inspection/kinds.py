"""Kinds of files that are accepted, as a table, and recognising them by their octets.

A kind not in the table is not refused by itself (a rule says); a file that is another kind than its name says is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hub.inspection.names import extension, words

HEAD_OCTETS = 4096
PDF_HEADER_WITHIN = 1024  # ISO 32000-1 Annex H.3, note 13: readers accept what stands before
_CFB_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. ``magic``: any of (offset, octets). ``holds``: other kinds that open under its extensions as well."""

    name: str
    extensions: frozenset[str]
    media_types: frozenset[str] = frozenset()
    magic: tuple[tuple[int, bytes], ...] = ()
    holds: frozenset[str] = frozenset()
    accepted: bool = True


def _kind(
    name: str, extensions: str, media_types: str = "", *magic: tuple[int, bytes], holds: str = "", accepted: bool = True
) -> Kind:
    return Kind(
        name,
        words(extensions),
        words(media_types),
        magic,
        words(holds),
        accepted,
    )


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_ZIP = "application/zip application/x-zip application/x-zip-compressed application/x-compressed multipart/x-zip"
_TEXTS = "txt csv xml json eml html"
# told by their first letters only: an extension that nobody knows may make anything of them
TEXTS = words(_TEXTS)

# text kinds hold each other: nothing but the first letters tells them apart, and none of them can pass for another
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("pdf", "pdf", "application/pdf application/x-pdf text/pdf"),  # magic: see recognise
        _kind(
            "docx",
            "docx docm dotx dotm",
            f"{_OOXML}wordprocessingml.document application/msword {_OOXML}wordprocessingml.template",
            holds="locked-office",
        ),
        _kind(
            "xlsx",
            "xlsx xlsm xlsb xltx xltm",
            f"{_OOXML}spreadsheetml.sheet application/vnd.ms-excel {_OOXML}spreadsheetml.template",
            holds="locked-office",
        ),
        _kind(
            "pptx",
            "pptx pptm ppsx potx",
            f"{_OOXML}presentationml.presentation application/vnd.ms-powerpoint {_OOXML}presentationml.slideshow",
            holds="locked-office",
        ),
        # office programs open the newer format and RTF under the older extension without a word
        _kind("doc", "doc dot", "application/msword", holds="docx rtf locked-office"),
        _kind("xls", "xls xlt", "application/vnd.ms-excel application/msexcel", holds="xlsx locked-office"),
        _kind("ppt", "ppt pps pot", "application/vnd.ms-powerpoint", holds="pptx locked-office"),
        _kind("locked-office", "", f"{_OOXML}wordprocessingml.document {_OOXML}spreadsheetml.sheet"),
        _kind("odt", "odt ott", f"{_ODF}text"),
        _kind("ods", "ods ots", f"{_ODF}spreadsheet"),
        _kind("odp", "odp otp", f"{_ODF}presentation"),
        _kind("rtf", "rtf", "application/rtf text/rtf application/msword", (0, b"{\\rtf")),
        _kind("txt", "txt log md", "text/plain", holds=_TEXTS),
        _kind("csv", "csv tsv", "text/csv text/plain application/csv application/vnd.ms-excel", holds=_TEXTS),
        _kind("xml", "xml edxml xsd xsl", "application/xml text/xml text/plain", holds=_TEXTS),
        _kind("json", "json", "application/json text/json text/plain", holds=_TEXTS),
        _kind("eml", "eml", "message/rfc822 text/plain", holds=_TEXTS),
        _kind("html", "html htm xhtml svg", "text/html text/plain image/svg+xml", holds=_TEXTS, accepted=False),
        _kind("msg", "msg", "application/vnd.ms-outlook"),
        _kind("jpg", "jpg jpeg jpe jfif", "image/jpeg image/jpg image/pjpeg", (0, b"\xff\xd8\xff")),
        _kind("png", "png", "image/png image/x-png", (0, b"\x89PNG\r\n\x1a\n")),
        _kind("gif", "gif", "image/gif", (0, b"GIF87a"), (0, b"GIF89a")),
        _kind("tif", "tif tiff", "image/tiff image/tif", (0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        _kind("bmp", "bmp dib", "image/bmp image/x-ms-bmp", *((0, b"BM"),)),  # and a known header length
        _kind("webp", "webp", "image/webp", (8, b"WEBPVP8")),
        _kind("zip", "zip", _ZIP, (0, b"PK\x03\x04"), (0, b"PK\x05\x06"), holds="docx xlsx pptx odt ods odp asice"),
        _kind("asice", "asice asics sce scs", "application/vnd.etsi.asic-e+zip application/vnd.etsi.asic-s+zip"),
        _kind(
            "rar",
            "rar",
            "application/vnd.rar application/x-rar application/x-rar-compressed application/rar",
            (0, b"Rar!\x1a\x07"),
        ),
        _kind("7z", "7z", "application/x-7z-compressed", (0, b"7z\xbc\xaf\x27\x1c")),
        _kind("dwg", "dwg", "image/vnd.dwg application/acad application/x-dwg", (0, b"AC10")),
        _kind(
            "der",
            "p7s p7m p7b p7c cer crt der pem sig tsr tst",
            "application/pkcs7-signature application/x-pkcs7-signature application/pkcs7-mime application/x-pkcs7-mime "
            "application/pkix-cert application/x-x509-ca-cert",
            *((0, bytes((0x30, length))) for length in (0x80, 0x81, 0x82, 0x83, 0x84)),
            holds=_TEXTS,
        ),
        _kind("gz", "gz tgz", "application/gzip application/x-gzip", (0, b"\x1f\x8b\x08"), accepted=False),
        _kind("bz2", "bz2", "application/x-bzip2", (0, b"BZh"), accepted=False),
        _kind("xz", "xz", "application/x-xz", (0, b"\xfd7zXZ\0"), accepted=False),
        _kind("tar", "tar", "application/x-tar", (257, b"ustar"), accepted=False),
        _kind("cab", "cab", "application/vnd.ms-cab-compressed", (0, b"MSCF\0\0\0\0"), accepted=False),
        _kind("mp4", "mp4 mov m4v m4a heic", "video/mp4 video/quicktime audio/mp4", (4, b"ftyp"), accepted=False),
        _kind("cfb", "", "", accepted=False),
    )
}
# programs, whatever the name says
_PROGRAMS: tuple[tuple[str, tuple[int, bytes]], ...] = (
    ("an ELF program", (0, b"\x7fELF")),
    ("a Java class or Mach-O program", (0, b"\xca\xfe\xba\xbe")),
    ("a Mach-O program", (0, b"\xfe\xed\xfa\xce")),
    ("a Mach-O program", (0, b"\xfe\xed\xfa\xcf")),
    ("a Mach-O program", (0, b"\xce\xfa\xed\xfe")),
    ("a Mach-O program", (0, b"\xcf\xfa\xed\xfe")),
    ("a Windows shortcut", (0, b"L\0\0\0\x01\x14\x02\0")),
    ("an Android program", (0, b"dex\n03")),
    ("compiled HTML help", (0, b"ITSF\x03\0\0\0")),
)
_BY_EXTENSION = {ending: kind for kind in KINDS.values() for ending in kind.extensions}
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
GENERIC_TYPES = words(
    "application/octet-stream binary/octet-stream application/x-download application/force-download "
    "application/download application/unknown unknown/unknown */* file"
)
_KNOWN_TYPES = frozenset(name for kind in KINDS.values() for name in kind.media_types)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MAIL = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]{1,40}:[^\n]{0,990}\n(?:[ \t][^\n]{0,990}\n)*){3}")
_MAIL_FIELD = re.compile(rb"^(?:from|received|mime-version|return-path|message-id):", re.IGNORECASE | re.MULTILINE)


def program(head: bytes) -> str:
    """What program starts with these octets; empty when none is known to."""
    for what, (offset, octets) in _PROGRAMS:
        if head.startswith(octets, offset):
            return what
    if head[:2] == b"MZ" and (b"\0" in head[:64] or b"This program" in head[:512]):
        return "a Windows or DOS program"
    if re.match(rb"(?:\xef\xbb\xbf)?#![ \t]*/", head):
        return "a script for a command interpreter"
    return ""


def recognise(head: bytes) -> str:
    """The kind whose octets these are, containers by their outside (``zip``, ``cfb``); empty when none is known."""
    if head.startswith(_CFB_MAGIC):
        return "cfb"
    for kind in KINDS.values():
        if any(head.startswith(octets, offset) for offset, octets in kind.magic) and _certain(kind, head):
            return kind.name
    if b"%PDF-" in head[: PDF_HEADER_WITHIN + 5]:
        return "pdf"
    return _text(head)


def _certain(kind: Kind, head: bytes) -> bool:
    """Two octets alone are not enough."""
    if kind.name == "bmp":
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    if kind.name == "webp":
        return head.startswith(b"RIFF")
    return True


def _text(head: bytes) -> str:
    if not head or head.startswith(_BOMS[1:]):
        return "txt" if head else ""
    if not _CONTROLS.isdisjoint(head):
        return ""
    start = head.removeprefix(_BOMS[0]).lstrip()[:1024].lower()
    if start.startswith(b"<"):
        page = start.startswith((b"<html", b"<!doctype html", b"<svg", b"<script")) or b"<html" in start
        return "html" if page else "xml"
    if start.startswith((b"{", b"[")):
        return "json"
    return "eml" if _MAIL.match(head) and _MAIL_FIELD.search(head) else "txt"


def named(name: str) -> str:
    """The kind that a file of this name should be; empty when its extension is not in the table."""
    kind = _BY_EXTENSION.get(extension(name))
    return "" if kind is None else kind.name


def holds(expected: str, found: str) -> bool:
    """Whether a file called ``expected`` may be ``found`` inside."""
    return found == expected or found in KINDS[expected].holds


def declares(media_type: str, found: str) -> bool:
    """Whether a declared type is one of this kind's."""
    declared = media_type.partition(";")[0].strip().lower()
    return any(declared in kind.media_types and holds(kind.name, found) for kind in KINDS.values())


def contradicts(media_type: str, found: str) -> bool:
    """Whether a declared type is known, says something, and says something else than the content is."""
    declared = media_type.partition(";")[0].strip().lower()
    return declared not in GENERIC_TYPES and declared in _KNOWN_TYPES and not declares(media_type, found)


def accepted(found: str) -> bool:
    return found in KINDS and KINDS[found].accepted


def of_package(names: Iterable[str], mimetype: bytes) -> str:
    """What a ZIP archive is, by the names of its entries and the octets of its entry ``mimetype`` (ISO/IEC 26300-3)."""
    entries = set(names)
    if "[Content_Types].xml" in entries:
        for folder, kind in (("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx")):
            if any(name.startswith(folder) for name in entries):
                return kind
    declared = mimetype.decode("ascii", "replace").strip()
    for kind in ("odt", "ods", "odp", "asice"):
        if declared and any(declared.startswith(media_type) for media_type in KINDS[kind].media_types):
            return kind
    if "AndroidManifest.xml" in entries or any(name.endswith(".class") for name in entries):
        return "jar"
    return "zip"


def of_compound(streams: frozenset[str], installer: bool) -> str:
    """What a compound file is, by the names of its streams (MS-CFB; MS-OFFCRYPTO §2.3.4.4)."""
    if installer:
        return "msi"
    for stream, kind in (
        ("EncryptedPackage", "locked-office"),
        ("WordDocument", "doc"),
        ("Workbook", "xls"),
        ("Book", "xls"),
        ("PowerPoint Document", "ppt"),
        ("__properties_version1.0", "msg"),
    ):
        if stream in streams:
            return kind
    return "cfb"

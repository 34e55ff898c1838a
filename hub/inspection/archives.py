"""Archives: what lies in them, found by walking them within a budget; and the SDK's wrapping.

ZIP and the formats made of it are read. RAR and 7z are opaque: their contents are for the malware scanner to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hub.inspection import compound, kinds
from hub.inspection.inflating import Budget, Halted, inflate
from hub.inspection.names import EXECUTABLE_EXTENSIONS, Trouble, extension, unsafe
from hub.inspection.zip_directory import Entry, Unreadable, entries
from hub.spool import Spool

DEPTH = 4  # archive in archive, a document's own ZIP included
TROUBLES = 20  # named at most
OPAQUE = frozenset(("rar", "7z"))
PACKAGES = frozenset(("zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "asice"))
COMPOUND = frozenset(("locked-office", "doc", "xls", "ppt"))
CONTAINERS = OPAQUE | PACKAGES | COMPOUND
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_MACROS = re.compile(r"(?:(?:word|xl|ppt)/vbaProject\.bin|Basic/.+\.xml|Scripts/.+)", re.IGNORECASE)


class Wrapped(NamedTuple):
    """The one file in a ZIP that some senders put around it."""

    name: str
    octets: Spool


def kind_of(content: BinaryIO, size: int) -> str:
    """The kind of a file by its octets; containers by what is in them (without inflating more than a name).

    ``program`` for anything that runs; ``zip`` or ``cfb`` where the inside cannot be listed; empty when unknown.
    """
    content.seek(0)
    head = content.read(kinds.HEAD_OCTETS)
    if kinds.program(head):
        return "program"
    found = kinds.recognise(head)
    if found == "cfb":
        inside = compound.read(content, size)
        found = "cfb" if inside is None else kinds.of_compound(inside.streams, inside.installer)
    elif found == "zip":
        try:
            listed = entries(content, size)
        except Unreadable:
            return "zip"
        found = kinds.of_package((entry.name for entry in listed), _mimetype(content, listed))
    return "program" if found in ("msi", "jar") else found


def torn(content: BinaryIO, size: int) -> bool:
    """Whether a ZIP cannot be listed, so that nobody can tell which of the formats made of ZIP it is."""
    try:
        entries(content, size)
    except Unreadable:
        return True
    return False


def _mimetype(content: BinaryIO, listed: list[Entry]) -> bytes:
    """The entry by which OpenDocument and ASiC say what they are: the first one, stored."""
    if listed and listed[0].name == "mimetype" and listed[0].method == 0 and listed[0].size <= 200:
        content.seek(listed[0].start)
        return content.read(listed[0].size)
    return b""


def unwrap(content: BinaryIO, name: str, budget: Budget, scratch: Path | None = None) -> Wrapped | Trouble | None:
    """The file in the wrapping; trouble when it will not come out; None when this is no wrapping (edXML 1.2).

    Wrapped is: a ZIP of exactly one entry, called ``<uuid>.<the extension that the attachment's name has>``.
    ``scratch``: where long files are set aside.
    """
    try:
        listed = entries(content, budget.size)
    except Unreadable:
        return None
    if len(listed) != 1 or listed[0].encrypted or listed[0].special or listed[0].other_name:
        return None
    stem, _, ending = listed[0].name.rpartition(".")
    if not _UUID.fullmatch(stem) or ending.lower() != extension(name):
        return None
    octets = Spool(scratch)
    try:
        for piece in inflate(content, listed[0], budget):
            octets.write(piece)
    except Halted as halted:
        return halted.trouble
    return Wrapped(listed[0].name, octets)


def look_into(content: BinaryIO, kind: str, budget: Budget, scratch: Path | None = None) -> list[Trouble]:
    """What is wrong inside a file of this kind, at most ``TROUBLES`` of it; nothing for what is no container."""
    if kind in OPAQUE:
        return _opaque(content, kind)
    if kind in COMPOUND:
        return _compound(content, budget.size, kind)
    if kind not in PACKAGES:
        return []
    found: list[Trouble] = []
    try:
        for trouble in _walk(content, budget.size, Visit(budget, scratch), 1):
            found.append(trouble)
            if len(found) >= TROUBLES:
                break
    except Unreadable as unreadable:
        found.append(unreadable.trouble)
    except Halted as halted:
        found.append(halted.trouble)
    return found


class Visit(NamedTuple):
    """What all layers of one attachment share."""

    budget: Budget
    scratch: Path | None


def _walk(content: BinaryIO, size: int, visit: Visit, depth: int) -> Iterator[Trouble]:
    listed = entries(content, size)
    yield from _names(listed)
    for entry in listed:
        if entry.encrypted:
            yield Trouble("encrypted", entry.name)
        elif not entry.folder:
            yield from _entry(content, entry, visit, depth)


def _names(listed: list[Entry]) -> Iterator[Trouble]:
    seen: set[str] = set()
    for entry in listed:
        reason = unsafe(entry.name) or unsafe(entry.other_name)
        if not reason and entry.special:
            reason = "a link or a device"
        plain = entry.name.replace("\\", "/")
        if not reason and plain in seen:
            reason = "twice in the archive"
        seen.add(plain)
        if reason:
            yield Trouble("path", f"{shown(entry.name)}: {reason}")
        if extension(entry.name) in EXECUTABLE_EXTENSIONS:
            yield Trouble("executable", f"{shown(entry.name)}: the extension of a program")
        if _MACROS.fullmatch(entry.name):
            yield Trouble("macros", shown(entry.name))


def _entry(content: BinaryIO, entry: Entry, visit: Visit, depth: int) -> Iterator[Trouble]:
    """Inflate one entry; look at what starts in it, and into it when it is an archive."""
    pieces = inflate(content, entry, visit.budget)
    head = next(pieces, b"")
    if what := kinds.program(head):
        yield Trouble("executable", f"{shown(entry.name)}: {what}")
    if not head.startswith(b"PK\3\4"):
        for _ in pieces:
            pass
        return
    if depth >= DEPTH:
        raise Halted(Trouble("bomb", f"{shown(entry.name)}: more than {DEPTH} archives in each other"))
    nested = Spool(visit.scratch)
    nested.write(head)
    for piece in pieces:
        nested.write(piece)
    with nested.open() as octets:
        yield from _walk(octets, nested.size, visit, depth + 1)


def _compound(content: BinaryIO, size: int, kind: str) -> list[Trouble]:
    if kind == "locked-office":
        return [Trouble("encrypted", "the office document is locked with a password")]
    inside = compound.read(content, size)
    if inside is None:
        return [Trouble("damaged", "the directory of the compound file cannot be followed")]
    if inside.locked:
        return [Trouble("encrypted", "the office document is locked with a password")]
    return [Trouble("macros", "Visual Basic")] if inside.streams & compound.MACRO_STREAMS else []


def _opaque(content: BinaryIO, kind: str) -> list[Trouble]:
    content.seek(0)
    if kind == "rar" and _locked_rar(content.read(64)):
        return [Trouble("encrypted", "the names in the archive are encrypted")]
    return [Trouble("opaque", f"{kind} archives are not looked into")]


def _locked_rar(head: bytes) -> bool:
    """Encrypted headers: flag 0x80 of RAR 4's main header; RAR 5's first header is of type 4."""
    if head.startswith(b"Rar!\x1a\x07\x00"):
        return len(head) > 11 and head[9] == 0x73 and bool(int.from_bytes(head[10:12], "little") & 0x80)
    return len(head) > 13 and head[13] == 4


def shown(name: str) -> str:
    """A name from inside an archive as it may stand in an answer: short, without characters that do something."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:100])

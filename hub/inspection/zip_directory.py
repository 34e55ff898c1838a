"""The central directory of a ZIP archive (PKWARE APPNOTE 6.3 §4.3), read strictly and within limits.

Own reading, because programs differ in what they make of a broken directory: what is ambiguous is damaged here. Nothing
is inflated; the local headers are compared with the directory, so that a reader of either sees the same entries.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

from hub.inspection.names import Trouble

ENTRIES = 10_000
DIRECTORY_OCTETS = 4 * 1024 * 1024
_END, _END64, _LOCATOR64, _ENTRY, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
_END_SIZE, _LONGEST_COMMENT = 22, 65535
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 1 | 1 << 6 | 1 << 13  # of an entry, strong, of the directory (§4.4.4)
_DESCRIPTOR, _UTF8 = 1 << 3, 1 << 11
_UNIX, _KIND_OF_FILE, _REGULAR, _FOLDER = 3, 0o170000, 0o100000, 0o040000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the directory says; ``start`` is where its octets begin, from its local header."""

    name: str
    other_name: str  # of the Unicode path extra field (§4.6.9), empty without
    encrypted: bool
    special: bool  # a link, a device: anything but a file or folder
    method: int
    crc: int
    packed: int
    size: int
    start: int

    @property
    def folder(self) -> bool:
        return self.name.endswith("/")


class Unreadable(Exception):
    """The directory cannot be read; ``trouble`` says why. Stays in this room."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.detail)
        self.trouble = trouble


def _damaged(detail: str) -> Unreadable:
    return Unreadable(Trouble("damaged", detail))


def _bomb(detail: str) -> Unreadable:
    return Unreadable(Trouble("bomb", detail))


def entries(content: BinaryIO, size: int) -> list[Entry]:
    """The entries in the order of their octets. Raises ``Unreadable`` (damaged, or a bomb by its directory)."""
    count, length, offset, end = _end(content, size)
    if count > ENTRIES or length > DIRECTORY_OCTETS:
        raise _bomb(f"{count} entries in a directory of {length} octets")
    if offset + length != end:
        raise _damaged("the directory is not where its end says")
    content.seek(offset)
    directory = content.read(length)
    if len(directory) != length:
        raise _damaged("the directory is cut off")
    found = _parse(directory, count)
    return _placed(content, sorted(found, key=lambda row: row[1]), offset)


def _end(content: BinaryIO, size: int) -> tuple[int, int, int, int]:
    """Number of entries, length and offset of the directory, and where the end record starts (§4.3.14 to §4.3.16)."""
    tail_size = min(size, _END_SIZE + _LONGEST_COMMENT)
    content.seek(size - tail_size)
    tail = content.read(tail_size)
    place = tail.rfind(_END)
    while place >= 0:
        if place + _END_SIZE <= len(tail):
            fields = struct.unpack_from("<4H2LH", tail, place + 4)
            if place + _END_SIZE + fields[6] == len(tail):
                break
        place = tail.rfind(_END, 0, place)
    if place < 0:
        raise _damaged("no end of the directory: the archive is cut off, or something stands behind it")
    disk, first_disk, here, count, length, offset, _ = fields
    at = size - tail_size + place
    if _FULL16 in (here, count) or _FULL32 in (length, offset):
        return _end64(content, at)
    if disk or first_disk or here != count:
        raise _damaged("a part of an archive of several files")
    return count, length, offset, at


def _end64(content: BinaryIO, end: int) -> tuple[int, int, int, int]:
    if end < 20:
        raise _damaged("no ZIP64 end of the directory")
    content.seek(end - 20)
    mark, _, place, _ = struct.unpack("<4sLQL", content.read(20))
    if mark != _LOCATOR64 or place > end - 76:
        raise _damaged("no ZIP64 end of the directory")
    content.seek(place)
    record = content.read(56)
    mark, _, _, _, disk, first_disk, here, count, length, offset = struct.unpack("<4sQ2H2L4Q", record)
    if mark != _END64 or disk or first_disk or here != count:
        raise _damaged("the ZIP64 end of the directory is not one")
    return count, length, offset, place


_Row = tuple[bytes, int, Entry]  # raw name, offset of the local header, the entry without its start


def _parse(directory: bytes, count: int) -> list[_Row]:
    rows: list[_Row] = []
    place = 0
    while place < len(directory):
        if len(rows) > ENTRIES:
            raise _bomb(f"more than {ENTRIES} entries")
        if directory[place : place + 4] != _ENTRY or place + 46 > len(directory):
            raise _damaged(f"entry {len(rows) + 1} of the directory is not one")
        fields = struct.unpack_from("<6H3L5H2L", directory, place + 4)
        name_size, extra_size, comment_size = fields[9:12]
        name = directory[place + 46 : place + 46 + name_size]
        extra = directory[place + 46 + name_size : place + 46 + name_size + extra_size]
        rows.append(_row(fields, name, extra))
        place += 46 + name_size + extra_size + comment_size
    if len(rows) != count or place != len(directory):
        raise _damaged(f"{len(rows)} entries, {count} declared")
    return rows


def _row(fields: tuple[int, ...], name: bytes, extra: bytes) -> _Row:
    made_by, _, flags, method, _, _, crc, packed, size, *_, attributes, offset = fields
    extras = _extras(extra)
    wide = extras.get(1, b"")
    values = []
    for value in (size, packed, offset):
        if value == _FULL32 and len(wide) < 8:
            raise _damaged("a ZIP64 field is missing")
        values.append(int.from_bytes(wide[:8], "little") if value == _FULL32 else value)
        wide = wide[8:] if value == _FULL32 else wide
    mode = attributes >> 16 if made_by >> 8 == _UNIX else 0
    entry = Entry(
        name=_text(name, flags),
        other_name=extras.get(0x7075, b"")[5:].decode("utf-8", "replace"),
        encrypted=bool(flags & _ENCRYPTED) or method == 99,
        special=mode & _KIND_OF_FILE not in (0, _REGULAR, _FOLDER),
        method=method,
        crc=crc,
        packed=values[1],
        size=values[0],
        start=0,
    )
    return name, values[2], entry


def _extras(extra: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<2H", extra)
        found.setdefault(tag, extra[4 : 4 + length])
        extra = extra[4 + length :]
    return found


def _text(name: bytes, flags: int) -> str:
    return unicodedata.normalize("NFC", name.decode("utf-8" if flags & _UTF8 else "cp437", "replace"))


def _placed(content: BinaryIO, rows: list[_Row], directory: int) -> list[Entry]:
    """Entries with the place of their octets. Raises ``Unreadable`` when they lie over each other (a bomb's trick)."""
    placed: list[Entry] = []
    free = 0
    for raw, offset, entry in rows:
        if offset < free:
            raise _bomb(f"{entry.name} lies over another entry")
        content.seek(offset)
        header = content.read(30)
        if len(header) < 30 or header[:4] != _LOCAL:
            raise _damaged(f"{entry.name}: no header where the directory says")
        flags, method = struct.unpack_from("<2H", header, 6)
        packed, size, name_size, extra_size = struct.unpack_from("<2L2H", header, 18)
        plain = not flags & _DESCRIPTOR and _FULL32 not in (packed, size)
        differs = method != entry.method or (plain and (packed, size) != (entry.packed, entry.size))
        if content.read(name_size) != raw or differs:
            raise _damaged(f"{entry.name}: header and directory disagree")
        start = offset + 30 + name_size + extra_size
        free = start + entry.packed
        if free > directory:
            raise _damaged(f"{entry.name} runs into the directory")
        placed.append(
            Entry(
                entry.name,
                entry.other_name,
                entry.encrypted or bool(flags & _ENCRYPTED),
                entry.special,
                entry.method,
                entry.crc,
                entry.packed,
                entry.size,
                start,
            )
        )
    return placed

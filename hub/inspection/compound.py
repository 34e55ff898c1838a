"""Compound files (MS-CFB), as the older office programs write them: the names of their streams, and no more."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

SECTORS = 20_000  # of the directory, followed at most: 80,000 streams
_END_OF_CHAIN, _FREE = 0xFFFFFFFE, 0xFFFFFFFA
_SMALLEST_WITH_SECTORS = 4096  # shorter streams share the mini stream; a document's never is
_INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")  # class of a Windows Installer package, and of a patch
_PATCH = bytes.fromhex("86100c0000000000c000000000000046")
MACRO_STREAMS = frozenset(("_VBA_PROJECT", "_VBA_PROJECT_CUR", "VBA", "Macros"))


class Compound(NamedTuple):
    """``streams``: names of streams and storages at any depth. ``installer``: a Windows Installer package.

    ``locked``: a Word or Excel file of the formats before 2007 that opens with a password only.
    """

    streams: frozenset[str]
    installer: bool
    locked: bool = False


def read(content: BinaryIO, size: int) -> Compound | None:
    """The directory; None when it cannot be followed."""
    content.seek(0)
    header = content.read(512)
    if len(header) < 512:
        return None
    shift = int.from_bytes(header[30:32], "little")
    if shift not in (9, 12):
        return None
    sector = 1 << shift
    fat_sectors = [place for place in struct.unpack_from("<109L", header, 76) if place < _FREE]
    place = int.from_bytes(header[48:52], "little")
    streams: dict[str, int] = {}  # name: first sector
    installer = False
    seen: set[int] = set()
    while place < _FREE and place not in seen and len(seen) < SECTORS:
        seen.add(place)
        octets = _sector(content, place, sector, size)
        if octets is None:
            return None
        for offset in range(0, sector, 128):
            name, kind, identity, start = _entry(octets[offset : offset + 128])
            if kind:
                streams.setdefault(name, start)
            installer = installer or (kind == 5 and identity in (_INSTALLER, _PATCH))
        following = _next(content, place, sector, size, fat_sectors)
        if following is None:
            return None
        place = following
    locked = any(_locked(content, name, place, sector, size) for name, place in streams.items())
    return Compound(frozenset(streams), installer, locked) if seen else None


def _entry(octets: bytes) -> tuple[str, int, bytes, int]:
    """Name, kind, class; and the first sector of a stream that has sectors of its own (§2.6.1, §2.6.3)."""
    length = min(int.from_bytes(octets[64:66], "little"), 64)
    name = octets[: max(length - 2, 0)].decode("utf-16-le", "replace")
    own = int.from_bytes(octets[120:124], "little") >= _SMALLEST_WITH_SECTORS
    return name, octets[66], octets[80:96], int.from_bytes(octets[116:120], "little") if own else _END_OF_CHAIN


def _locked(content: BinaryIO, name: str, place: int, sector: int, size: int) -> bool:
    """Word's flag fEncrypted (MS-DOC §2.5.2), Excel's record FilePass near the start (MS-XLS §2.4.117)."""
    if name not in ("WordDocument", "Workbook", "Book") or place >= _FREE:
        return False
    start = _sector(content, place, sector, size) or b""
    if name == "WordDocument":
        return start[:2] == b"\xec\xa5" and bool(int.from_bytes(start[10:12], "little") & 0x100)
    record = 0
    for _ in range(3):  # BOF, perhaps WriteProtect
        record += 4 + int.from_bytes(start[record + 2 : record + 4], "little")
        if start[record : record + 2] == b"\x2f\0":
            return True
    return False


def _sector(content: BinaryIO, place: int, sector: int, size: int) -> bytes | None:
    start = (place + 1) * sector
    if start >= size:
        return None
    content.seek(start)
    return content.read(sector).ljust(sector, b"\0")


def _next(content: BinaryIO, place: int, sector: int, size: int, fat_sectors: list[int]) -> int | None:
    """The sector that follows in the chain; further tables than the header names (over 6 MiB) are not looked up."""
    table, row = divmod(place, sector // 4)
    if table >= len(fat_sectors):
        return _END_OF_CHAIN
    octets = _sector(content, fat_sectors[table], sector, size)
    return None if octets is None else int.from_bytes(octets[row * 4 : row * 4 + 4], "little")

"""The container: a ZIP file of one exact form (APPNOTE.TXT 6.3, ETSI EN 319 162-1), written and read as a stream.

Every member is stored, none is compressed, and nothing about the file is left to choice: name, CRC and length of each
member decide every other octet. Whoever reads it can therefore hold each octet against what it must be: no second name
for a member, no hidden one, no link, nothing that grows when it is unpacked.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from hub.spool import BLOCK, Spool

MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"
MIMETYPE = "mimetype"
MOST_MEMBERS = 500_000
# members are spooled in memory up to this length, in a file without a name beyond
SPILL_BYTES = 8 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,119}){0,3}")
_FULL = 0xFFFFFFFF
_MANY = 0xFFFF
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_HEAD = 30
_UTF8 = 0x0800
_DAY = 0x21  # 1980-01-01: when a pack was made stands in it, signed
_FILE = 0o100644 << 16  # a plain file: never a link or a device
_UNIX = 3 << 8


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the container. ``open`` gives its octets from the first on; there may be more behind its ``size``."""

    name: str
    size: int
    sha256: str
    crc: int
    open: Callable[[], BinaryIO]

    def read(self) -> bytes:
        """All octets; the caller looks at ``size`` first."""
        with self.open() as file:
            return file.read(self.size)


class Damaged(Exception):
    """The container is not of the one form. ``member`` is the name of the file in it that is next to the damage."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"{member}: {reason}")
        self.member = member
        self.reason = reason


class Draft:
    """Members on their way into a container, in order. ``directory``: where long ones wait."""

    def __init__(self, directory: Path | None = None) -> None:
        self._spool = Spool(directory, SPILL_BYTES)
        self.members: list[Member] = []

    def add(self, name: str, octets: bytes) -> None:
        """A member made here. Raises ``ValueError`` for a name that no container of ours has."""
        start = self._spool.size
        self._spool.write(octets)
        opening = partial(_part, self._spool, start)
        self._append(Member(name, len(octets), hashlib.sha256(octets).hexdigest(), zlib.crc32(octets), opening))

    def add_file(self, name: str, path: Path) -> None:
        """A file as it lies there, read once for its digest. Raises ``OSError``."""
        digest, crc, size = hashlib.sha256(), 0, 0
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(BLOCK):
                digest.update(chunk)
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        self._append(Member(name, size, digest.hexdigest(), crc, partial(_opened, path, 0)))

    def _append(self, member: Member) -> None:
        if _NAME.fullmatch(member.name) is None:
            raise ValueError(f"not a member's name: {member.name!r}")
        self.members.append(member)


def _part(spool: Spool, start: int) -> BinaryIO:
    file = spool.open()
    file.seek(start)
    return file


def stream(members: Iterable[Member]) -> Iterator[bytes]:
    """The container in pieces. Raises ``OSError`` where a file became shorter since it was added."""
    listed = list(members)
    pending = bytearray()
    for member in listed:
        pending += _local(member)
        with member.open() as file:
            left = member.size
            while left:
                chunk = file.read(min(BLOCK, left))
                if not chunk:
                    raise OSError(f"{member.name} is shorter than it was")
                left -= len(chunk)
                pending += chunk
                if len(pending) >= BLOCK:
                    yield bytes(pending)
                    pending.clear()
    yield bytes(pending) + _directory(listed)


def length(members: Iterable[Member]) -> int:
    """How long the container is, in octets."""
    listed = list(members)
    return sum(len(_local(one)) + one.size for one in listed) + len(_directory(listed))


def _local(member: Member) -> bytes:
    name = member.name.encode("ascii")
    large = member.size >= _FULL
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    size = _FULL if large else member.size
    version = 45 if large else 20
    fields = (version, _UTF8, 0, 0, _DAY, member.crc, size, size, len(name), len(extra))
    return _LOCAL + struct.pack("<5H3I2H", *fields) + name + extra


def _directory(members: list[Member]) -> bytes:
    """The central directory and what ends it, with the 64-bit records where they are needed."""
    entries, offset = bytearray(), 0
    for member in members:
        entries += _entry(member, offset)
        offset += len(_local(member)) + member.size
    count, size, start = len(members), len(entries), offset
    if count >= _MANY or start >= _FULL or size >= _FULL:
        ends = start + size
        entries += b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, _UNIX | 45, 45, 0, 0, count, count, size, start)
        entries += b"PK\x06\x07" + struct.pack("<IQI", 0, ends, 1)
    few = min(count, _MANY)
    last = struct.pack("<4H2IH", 0, 0, few, few, min(size, _FULL), min(start, _FULL), 0)
    return bytes(entries) + b"PK\x05\x06" + last


def _entry(member: Member, offset: int) -> bytes:
    name = member.name.encode("ascii")
    values = [value for value in (member.size, member.size, offset) if value >= _FULL]
    extra = struct.pack("<HH", 1, 8 * len(values)) + b"".join(struct.pack("<Q", one) for one in values)
    extra = extra if values else b""
    version = 45 if values else 20
    size = min(member.size, _FULL)
    fields = (_UNIX | version, version, _UTF8, 0, 0, _DAY, member.crc, size, size)
    rest = (len(name), len(extra), 0, 0, 0, _FILE, min(offset, _FULL))
    return _CENTRAL + struct.pack("<6H3I", *fields) + struct.pack("<5H2I", *rest) + name + extra


def members_of(path: Path) -> list[Member]:
    """The members of a container in a file, every octet between them looked at. Raises ``Damaged``, ``OSError``.

    Reads the whole file once, in pieces; a member's own octets are held against its CRC.
    """
    found: list[Member] = []
    names: set[str] = set()
    with path.open("rb") as file:
        while (head := file.read(_HEAD))[:4] != _CENTRAL:
            member = _read(path, file, head, found[-1].name if found else MIMETYPE)
            if member.name in names:
                raise Damaged(member.name, "a second member of this name")
            found.append(member)
            names.add(member.name)
            if len(found) > MOST_MEMBERS:
                raise Damaged(member.name, f"more than {MOST_MEMBERS} members")
        expected = _directory(found)
        if head + file.read(len(expected)) != expected:
            raise Damaged(_misplaced(head, found), "the directory of the ZIP file is not that of these members")
    return found


def _misplaced(head: bytes, found: list[Member]) -> str:
    return found[-1].name if found else head[:4].hex()


def _read(path: Path, file: BinaryIO, head: bytes, before: str) -> Member:
    """The member that begins with ``head``; ``file`` stands behind its octets afterwards."""
    if len(head) < _HEAD or head[:4] != _LOCAL:
        raise Damaged(_name_at(file, head) or before, "no member and no directory follows")
    crc, _, size, name_length, extra_length = struct.unpack("<3I2H", head[14:])
    name = file.read(name_length).decode("ascii", "replace")
    extra = file.read(extra_length)
    if _NAME.fullmatch(name) is None:
        raise Damaged(repr(name)[:80] if name_length < 500 else before, "no name of a member")
    if size == _FULL and len(extra) == 20:
        (size,) = struct.unpack("<Q", extra[4:12])
    start = file.tell()
    member = Member(name, size, _hashed(file, name, crc, size), crc, partial(_opened, path, start))
    if head + name.encode() + extra != _local(member):
        raise Damaged(name, "its header is not the one that belongs to it: compressed, linked or changed")
    return member


def _name_at(file: BinaryIO, head: bytes) -> str:
    if len(head) < _HEAD:
        return ""
    name = file.read(min(struct.unpack("<H", head[26:28])[0], 500)).decode("ascii", "replace")
    return name if _NAME.fullmatch(name) else ""


def _hashed(file: BinaryIO, name: str, crc: int, size: int) -> str:
    digest, found, left = hashlib.sha256(), 0, size
    while left:
        chunk = file.read(min(BLOCK, left))
        if not chunk:
            raise Damaged(name, "the file ends before it")
        digest.update(chunk)
        found, left = zlib.crc32(chunk, found), left - len(chunk)
    if found != crc:
        raise Damaged(name, "its octets were changed (CRC)")
    return digest.hexdigest()


def _opened(path: Path, start: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(start)
    return file

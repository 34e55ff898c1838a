"""The layout in which others read the log (C2SP tlog-tiles): names of tiles, and bundles of entries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hub.audit.leaves import LONGEST
from hub.audit.merkle import WIDTH

MEDIA_TYPE = "application/octet-stream"
HIGHEST_LEVEL = 63
# so large that no log ever has it, and small enough for a column of 63 bits
_MOST_GROUPS = 5
_PLACE = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LEVEL = re.compile("0|[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class Place:
    """Which tile, or which bundle of entries: its number from the left, and how many of its 256 are asked for."""

    number: int
    width: int = WIDTH

    @property
    def full(self) -> bool:
        return self.width == WIDTH

    @property
    def path(self) -> str:
        """``<N>[.p/<W>]``: zero-padded elements of three digits, an ``x`` before all but the last."""
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{one}" for one in groups[:-1]), groups[-1]])
        return name if self.full else f"{name}.p/{self.width}"

    @classmethod
    def parse(cls, path: str) -> Place:
        """Raises ``ValueError`` for a path that names no tile, or not in its one form."""
        found = _PLACE.fullmatch(path)
        if found is None or found[1].count("/") >= _MOST_GROUPS:
            raise ValueError("not the number of a tile: x001/x234/067, with .p/WIDTH for a partial one")
        place = cls(int(found[1].replace("x", "").replace("/", "")), int(found[2] or WIDTH))
        if place.path != path:
            raise ValueError("not the one way to write that tile")
        return place


@dataclass(frozen=True, slots=True)
class TilePlace:
    """A tile of hashes: its level and place."""

    level: int
    place: Place

    @property
    def path(self) -> str:
        return f"{self.level}/{self.place.path}"

    @classmethod
    def parse(cls, path: str) -> TilePlace:
        """From ``<L>/<N>[.p/<W>]``. Raises ``ValueError``."""
        level, _, rest = path.partition("/")
        if not _LEVEL.fullmatch(level) or int(level) > HIGHEST_LEVEL:
            raise ValueError("the level of a tile is a number from 0 to 63")
        return cls(int(level), Place.parse(rest))

    def within(self, size: int) -> bool:
        """Whether a tree of ``size`` leaves has all of it."""
        return self.place.number * WIDTH + self.place.width <= size >> 8 * self.level


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries one after the other, each behind its length as a big-endian uint16. ``ValueError`` for a longer one."""
    made = bytearray()
    for entry in entries:
        if len(entry) > LONGEST:
            raise ValueError(f"an entry of {len(entry)} octets; no bundle holds one above {LONGEST}")
        made += len(entry).to_bytes(2, "big") + entry
    return bytes(made)


def unbundled(content: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ``ValueError`` when it is cut short."""
    entries, at = [], 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content) or at + 2 > len(content):
            raise ValueError("the bundle is cut short")
        entries.append(content[at + 2 : end])
        at = end
    return entries

"""Octets of a ZIP entry as they really are: counted while they come out, within a budget, whatever headers say."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from hub.inspection.names import Trouble
from hub.inspection.zip_directory import Entry

MIB = 1024 * 1024
RATIO = 100  # inflated octets for each octet of the attachment: an honest archive of documents stays below 30
ALWAYS = 32 * MIB  # inflating as much is never a bomb
LOOKED_INTO = 128 * MIB  # as much is inflated of the archives of an envelope, and of big ones four times their size
_PIECE = 128 * 1024
_STORED, _DEFLATED = 0, 8


class Halted(Exception):
    """Inflating ended early; ``trouble`` says why. Stays in this room."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.detail)
        self.trouble = trouble


@dataclass(slots=True)
class Budget:
    """What may come out of one attachment of ``size`` octets, all layers together.

    ``before``: what came out of the attachments before it. However many there are, an envelope costs no more than
    ``LOOKED_INTO`` octets and four times its own size.
    """

    size: int
    before: int = 0
    spent: int = 0
    limits: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.limits = max(ALWAYS, RATIO * self.size), max(LOOKED_INTO - self.before, 4 * self.size)

    def spend(self, octets: int) -> None:
        """Raises ``Halted``: a bomb by its ratio, or merely more than is looked into."""
        self.spent += octets
        bomb, enough = self.limits
        if self.spent > bomb:
            raise Halted(Trouble("bomb", f"more than {self.spent} octets come out of {self.size}"))
        if self.spent > enough:
            raise Halted(Trouble("opaque", f"not looked into any further than {enough} octets"))


def inflate(content: BinaryIO, entry: Entry, budget: Budget) -> Iterator[bytes]:
    """The octets of an entry in pieces; at the end size and CRC-32 are compared.

    Raises ``Halted``: damaged, a bomb (also by a size that the headers hide), opaque (a method we do not read, or more
    than the budget).
    """
    if entry.method not in (_STORED, _DEFLATED):
        raise Halted(Trouble("opaque", f"{entry.name}: compression method {entry.method} is not read"))
    came, crc = 0, 0
    for piece in _pieces(content, entry):
        came += len(piece)
        crc = zlib.crc32(piece, crc)
        budget.spend(len(piece))
        if came > entry.size:
            raise Halted(Trouble("bomb", f"{entry.name}: more comes out than the {entry.size} octets declared"))
        yield piece
    if came != entry.size or crc != entry.crc:
        raise Halted(Trouble("damaged", f"{entry.name}: its octets are not those that were packed (CRC-32)"))


def _pieces(content: BinaryIO, entry: Entry) -> Iterator[bytes]:
    left, place = entry.packed, entry.start
    machine = zlib.decompressobj(-15) if entry.method == _DEFLATED else None
    while left:
        content.seek(place)  # the consumer may have read elsewhere meanwhile
        packed = content.read(min(_PIECE, left))
        if not packed:
            raise Halted(Trouble("damaged", f"{entry.name}: cut off"))
        left, place = left - len(packed), place + len(packed)
        if machine is None:
            yield packed
        else:
            yield from _out(machine, packed, entry.name)
    if machine is not None and not machine.eof:
        raise Halted(Trouble("damaged", f"{entry.name}: its compressed octets do not end"))


def _out(machine: zlib._Decompress, packed: bytes, name: str) -> Iterator[bytes]:
    while packed and not machine.eof:
        try:
            piece = machine.decompress(packed, _PIECE)
        except zlib.error as error:
            raise Halted(Trouble("damaged", f"{name}: {error}")) from error
        packed = machine.unconsumed_tail
        if piece:
            yield piece
    if machine.eof and machine.unused_data:
        raise Halted(Trouble("damaged", f"{name}: octets behind the compressed ones"))

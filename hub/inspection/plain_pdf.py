"""The pages of a plain PDF, counted without a process of its own: short, written in one go, nothing packed or locked.

Plain is: one cross-reference table (ISO 32000-1 §7.5.4) that tells the truth, one trailer with nothing but names,
numbers and references, and a page tree of ordinary dictionaries. Whatever is not exactly so is for the worker process
to say: this never finds anything wrong with a file. The cost is bounded by ``LARGEST`` and ``WALKED``.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

LARGEST = 64 * 1024
WALKED = 16 * 1024  # octets of dictionaries that are read at most

_SPACE = rb"[ \t\r\n\f]"
_END = re.compile(
    rb"trailer%b*(<<[^%%]{1,512}>>)%b*[\r\n]startxref\r?\n(\d{1,7}) ?\r?\n%%%%EOF[\r\n]*" % ((_SPACE,) * 2)
)
_TABLE = re.compile(rb"xref[ ]?\r?\n0 (\d{1,5})[ ]?\r?\n((?:\d{10} \d{5} [nf](?: \n| \r|\r\n))+)%b*" % _SPACE)
_ENTRY = 20
_TOKEN = re.compile(
    rb"""%b*(?:
        (?P<open><<|\[) | (?P<close>>>|\]) | /(?P<name>[A-Za-z0-9_.+-]+)(?=[ \t\r\n\f/<>()\[\]])
        | (?P<reference>\d{1,6})[ ]0[ ]R(?=[ \t\r\n\f/<>\[\]])
        | (?P<plain>[+-]?\d+(?:\.\d+)?(?=[ \t\r\n\f/<>\[\]]) | (?:true|false|null)(?=[ \t\r\n\f/<>\[\]])
            | \([^()\\\r\n]*\) | <[0-9A-Fa-f]*>)
    )"""
    % _SPACE,
    re.VERBOSE,
)
_OBJECT_END = re.compile(rb"%b*endobj%b" % (_SPACE, _SPACE))
# what a node of the page tree hands down; a reader looks it up there, so it must lie there
_INHERITED = ("Resources", "MediaBox", "CropBox", "Rotate")
_LATER, _LOCKED = ("Prev", "XRefStm"), "Encrypt"


class Name(str):
    """``/Name``."""

    __slots__ = ()


class Reference(NamedTuple):
    """``number 0 R``."""

    number: int


Value: TypeAlias = "Name | Reference | list[Value] | dict[str, Value] | None"


class _Unusual(Exception):
    """Not plain: this file is for the worker."""


def pages(octets: bytes) -> int | None:
    """How many pages, or None where the file is not plain."""
    if len(octets) > LARGEST or not octets.startswith(b"%PDF-") or octets.count(b"startxref") != 1:
        return None
    try:
        return _Plain(octets).count()
    except _Unusual:
        return None


class _Plain:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._left = WALKED
        end = _END.fullmatch(octets, octets.rfind(b"trailer"))
        table = _TABLE.fullmatch(octets, int(end[2]), end.start()) if end else None
        if end is None or table is None or len(table[2]) != _ENTRY * int(table[1]):
            raise _Unusual
        trailer = self._dictionary(end.start(1), end.end(1))[0]
        if _LOCKED in trailer or any(one in trailer for one in _LATER):
            raise _Unusual
        self._entries = table[2]
        self._root = trailer.get("Root")

    def count(self) -> int:
        catalog = self._object(self._root)
        if catalog.get("Type") != Name("Catalog"):
            raise _Unusual
        seen: set[Reference] = set()
        waiting, found = [catalog.get("Pages")], 0
        while waiting:
            reference = waiting.pop()
            node = self._object(reference)
            assert isinstance(reference, Reference)
            if reference in seen:
                raise _Unusual
            seen.add(reference)
            if node.get("Type") == Name("Page"):
                found += 1
            else:
                waiting += self._kids(node)
        if not found:
            raise _Unusual
        return found

    def _kids(self, node: dict[str, Value]) -> list[Value]:
        kids = node.get("Kids")
        if node.get("Type") != Name("Pages") or not isinstance(kids, list):
            raise _Unusual
        if any(isinstance(node.get(one), Reference) for one in _INHERITED):
            raise _Unusual
        return kids

    def _object(self, reference: Value) -> dict[str, Value]:
        """The dictionary that is this object, found where the table says."""
        if not isinstance(reference, Reference):
            raise _Unusual
        entry = self._entries[_ENTRY * reference.number : _ENTRY * (reference.number + 1)]
        head = b"%d 0 obj" % reference.number
        if entry[10:18] != b" 00000 n" or not self._octets.startswith(head, int(entry[:10])):
            raise _Unusual
        found, after = self._dictionary(int(entry[:10]) + len(head), len(self._octets))
        if not _OBJECT_END.match(self._octets, after):
            raise _Unusual
        return found

    def _dictionary(self, start: int, end: int) -> tuple[dict[str, Value], int]:
        """The dictionary that starts here, and where it ends."""
        open_ones: list[tuple[bytes, list[Value]]] = []
        place = start
        while True:
            token = _TOKEN.match(self._octets, place, end)
            if token is None or token.end() - start > self._left:
                raise _Unusual
            place = token.end()
            if token["open"]:
                open_ones.append((token["open"], []))
                continue
            if not open_ones:
                raise _Unusual
            value = _closed(*open_ones.pop(), token["close"]) if token["close"] else _single(token)
            if open_ones:
                open_ones[-1][1].append(value)
            elif isinstance(value, dict):
                self._left -= place - start
                return value, place
            else:
                raise _Unusual


def _single(token: re.Match[bytes]) -> Value:
    if token["name"]:
        return Name(token["name"].decode("ascii"))
    return Reference(int(token["reference"])) if token["reference"] else None


def _closed(opened: bytes, values: list[Value], closed: bytes) -> Value:
    """The array or dictionary that ends here."""
    if opened == b"[" and closed == b"]":
        return values
    names = [one for one in values[::2] if isinstance(one, Name)]
    if (opened, closed) != (b"<<", b">>") or 2 * len(names) != len(values) or len(set(names)) != len(names):
        raise _Unusual
    return dict(zip(names, values[1::2], strict=True))

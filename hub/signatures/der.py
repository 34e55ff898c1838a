"""As much of DER (ITU-T X.690) as the libraries here leave open: one element written, one level read."""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, OCTET_STRING, OID, SEQUENCE, SET, CONTEXT_0 = 0x02, 0x04, 0x06, 0x30, 0x31, 0xA0


def element(tag: int, *parts: bytes) -> bytes:
    """One element: tag, length, contents."""
    contents = b"".join(parts)
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + contents


def elements(contents: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag (of one octet) and contents of each element in a row. Raises ``ValueError`` for what is cut short."""
    place = 0
    while place < len(contents):
        if place + 2 > len(contents):
            raise ValueError("an element is cut short")
        tag, size = contents[place], contents[place + 1]
        place += 2
        if size & 0x80:
            octets = contents[place : place + (size & 0x7F)]
            place += len(octets)
            size = int.from_bytes(octets, "big") if octets else len(contents)
        if place + size > len(contents):
            raise ValueError("an element is cut short")
        yield tag, contents[place : place + size]
        place += size


def inside(contents: bytes, tag: int) -> bytes:
    """The contents of the first element with this tag. Raises ``ValueError`` when there is none."""
    for found, value in elements(contents):
        if found == tag:
            return value
    raise ValueError(f"no element with tag {tag:#04x}")


def identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form. Raises ``ValueError``."""
    first, second, *others = [int(one) for one in dotted.split(".")]
    octets = bytearray()
    for arc in (40 * first + second, *others):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(groups))
    return element(OID, bytes(octets))

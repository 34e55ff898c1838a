"""A changed octet is refused, or it changed nothing that anybody can read."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.envelope.hardening import parse
from hub.envelope.names import SIGNATURE
from hub.validation import Accepted
from tests.intake.register import Register, signed_letter

REGISTER = Register()
REGISTER.agency("H33.90")
LETTERS = [signed_letter(REGISTER.identity("H33.02", key), "H33.90") for key in ("p256", "rsa2048")]


def content(body: bytes) -> bytes:
    """What the signature covers, in canonical form."""
    root = parse(body)
    for signature in list(root.iter(SIGNATURE)):
        signature.getparent().remove(signature)
    octets: bytes = etree.tostring(root, method="c14n", exclusive=True)
    return octets


COVERED = [content(body) for body in LETTERS]


def verdict(number: int, changed: bytes) -> str:
    """The first code, or empty when it is accepted, which it may be only when its content is the same."""
    outcome = asyncio.run(REGISTER.judge(changed, "H33.02"))
    if not isinstance(outcome, Accepted):
        return outcome.findings[0].code
    assert content(changed) == COVERED[number], "accepted with another content"
    return ""


letters = st.integers(0, len(LETTERS) - 1)
places = st.integers(0, min(map(len, LETTERS)) - 1)


@settings(max_examples=400, deadline=None)
@given(letters, places, st.integers(1, 255))
def test_one_octet_flipped(number: int, place: int, mask: int) -> None:
    body = bytearray(LETTERS[number])
    body[place] ^= mask
    verdict(number, bytes(body))


@settings(max_examples=400, deadline=None)
@given(letters, places, st.sampled_from([" ", "\t", "\n", "\r", "\r\n", " a='1'", "<x/>", "&#32;", "\u00a0", "ê"]))
def test_something_inserted(number: int, place: int, piece: str) -> None:
    body = LETTERS[number]
    verdict(number, body[:place] + piece.encode() + body[place:])


@settings(max_examples=300, deadline=None)
@given(letters, places, st.integers(1, 400))
def test_something_left_out(number: int, place: int, length: int) -> None:
    body = LETTERS[number]
    verdict(number, body[:place] + body[place + length :])


@settings(max_examples=200, deadline=None)
@given(letters, places, places, st.integers(1, 200))
def test_something_moved(number: int, place: int, target: int, length: int) -> None:
    body = LETTERS[number]
    piece, rest = body[place : place + length], body[:place] + body[place + length :]
    verdict(number, rest[:target] + piece + rest[target:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<edXML:edXMLManifest version="1.0">', '<edXML:edXMLManifest   version = "1.0" >'),
        ('<edXML:edXMLManifest version="1.0">', "<edXML:edXMLManifest version='1.0'>"),
        ("</edXML:edXMLBody>", "</edXML:edXMLBody \n>"),
        ("H33.90", "H33&#46;90"),
        ('<?xml version="1.0" encoding="UTF-8"?>\n', ""),
    ],
)
def test_what_canonicalisation_levels_is_accepted(old: str, new: str) -> None:
    """The other side of the same rule: these are spellings, not content."""
    changed = LETTERS[0].replace(old.encode(), new.encode(), 1)
    assert changed != LETTERS[0]
    assert verdict(0, changed) == ""


@pytest.mark.slow
def test_every_single_octet_flipped_is_refused_but_for_the_declarations_letter_case() -> None:
    body, seen = LETTERS[0], Counter[str]()
    for place in range(len(body)):
        for mask in (0x01, 0x20, 0x80):
            changed = body[:place] + bytes([body[place] ^ mask]) + body[place + 1 :]
            code = verdict(0, changed)
            seen[code] += 1
            assert code or body[:place].count(b"\n") == 0, (place, mask)  # the first line is the XML declaration
    assert seen[""] == 3  # "UTF" in another case

"""Base64 in pieces says the same as base64 at once (RFC 4648 §3.3), and bound attachments are compared inside too."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.envelope.model import EncodedAttachment
from hub.envelope.writing import OutgoingAttachment, document_message
from hub.signatures.sign import sign
from hub.validation import attachments
from tests.hostile.multipart import ONE, bound
from tests.intake.register import Register, letter


class Node:
    def __init__(self, text: str | None) -> None:
        self.text = text


def decoded(text: str) -> bytes:
    node = Node(text)
    octets = b"".join(attachments.octets_of(EncodedAttachment("a1", "a.txt", "text/plain", node)))
    assert node.text is None, "the tree does not hold what was taken"
    return octets


def strict(text: str) -> bytes:
    """The one canonical text of some octets: the library alone lets excess padding and loose last bits pass."""
    signs = re.sub("[ \\t\\r\\n]", "", text).encode("ascii")
    octets = binascii.a2b_base64(signs, strict_mode=True)
    if binascii.b2a_base64(octets, newline=False) != signs:
        raise ValueError("not canonical")
    return octets


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "STEP", 7)


@given(st.binary(max_size=200), st.integers(1, 20))
def test_what_was_encoded_is_decoded_with_white_space_anywhere(content: bytes, width: int) -> None:
    text = base64.b64encode(content).decode()
    lines = "\r\n\t".join(text[start : start + width] for start in range(0, len(text), width))
    assert decoded(lines) == content


@given(st.text(alphabet="QUJD=+/-_ \n!ă", max_size=40))
def test_in_pieces_nothing_is_taken_that_is_refused_at_once_nor_otherwise(text: str) -> None:
    try:
        expected = strict(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - its texts differ, and nobody reads them
            decoded(text)
    else:
        assert decoded(text) == expected


@pytest.fixture(scope="module")
def register() -> Register:
    register = Register()
    register.identity("H33.02")
    register.agency("H33.90")
    return register


async def test_an_attachment_inside_that_is_bound_must_be_the_bound_one(register: Register) -> None:
    identity = register.identity("H33.02")
    inside = OutgoingAttachment("a1.txt", ONE, "text/plain", content_id="a1")
    whole = document_message(letter("H33.02", "H33.90", attachments=(inside,)))
    for content, codes in ((ONE, []), (ONE + b"!", ["attachment-digest"]), (b"!" + ONE[1:], ["attachment-digest"])):
        manifest = document_message(letter("H33.02", "H33.90", attachments=(bound("a1", content),)))
        reference = manifest[manifest.index(b"<lt:Digest") : manifest.index(b"</lt:Size>") + len(b"</lt:Size>")]
        message = whole.replace(b"</edXML:Reference>", reference + b"</edXML:Reference>")
        assert await register.codes(sign(message, identity.signer), "H33.02") == codes


async def test_long_attachments_are_decoded_into_files_and_come_out_whole(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "STEP", 1000)
    monkeypatch.setattr(attachments, "IN_MEMORY", 5000)
    identity = register.identity("H33.02")
    contents = [f"Trang {number}\n".encode() * 300 for number in range(4)]
    files = tuple(OutgoingAttachment(f"{number}.txt", content, "text/plain") for number, content in enumerate(contents))
    envelope = await register.accepted(
        sign(document_message(letter("H33.02", "H33.90", attachments=files)), identity.signer), "H33.02"
    )
    assert [one.sha256 for one in envelope.attachments] == [hashlib.sha256(one).hexdigest() for one in contents]
    assert {one.form for one in envelope.attachments} == {"inline"}

"""Whatever is done to a letter, before or after it was signed, there is a verdict; only what was signed is accepted."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.envelope.names import EDXML, SIGNATURE
from hub.problems import Deferred, Refused
from hub.signatures.sign import sign
from hub.validation import Accepted
from tests.hostile.forgery import SENDER, Bench

BENCH = Bench.create()
HONEST = BENCH.honest()
MESSAGE = BENCH.message()
TOKENS = (
    b"<",
    b">",
    b"&",
    b'"',
    b"'",
    b"</",
    b"/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"<!DOCTYPE",
    b"&#0;",
    b"&#13;",
    b"&lt;",
    b" xmlns=''",
    b" xmlns:edXML='urn:x:y'",
    b" Id='x'",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"\xcc\x81",
    b"\xed\xa0\x80",
    b"\0",
    b"\xff",
    b"edXML:",
    b"ds:",
    b"<ds:Object/>",
    b"<edXML:Subject>x</edXML:Subject>",
    b"\r\n",
    b" " * 40,
    b"A" * 300,
)
places = st.integers(0, len(HONEST))
Change = Callable[[bytes], bytes]


def _insert(place: int, token: bytes) -> Change:
    return lambda body: body[:place] + token + body[place:]


def _cut(one: int, length: int) -> Change:
    return lambda body: body[:one] + body[one + length :]


def _copied(one: int, length: int, other: int) -> Change:
    return lambda body: body[:other] + body[one : one + length] + body[other:]


def _replaced(place: int, octet: int) -> Change:
    return lambda body: body[:place] + bytes([octet]) + body[place + 1 :]


changes = st.one_of(
    st.builds(_insert, places, st.sampled_from(TOKENS) | st.binary(max_size=8)),
    st.builds(_cut, places, st.integers(1, 400)),
    st.builds(_copied, places, st.integers(1, 400), places),
    st.builds(_replaced, places, st.integers(0, 255)),
)


def canonical(body: bytes) -> bytes:
    """What the signature is about: the document without it, in exclusive canonical form."""
    root = etree.fromstring(body)
    for signature in root.findall(f".//{SIGNATURE}"):
        signature.getparent().remove(signature)
    octets: bytes = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    return octets


SIGNED = canonical(HONEST)


def accepted(body: bytes) -> bool:
    """Whether the letter is accepted. Anything raised but a deferral is a defect of the hub."""
    try:
        return isinstance(asyncio.run(BENCH.register.judge(body, SENDER)), Accepted)
    except Deferred:
        return False


@settings(max_examples=400, deadline=None)
@given(st.lists(changes, min_size=1, max_size=4))
@example([])
def test_octets_changed_after_signing_are_judged_and_only_what_was_signed_is_accepted(made: list[Change]) -> None:
    body = HONEST
    for change in made:
        body = change(body)
    if accepted(body):
        assert canonical(body) == SIGNED
    else:
        assert body != HONEST


def _elements(root: Any) -> list[Any]:
    return [node for node in root.iter() if node is not root]


def _doubled(root: Any, number: int, _text: str) -> None:
    node = _pick(root, number)
    node.addnext(copy.deepcopy(node))


def _removed(root: Any, number: int, _text: str) -> None:
    node = _pick(root, number)
    node.getparent().remove(node)


def _moved(root: Any, number: int, text: str) -> None:
    node, target = _pick(root, number), _pick(root, len(text) * 7)
    if target not in node.iter():
        target.append(node)


def _renamed(root: Any, number: int, text: str) -> None:
    node = _pick(root, number)
    node.tag = _pick(root, len(text) * 5).tag


def _foreign(root: Any, number: int, _text: str) -> None:
    node = _pick(root, number)
    node.tag = node.tag.replace(EDXML, "urn:vendor:x")


def _said(root: Any, number: int, text: str) -> None:
    _pick(root, number).text = text


def _attributed(root: Any, number: int, text: str) -> None:
    _pick(root, number).set("{urn:vendor:x}a", text)


def _pick(root: Any, number: int) -> Any:
    nodes = _elements(root) or [etree.SubElement(root, "x")]
    return nodes[number % len(nodes)]


ODD = ("", " ", "0", "-1", "9" * 30, "2026/02/30", "9999/12/31 23:59:59", "0001/01/01 00:00:00", "MẬT", "a@b.c", "QQ==")
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=60),
    st.sampled_from(ODD),
    st.builds(str.__mul__, st.sampled_from(["e\u0323\u0302", "ệ", "\u0301", "x"]), st.integers(1, 600)),
)
Move = tuple[Callable[[Any, int, str], None], int, str]
moves = st.tuples(
    st.sampled_from([_doubled, _removed, _moved, _renamed, _foreign, _said, _attributed]), st.integers(0, 200), texts
)


@settings(max_examples=400, deadline=None)
@given(st.lists(moves, min_size=1, max_size=4))
def test_any_letter_that_an_agency_signs_is_judged(
    made: list[Move],
) -> None:
    root = etree.fromstring(MESSAGE)
    for move, number, text in made:
        move(root, number, text)
    message = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    try:
        body = sign(message, BENCH.sender.signer)
    except Refused:
        return  # no header to sign in
    verdict = asyncio.run(BENCH.register.judge(body, SENDER))
    if isinstance(verdict, Accepted):
        envelope = verdict.envelope
        assert envelope.content.document_id
        assert envelope.content.number
        assert envelope.content.notation
        assert envelope.content.subject
        assert envelope.content.document_type
        assert envelope.recipients
        assert envelope.attachments
        assert len({one.content_id for one in envelope.attachments}) == len(envelope.content.manifest)
        assert 0 <= envelope.business_type <= 3
        assert 0 <= envelope.priority <= 4
    else:
        assert verdict.findings

"""A long document read from its file in pieces is judged as it would be at once, and a tag without end costs little."""

from __future__ import annotations

import io
import time

import pytest
from lxml import etree

from hub.envelope import hardening
from hub.envelope.hardening import Limits, parse, scan
from hub.problems import Refused
from tests.hostile import xml_forms
from tests.hostile.forgery import Attack, Bench

N = 'xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"'
MIB = 1 << 20


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


def outcome(body: bytes, *, in_pieces: bool) -> str:
    """The code of the refusal, or the canonical form of what was read."""
    try:
        root = parse(io.BytesIO(body) if in_pieces else body)
    except Refused as refusal:
        return refusal.code
    canonical: bytes = etree.tostring(root, method="c14n")
    return canonical.decode()


@pytest.mark.parametrize("piece", [1 << 12, 1 << 14])
@pytest.mark.parametrize("attack", xml_forms.ATTACKS, ids=lambda attack: attack.name)
def test_in_pieces_a_document_comes_to_the_same(
    bench: Bench, attack: Attack, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardening, "PIECE", piece)
    for body in (attack.forge(bench), attack.twin(bench)):
        at_once, pieces = outcome(body, in_pieces=False), outcome(body, in_pieces=True)
        # what is refused for its length may be seen sooner, before it is seen that it is also malformed
        assert pieces == at_once or pieces == "xml-limit" or {pieces, at_once} <= {"xml-malformed", "xml-dtd"}
        assert pieces.startswith("xml-") == at_once.startswith("xml-")


@pytest.mark.parametrize("place", range(MIB - 12, MIB + 4))
def test_what_falls_between_two_pieces_is_seen(place: int) -> None:
    head = f"<edXML {N}><ContentTransferEncoded>".encode()
    for mark, codes in (
        (b"<!DOCTYPE x>", {"xml-dtd", "xml-malformed"}),
        (b"<!-- x -->", {"xml-comment"}),
        (b"<![CDATA[x]]>", {"xml-cdata"}),
        (b"<?x y?>", {"xml-processing-instruction"}),
        (b"\xe1\xba", {"xml-encoding"}),
        (b"\0", {"xml-encoding"}),
    ):
        body = head + b"A" * (place - len(head)) + mark + b"</ContentTransferEncoded></edXML>"
        with pytest.raises(Refused) as refusal:
            scan(io.BytesIO(body), Limits())
        assert refusal.value.code in codes, mark
    whole = head + b"A" * (place - len(head)) + "ế".encode() + b"</ContentTransferEncoded></edXML>"
    scan(io.BytesIO(whole), Limits())


@pytest.mark.parametrize("tag", [b"<" + b"a" * 40 * MIB, b"<a b='" + b"c" * 40 * MIB, b"<a " + b" " * 40 * MIB])
def test_a_tag_without_end_is_refused_before_it_costs_more_than_its_length(tag: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Refused) as refusal:
        scan(io.BytesIO(b"<edXML>" + tag), Limits())
    assert refusal.value.code == "xml-limit"
    assert time.process_time() - started < 1


def test_the_place_of_a_wrong_octet_is_counted_over_all_pieces() -> None:
    body = b"<edXML>" + b"\n" * (3 * MIB) + b"\xff</edXML>"
    with pytest.raises(Refused) as refusal:
        scan(io.BytesIO(body), Limits(text=1 << 30, texts=1 << 30))
    assert refusal.value.detail == f"octet {7 + 3 * MIB} is not UTF-8"

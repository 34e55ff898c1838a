"""multipart/related, read and written: what was put in comes out, however it is cut, and nothing else."""

from __future__ import annotations

import hashlib
import io
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.envelope.related import (
    PIECE,
    Form,
    Octets,
    OutgoingPart,
    PartHead,
    PartLimits,
    Related,
    RelatedReader,
    content_id,
    media_type,
    simple_type,
)
from hub.problems import Refused

LIMITS = PartLimits(1 << 22, 1 << 22, 20)


class Collected:
    """What a reader saw: the root and the parts by name, in their order."""

    def __init__(self, content_type: str, body: bytes, step: int) -> None:
        self.heads: list[PartHead] = []
        self.contents: list[bytearray] = []
        reader = RelatedReader(Form.of(content_type), LIMITS, self.begin)
        for start in range(0, len(body), step):
            reader.feed(body[start : start + step])
        reader.close()

    def begin(self, head: PartHead) -> Collected:
        self.heads.append(head)
        self.contents.append(bytearray())
        return self

    def write(self, chunk: memoryview, /) -> None:
        self.contents[-1] += chunk


def octets(content: bytes) -> Octets:
    return Octets(len(content), partial(io.BytesIO, content))


def related(root: bytes, *parts: bytes) -> Related:
    outgoing = tuple(
        OutgoingPart(f"p{number}@x", octets(content), "text/plain", hashlib.sha256(content).hexdigest())
        for number, content in enumerate(parts)
    )
    return Related(hashlib.sha256(root).hexdigest(), octets(root), outgoing)


# octets that look like what ends a part, and others
awkward = st.lists(
    st.one_of(
        st.binary(max_size=40), st.sampled_from([b"\r\n", b"--", b"\r\n--", b"\r", b"\n", b"Content-ID: <p1@x>"])
    ),
    max_size=12,
).map(b"".join)


@given(awkward, st.lists(awkward, max_size=4), st.integers(1, 200))
def test_every_part_comes_out_as_it_was_put_in_wherever_it_is_cut(root: bytes, parts: list[bytes], step: int) -> None:
    whole = related(root, *parts)
    body = b"".join(whole)
    assert len(body) == whole.length
    seen = Collected(whole.media_type, body, step)
    assert [bytes(one) for one in seen.contents] == [root, *parts]
    assert [head.content_id for head in seen.heads] == ["", *(f"p{number}@x" for number in range(len(parts)))]
    assert [head.is_root for head in seen.heads] == [True, *[False] * len(parts)]


@given(awkward, st.lists(awkward, min_size=1, max_size=3), st.data())
def test_a_body_that_lost_its_end_is_never_taken(root: bytes, parts: list[bytes], data: st.DataObject) -> None:
    whole = related(root, *parts)
    body = b"".join(whole)
    kept = data.draw(st.integers(0, len(body) - 3))
    with pytest.raises(Refused) as refusal:
        Collected(whole.media_type, body[:kept], 64)
    assert refusal.value.code == "multipart-malformed"


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; boundary="----=_Part_1_2.3"; type="application/xml";',
        "multipart/related;boundary=----=_Part_1_2.3;type=application/xml;start=<r@x>",
        'Multipart/Related; ; Type=text/xml; start="<r@x>"; Boundary="----=_Part_1_2.3" ; charset=utf-8',
    ],
)
def test_a_content_type_as_senders_write_it_is_understood(content_type: str) -> None:
    part = b"--%s\r\nContent-Type: text/xml; charset=utf8;\r\nContent-ID: <r@x>\r\n\r\n<x/>\r\n--%s--\r\n"
    seen = Collected(content_type, part % ((b"----=_Part_1_2.3",) * 2), 7)
    assert [bytes(one) for one in seen.contents] == [b"<x/>"]


@pytest.mark.parametrize(
    "more", ["; a", "; a=", '; a=b"c"', "; a=b c", "; type=text/xml", "; a=b, c", "; =a", "; a=\x01"]
)
def test_a_content_type_that_may_be_read_in_two_ways_is_refused(more: str) -> None:
    with pytest.raises(Refused, match="parameters"):
        Collected(f'multipart/related; boundary="b"; type="application/xml"{more}', b"", 7)


@given(st.binary(min_size=1, max_size=30))
def test_nothing_may_stand_after_the_end(more: bytes) -> None:
    whole = related(b"<x/>", b"a")
    with pytest.raises(Refused):
        Collected(whole.media_type, b"".join(whole) + more, 50)


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("padding", [b" ", b"\t", b" " * 30_000, b"x", b"-", b"-x", b"\r", b"\rx", b"\n"])
def test_a_line_that_begins_like_the_boundary_is_refused_wherever_it_is_cut(step: int, padding: bytes) -> None:
    whole = related(b"<x/>", b"a")
    body = b"".join(whole)
    line = body[: body.index(b"\r\n")]
    for place in (0, body.index(line, 1)):
        padded = body[:place] + line + padding + body[place + len(line) :]
        with pytest.raises(Refused, match="goes on otherwise"):
            Collected(whole.media_type, padded, step)


def test_a_body_longer_than_a_piece_is_read_and_written_in_pieces() -> None:
    content = bytes(range(256)) * 8192
    whole = related(b"<x/>", content)
    assert max(map(len, whole)) == PIECE
    assert bytes(Collected(whole.media_type, b"".join(whole), PIECE).contents[1]) == content


def test_octets_that_are_fewer_than_announced_end_the_writing() -> None:
    whole = Related("a" * 64, Octets(5, partial(io.BytesIO, b"abc")), ())
    with pytest.raises(OSError, match="2 octets are missing"):
        b"".join(whole)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("<a1>", "a1"),
        ("a1", "a1"),
        ("cid:a1", "a1"),
        ("<cid:a1>", "a1"),
        ("<01a2-b3@co-quan.gov.vn>", "01a2-b3@co-quan.gov.vn"),
        ("<a b>", ""),
        ("<a@b@c>", ""),
        ("..", ""),
        ("a..b", ""),
        ("a/b", ""),
        ("x" * 251, ""),
        ("", ""),
    ],
)
def test_an_identifier_is_read_bare_or_not_at_all(text: str, bare: str) -> None:
    assert content_id(text) == bare


def test_a_quoted_parameter_is_read_without_its_quotes() -> None:
    assert media_type(r'Text/Plain; Charset="utf-8"; a="x\"y; z"') == (
        "text/plain",
        {"charset": "utf-8", "a": 'x"y; z'},
    )
    for wrong in (
        "text",
        "text/plain; a",
        'text/plain; a="x',
        "text/plain; a=b; A=c",
        "text/plain, x/y",
    ):
        with pytest.raises(Refused):
            media_type(wrong)


@pytest.mark.parametrize(
    "text", ["", "text/plain\r\nX: 1", "multipart/mixed", "message/rfc822", "tệp", "text/plain; x=1"]
)
def test_a_type_that_could_mislead_a_reader_is_not_passed_on(text: str) -> None:
    assert simple_type(text) == "application/octet-stream"

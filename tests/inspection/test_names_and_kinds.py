"""Names and kinds: properties that no table of examples shows."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.inspection import archives, kinds, pdf_form
from hub.inspection.inflating import Budget
from hub.inspection.names import EXECUTABLE_EXTENSIONS, awkward, extension, troubles, unsafe
from tests.inspection import samples

WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=3, max_size=20).filter(lambda word: word.strip())


@given(words=st.lists(WORDS, min_size=1, max_size=5), ending=st.sampled_from(["pdf", "docx", "jpg"]))
def test_a_vietnamese_title_is_a_name_like_any_other(words: list[str], ending: str) -> None:
    name = f"Công văn số 128 ({' '.join(words)}).{ending}"
    assert troubles(name) == []
    assert extension(name) == ending


@given(
    stem=st.text(max_size=30),
    ending=st.sampled_from(sorted(EXECUTABLE_EXTENSIONS)),
    tail=st.sampled_from(["", ".", " ", ". . "]),
)
def test_no_spelling_of_a_programs_name_is_taken_for_a_document(stem: str, ending: str, tail: str) -> None:
    found = {trait for trait, _ in troubles(f"{stem}x.{ending.upper()}{tail}")}
    assert found & {"executable", "name"}


@given(before=st.lists(WORDS, max_size=3), separator=st.sampled_from("/\\"), after=WORDS)
def test_every_step_out_is_seen(before: list[str], separator: str, after: str) -> None:
    assert unsafe(separator.join([*before, "..", after]))


@pytest.mark.parametrize("name", ["", "a", "a.b.c", "Phụ lục 1 (kèm theo).xlsx", "«Đề án».pdf", "a..pdf", "…pdf"])
def test_unusual_names_that_harm_nothing_pass(name: str) -> None:
    assert (troubles(name), awkward(name)) == ([], "")


@given(octets=st.binary(max_size=300))
def test_any_octets_are_of_one_kind_or_of_none(octets: bytes) -> None:
    found = archives.kind_of(io.BytesIO(octets), len(octets))
    assert found in ("", "program") or found in kinds.KINDS


def test_no_extension_belongs_to_two_kinds_and_none_to_a_program() -> None:
    endings = [ending for kind in kinds.KINDS.values() for ending in kind.extensions]
    assert len(endings) == len(set(endings))
    assert not EXECUTABLE_EXTENSIONS.intersection(endings)
    assert {other for kind in kinds.KINDS.values() for other in kind.holds} <= set(kinds.KINDS)


@settings(deadline=None)
@given(
    entries=st.dictionaries(WORDS, st.binary(max_size=2000), min_size=1, max_size=8),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_what_another_program_packs_is_whole(entries: dict[str, bytes], method: int) -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as writer:
        for name, content in entries.items():
            writer.writestr(f"{name}.txt", b"." + content)
    made = output.getvalue()
    assert [
        trait for trait, _ in archives.look_into(io.BytesIO(made), "zip", Budget(len(made))) if trait != "path"
    ] == []


@settings(deadline=None)
@given(data=st.data())
def test_no_change_of_an_archive_goes_unseen_or_raises(data: st.DataObject) -> None:
    """One octet of the stored content: always seen. One octet anywhere: whatever it does, no exception."""
    content = b"Van ban so 128/UBND-VP"
    made = bytearray(samples.archive(("a.txt", content), stored=True))
    start = made.index(content)
    inside = data.draw(st.booleans())
    place = data.draw(st.integers(start, start + len(content) - 1) if inside else st.integers(0, len(made) - 1))
    made[place] ^= data.draw(st.integers(1, 255))
    found = archives.look_into(io.BytesIO(bytes(made)), "zip", Budget(len(made)))
    assert found or not inside


def test_a_streamed_archive_with_its_sizes_behind_is_whole() -> None:
    class Pipe(io.RawIOBase):
        """Cannot be sought: sizes are written behind the octets (APPNOTE §4.3.9)."""

        def __init__(self) -> None:
            self.octets = b""

        def writable(self) -> bool:
            return True

        def write(self, octets: bytes) -> int:  # type: ignore[override]  # narrower than the buffer protocol
            self.octets += bytes(octets)
            return len(octets)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("a.txt", b"a" * 1000)
    assert archives.look_into(io.BytesIO(pipe.octets), "zip", Budget(len(pipe.octets))) == []


def test_an_archive_of_the_64_bit_form_is_read() -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as writer, writer.open("a.txt", "w", force_zip64=True) as entry:
        entry.write(b"a" * 1000)
    made = output.getvalue()
    assert archives.look_into(io.BytesIO(made), "zip", Budget(len(made))) == []


@given(octets=st.binary(min_size=200, max_size=4000))
def test_random_octets_that_went_through_text_are_seen(octets: bytes) -> None:
    lost = octets.decode("utf-8", "replace").count("\ufffd")
    changed = pdf_form.went_through_text(samples.through_utf8(octets))
    assert changed or lost < pdf_form.TRACES


PLAIN_STREAMS = [
    ("armoured", b"/Filter [ /ASCII85Decode /FlateDecode ]", b"Gar?/0`_6>~>"),
    ("empty", b"/Filter /FlateDecode", b""),
    ("that happens to be ASCII", b"/Filter/FlateDecode", b"x^KLJ\x06\x00\x02M\x01'"),
    ("uncompressed", b"/Title (stream)", b"BT ET"),
]


@pytest.mark.parametrize(("words", "data"), [row[1:] for row in PLAIN_STREAMS], ids=[row[0] for row in PLAIN_STREAMS])
def test_an_honest_pdf_of_nothing_but_text_is_not_taken_for_damage(words: bytes, data: bytes) -> None:
    stream = b"\n9 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj" % (words, len(data), data)
    content = samples.without_binary(samples.pdf()).replace(b"\nxref\n", stream + b"\nxref\n")
    assert pdf_form.examine(io.BytesIO(content), len(content)).damage == ""


@pytest.mark.parametrize("spoil", [samples.without_binary, samples.masked, samples.through_code_page])
def test_a_stream_that_could_not_be_made_shorter_is_seen_to_be_spoilt(spoil: Callable[[bytes], bytes]) -> None:
    packed = zlib.compress(hashlib.shake_256(b"noise").digest(3000))
    stream = b"\n9 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj" % (len(packed), packed)
    content = samples.pdf().replace(b"\nxref\n", stream + b"\nxref\n")
    assert pdf_form.examine(io.BytesIO(content), len(content)).damage == ""
    spoilt = spoil(content)
    assert pdf_form.examine(io.BytesIO(spoilt), len(spoilt)).damage != ""


@pytest.mark.parametrize(
    "text", ["Công văn số 128 về việc liên thông văn bản " * 20, "ăâđêôơư" * 99, "\ufffd một chữ mất"]
)
def test_vietnamese_text_is_not_taken_for_damage(text: str) -> None:
    assert pdf_form.went_through_text(text.encode()) == ""

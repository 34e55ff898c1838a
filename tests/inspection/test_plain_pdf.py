"""Plain PDFs are counted without a process; whatever is not plain is left to it, and both never disagree."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.pki import Pki
from hub.inspection import pdf, plain_pdf
from tests.inspection import samples

TOKENS = (
    b"/Type", b"/Pages", b"/Page", b"/Kids", b"/Count", b"<<", b">>", b"[", b"]", b" 0 R", b"4 0 R", b"2 0 R",
    b"1 0 obj", b"endobj", b"/Encrypt 1 0 R", b"/Prev 0", b"%", b"\n", b" ", b"\0", b"#50", b"(", b")", b"null",
    b"99999", b"-1", b"xref", b"f", b"stream", b"\r",
)  # fmt: skip


@pytest.mark.parametrize("pages", [1, 2, 40])
def test_a_plain_pdf_is_counted(pages: int) -> None:
    assert plain_pdf.pages(samples.pdf(pages)) == pages


def test_what_is_not_plain_is_left_to_the_process() -> None:
    plain = samples.pdf()
    cases = {
        "locked": samples.locked_pdf(""),
        "signed": samples.signed_pdf(plain, Pki.create().issue("H33", "Cơ quan")),
        "loop": samples.looping_pdf(),
        "nested": samples.nested_pdf(),
        "unreadable": samples.unreadable_pdf(),
        "no page": plain.replace(b"/Kids [4 0 R]", b"/Kids []     "),
        "cut": plain[:-40],
        "longer": samples.pdf(2000),
        "written again": plain + plain[plain.index(b"xref") :],
        "moved": b"\n" + plain,
        "a page twice": samples.pdf(2).replace(b"/Kids [4 0 R 6 0 R]", b"/Kids [4 0 R 4 0 R]"),
    }
    assert plain not in cases.values()
    assert {what for what, content in cases.items() if plain_pdf.pages(content) is not None} == set()


@given(st.integers(min_value=0))
def test_whatever_is_counted_without_the_process_is_counted_the_same_by_it(seed: int) -> None:
    lot = random.Random(seed)
    content = bytearray(samples.pdf(lot.randint(1, 3)))
    for _ in range(lot.randint(0, 3)):
        place, token = lot.randrange(len(content)), lot.choice(TOKENS)
        length = lot.choice((0, 1, len(token)))
        content[place : place + length] = lot.choice((token, bytes([lot.randrange(256)]), b""))
    count = plain_pdf.pages(bytes(content))
    if count is not None:
        assert pdf.pages(BytesIO(content)) == {"pages": count}


def test_a_page_tree_beyond_the_limit_is_left_to_the_process() -> None:
    content = samples.pdf(170)
    assert len(content) < plain_pdf.LARGEST
    assert plain_pdf.pages(content) is None

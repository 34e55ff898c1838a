"""Pictures of page one: what is drawn, what is not and why, and that no hostile file reaches beyond its process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import subprocess
import sys
import zlib
from functools import partial
from io import BytesIO

import pytest

from hub.inspection import pictures
from hub.inspection.pictures import LARGEST_PDF, Picture, Pictures
from hub.problems import Deferred
from tests.inspection import samples


async def drawn(by: Pictures, content: bytes) -> Picture:
    return await by.page_one(hashlib.sha256(content).hexdigest(), len(content), partial(BytesIO, content))


def pixels(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and samples, read by the format's own rules: every checksum holds."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, dict[bytes, bytes]()
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, octets = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length) == (zlib.crc32(kind + octets),)
        chunks[kind] = chunks.get(kind, b"") + octets
        place += 12 + length
    width, height, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    return width, height, zlib.decompress(chunks[b"IDAT"])


async def test_page_one_is_drawn_with_what_stands_on_it_once_for_all_who_ask() -> None:
    made = Pictures()
    content = samples.simple_pdf("Công văn", [["Kinh gui: So Tai chinh", "Noi dung"], ["trang hai"]])
    first, second = await asyncio.gather(drawn(made, content), drawn(made, content))
    assert first.outcome == "drawn"
    assert first is second
    width, height, samples_of = pixels(first.png)
    assert (width, height) in ((700, 990), (700, 991))
    assert min(samples_of) < 90, "ink"
    assert samples_of.count(255) > len(samples_of) // 2, "on paper"
    assert (await drawn(made, content)) is first


async def test_what_cannot_be_drawn_says_why() -> None:
    made = Pictures()
    for content, outcome in (
        (b"%PDF-1.4\n", "unreadable"),
        (b"no PDF at all", "unreadable"),
        (samples.locked_pdf("mật khẩu"), "encrypted"),
        (samples.locked_pdf(""), "drawn"),
        (samples.unreadable_pdf(), None),
    ):
        told = await drawn(made, content)
        assert outcome in (None, told.outcome), (content[:40], told.outcome)
        assert bool(told.png) is (told.outcome == "drawn")
    assert (await made.page_one("a" * 64, LARGEST_PDF + 1, partial(BytesIO, b""))).outcome == "too-large"


async def test_no_hostile_file_costs_more_than_its_own_process() -> None:
    """What the intake's tests make to cost, to loop and to be damaged, then an honest one."""
    made = Pictures(cpu_seconds=0.5)
    forged = [samples.looping_pdf(), samples.nested_pdf(), samples.flate_bomb_pdf(60_000_000)]
    binary = samples.binary_pdf()
    forged += [samples.rebuilt_pdf(1_000_000), binary[:-700], samples.EXE, samples.wrapped(samples.pdf(), "pdf")]
    forged += [spoil(binary) for spoil in (samples.through_utf8, samples.without_binary, samples.masked)]
    forged += [huge_page(), endless_form()]
    outcomes = [(await drawn(made, content)).outcome for content in forged]
    assert set(outcomes) <= {"drawn", "unreadable", "over-limits"}, outcomes
    assert outcomes[0] != "over-limits", "a loop is seen"
    assert outcomes[-1] == "over-limits", "the time runs out inside the library"
    assert (await drawn(made, samples.pdf())).outcome == "drawn"
    assert made.kept_octets < pictures.KEPT_OCTETS


def page_of(content: bytes, box: bytes = b"0 0 595 842", more: bytes = b"") -> bytes:
    """A PDF of one page, by hand; readers rebuild its cross-reference."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[" + box + b"]/Contents 4 0 R/Resources<<" + more + b">>>>endobj\n"
        b"4 0 obj<</Length %d>>stream\n" % len(content) + content + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
    )


def huge_page() -> bytes:
    return page_of(b"0 0 1 rg 0 0 9e9 9e9 re f", b"0 0 99999999 1")


def endless_form() -> bytes:
    """Every form draws the next one fifty times, ten deep."""
    forms, names = b"", b""
    for number in range(10, 20):
        names += b"/F%d %d 0 R" % (number, number)
        body = b"/F%d Do " % (number + 1) * 50 if number < 19 else b"0 0 9 9 re f"
        forms += (
            b"%d 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 500 500]/Resources 9 0 R/Length %d>>stream\n"
            % (number, len(body)) + body + b"\nendstream endobj\n"
        )  # fmt: skip
    head, tail = page_of(b"/F10 Do", more=b"/XObject<<" + names + b">>").split(b"trailer", 1)
    return head + forms + b"9 0 obj<</XObject<<" + names + b">>>>endobj\ntrailer" + tail


async def test_the_latest_pictures_are_kept_within_their_octets() -> None:
    one = samples.simple_pdf("a", [["mot"]])
    size = len((await drawn(Pictures(), one)).png)
    made = Pictures(kept_octets=2 * size + 2 * pictures.NOTE + 200)
    for text in ("hai", "ba", "bon"):
        await drawn(made, samples.simple_pdf(text, [[text]]))
        assert made.kept_octets <= 2 * size + 2 * pictures.NOTE + 200


async def test_who_comes_when_too_many_wait_is_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAITING", 1)
    made = Pictures()
    first = asyncio.create_task(drawn(made, samples.pdf(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Deferred):
        await drawn(made, samples.pdf(2))
    assert (await first).outcome == "drawn"
    assert (await drawn(made, samples.pdf(2))).outcome == "drawn"


def test_the_process_that_draws_can_open_nothing_and_start_nothing() -> None:
    tried = """
import os, socket
from hub.inspection import pdf_picture
import pypdfium2
pdf_picture._lock_in()
for what in (lambda: open('/etc/hostname'), lambda: socket.socket(), lambda: open('/tmp/x', 'w')):
    try:
        what()
    except OSError:
        continue
    raise SystemExit(f'{what} was let')
"""
    done = subprocess.run([sys.executable, "-c", tried], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr

"""What a hostile attachment may cost: less than a second of processor time and 64 MB, each in a child of its own."""

from __future__ import annotations

import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from multiprocessing.connection import Connection
from typing import NamedTuple

import pytest

from hub.inspection import archives, pdf, pdf_form
from hub.inspection.inflating import Budget
from hub.inspection.worker import MEMORY
from tests.hostile.processor import second
from tests.inspection import samples

MIB = 1 << 20
MEMORY_OCTETS = 64 * MIB


class Cost(NamedTuple):
    """Processor seconds and octets of memory beyond what the process had; and what was said."""

    seconds: float
    octets: int
    said: str


def measured(look: Callable[[bytes], str], content: bytes) -> Cost:
    """In a forked child, whose peak of memory is its own."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_measure, args=(theirs, look, content))
    child.start()
    try:
        assert ours.poll(30), "no answer"
        return Cost(*ours.recv())
    finally:
        child.kill()
        child.join()


def _measure(answer: Connection, look: Callable[[bytes], str], content: bytes) -> None:
    gc.freeze()  # what the tests hold is not this file's cost
    before, started = _peak(), time.process_time()
    said = look(content)
    answer.send((time.process_time() - started, _peak() - before, said))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def into_an_archive(content: bytes) -> str:
    """All that the checks do with a file that starts as a ZIP."""
    octets = BytesIO(content)
    archives.kind_of(octets, len(content))
    archives.unwrap(octets, "a.txt", Budget(len(content)))
    return ", ".join(sorted({trait for trait, _ in archives.look_into(octets, "zip", Budget(len(content)))}))


def into_a_pdf(content: bytes) -> str:
    """What the hub does itself with a PDF, and what the process that reads PDFs does with it, within its own limits."""
    pdf_form.examine(BytesIO(content), len(content))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return ", ".join(pdf.pages(BytesIO(content)))


def into_a_compound(content: bytes) -> str:
    kind = archives.kind_of(BytesIO(content), len(content))
    return ", ".join(trait for trait, _ in archives.look_into(BytesIO(content), kind, Budget(len(content))))


def dense(octets: int) -> bytes:
    """Compressed to about a ninetieth: no bomb yet."""
    lot = random.Random(octets)
    return b"".join(bytes(4096) + lot.randbytes(40) for _ in range(octets // 4136))


def looping_compound() -> bytes:
    """A directory whose chain of sectors runs in a circle."""
    made = bytearray(samples.compound(*(f"s{number}" for number in range(400))))
    made[512 + 4 * 50 : 512 + 4 * 51] = (1).to_bytes(4, "little")
    return bytes(made)


COSTLY: list[tuple[str, Callable[[bytes], str], Callable[[], bytes], str]] = [
    ("a quarter of a gigabyte of zeros", into_an_archive, lambda: samples.archive(("a.txt", bytes(256 * MIB))), "bomb"),
    ("all that is inflated of a small file", into_an_archive, lambda: samples.archive(("a.txt", dense(127 * MIB))), ""),
    (
        "more than is inflated of a small file",
        into_an_archive,
        lambda: samples.archive(("a.txt", dense(140 * MIB))),
        "opaque",
    ),
    ("ten thousand files over each other", into_an_archive, partial(samples.overlapping_archive, 9_999), "bomb"),
    (
        "sixty thousand empty files",
        into_an_archive,
        lambda: samples.archive(*((f"{n}", b"") for n in range(60_000))),
        "bomb",
    ),
    (
        "as many files as are looked at",
        into_an_archive,
        lambda: samples.archive(*((f"{n}", b"x") for n in range(10_000))),
        "",
    ),
    ("forty archives in each other", into_an_archive, partial(samples.nested_archive, 40), "bomb"),
    (
        "archives beside each other",
        into_an_archive,
        lambda: samples.archive(*((f"{n}.zip", samples.archive(("a", bytes(MIB)))) for n in range(64))),
        "bomb",
    ),
    (
        "a wrapping of a quarter of a gigabyte",
        into_an_archive,
        lambda: samples.wrapped(bytes(256 * MIB), "txt"),
        "bomb",
    ),
    ("a page tree that loops", into_a_pdf, samples.looping_pdf, "unreadable"),
    ("arrays in arrays", into_a_pdf, samples.nested_pdf, "unreadable"),
    ("a cross-reference to mend", into_a_pdf, partial(samples.rebuilt_pdf, 4 * MIB), "unreadable"),
    ("a stream of 200 MB", into_a_pdf, partial(samples.flate_bomb_pdf, 200 * MIB), "unreadable"),
    ("four thousand pages", into_a_pdf, partial(samples.pdf, 4000), "pages"),
    ("eight megabytes of text", into_a_pdf, lambda: b"%PDF-1.4\n" + "ộ".encode() * (8 * MIB // 3), "unreadable"),
    ("a circle of sectors", into_a_compound, looping_compound, ""),
]


@pytest.mark.parametrize(("look", "forge", "said"), [row[1:] for row in COSTLY], ids=[row[0] for row in COSTLY])
def test_a_hostile_attachment_costs_less_than_a_second_and_64_mb(
    look: Callable[[bytes], str], forge: Callable[[], bytes], said: str
) -> None:
    content = forge()
    limit, cost = second(), measured(look, content)
    if cost.seconds >= limit:  # a neighbour on the same core adds to the time and never takes from it
        limit, cost = second(), measured(look, content)
    assert cost.said == said
    assert cost.seconds < limit
    assert cost.octets < MEMORY_OCTETS

"""The processes that read PDFs: what they tell, what ends them, that nothing of the hub is in them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from hub.inspection.inspector import Inspector, Pdf
from tests.inspection import samples


@pytest.fixture
async def inspector() -> AsyncIterator[Inspector]:
    made = Inspector(processes=1)
    yield made
    made.close()


async def told(inspector: Inspector, content: bytes) -> Pdf:
    return await inspector.pages(hashlib.sha256(content).hexdigest(), len(content), partial(BytesIO, content))


async def test_no_process_is_started_before_it_is_needed_and_one_serves_many(inspector: Inspector) -> None:
    assert inspector.process_ids == []
    for pages in (1, 3, 250):
        assert await told(inspector, samples.pdf(pages)) == Pdf("read", pages)
    assert len(inspector.process_ids) == 1


async def test_what_cannot_be_read_is_an_outcome(inspector: Inspector) -> None:
    for content, outcome in (
        (b"%PDF-1.4\n", "unreadable"),
        (samples.unreadable_pdf(), "unreadable"),
        (samples.locked_pdf("mật khẩu"), "encrypted"),
        (samples.locked_pdf(""), "read"),
        (samples.pdf().replace(b"/Kids [4 0 R]", b"/Kids []     "), "unreadable"),
    ):
        assert (await told(inspector, content)).outcome == outcome


HOSTILE = [
    ("a page tree that loops", samples.looping_pdf),
    ("a cross-reference of three hundred megabytes", partial(samples.flate_bomb_pdf, 300_000_000)),
    ("no cross-reference in sixteen megabytes", partial(samples.rebuilt_pdf, 16_000_000)),
    ("deep nesting", samples.nested_pdf),
]


@pytest.mark.parametrize("forge", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
async def test_a_hostile_pdf_harms_nobody_else(inspector: Inspector, forge: partial[bytes]) -> None:
    assert (await told(inspector, forge())).outcome in ("unreadable", "over-limits")
    assert await told(inspector, samples.pdf()) == Pdf("read", 1)


async def test_a_question_that_takes_too_long_ends_the_process_and_not_the_next_question() -> None:
    hasty = Inspector(processes=1, cpu_seconds=0.01)
    try:
        assert await told(hasty, samples.pdf()) == Pdf("read", 1)
        first = hasty.process_ids
        assert (await told(hasty, samples.pdf(4000))).outcome == "over-limits"
        assert await told(hasty, samples.pdf(2)) == Pdf("read", 2)
        assert hasty.process_ids != first
    finally:
        hasty.close()


async def test_a_process_that_was_killed_is_started_again(inspector: Inspector) -> None:
    await told(inspector, samples.pdf())
    (process,) = inspector.process_ids
    os.kill(process, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert await told(inspector, samples.pdf(2)) == Pdf("read", 2)


async def test_the_same_file_is_read_once(inspector: Inspector) -> None:
    content, opened = samples.pdf(7), []

    def opener() -> BytesIO:
        opened.append(1)
        return BytesIO(content)

    digest = hashlib.sha256(content).hexdigest()
    answers = await asyncio.gather(*(inspector.pages(digest, len(content), opener) for _ in range(20)))
    answers.append(await inspector.pages(digest, len(content), opener))
    assert answers == [Pdf("read", 7)] * 21
    assert len(opened) == 1


async def test_who_gives_up_waiting_takes_the_answer_from_nobody(inspector: Inspector) -> None:
    content = samples.pdf(2000)
    impatient = asyncio.create_task(told(inspector, content))
    patient = asyncio.create_task(told(inspector, content))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == Pdf("read", 2000)


async def test_what_is_too_large_is_not_opened() -> None:
    small = Inspector(largest=100)
    answer = await small.pages("0" * 64, 101, partial(pytest.fail, "it was opened"))
    small.close()
    assert (answer.outcome, small.process_ids) == ("too-large", [])


async def test_nothing_that_the_hub_knows_is_in_the_process(inspector: Inspector) -> None:
    await told(inspector, samples.pdf())
    process = Path("/proc", str(inspector.process_ids[0]))
    assert (process / "environ").read_bytes() == b""
    files = [os.readlink(descriptor) for descriptor in (process / "fd").iterdir()]
    assert {file.partition(":")[0] for file in files} <= {"socket", "/dev/null"}
    limits = (process / "limits").read_text()
    assert "Max core file size        0 " in limits
    assert "Max address space         402653184 " in limits


async def test_closing_ends_the_processes() -> None:
    made = Inspector()
    await asyncio.gather(*(told(made, samples.pdf(pages)) for pages in range(1, 5)))
    processes = made.process_ids
    assert processes
    made.close()
    assert not {str(process) for process in processes} & set(os.listdir("/proc"))


async def test_closing_answers_who_is_waiting_and_starts_nothing_new() -> None:
    made = Inspector(processes=1)
    assert await told(made, samples.pdf()) == Pdf("read", 1)
    waiting = [asyncio.create_task(told(made, samples.pdf(3000 + number))) for number in range(3)]
    await asyncio.sleep(0.01)
    made.close()
    assert {answer.outcome for answer in await asyncio.gather(*waiting)} == {"over-limits"}
    assert (await told(made, samples.pdf(2))).outcome == "over-limits"
    assert made.process_ids == []


async def test_who_waits_is_answered_though_no_process_can_be_started(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(told(inspector, samples.pdf(pages)) for pages in (1, 2, 3)))
    assert [answer.outcome for answer in answers] == ["over-limits"] * 3


def test_answers_come_in_one_event_loop_after_another() -> None:
    made = Inspector(processes=1)
    try:
        for pages in (1, 2):
            assert asyncio.run(told(made, samples.pdf(pages))) == Pdf("read", pages)
    finally:
        made.close()

"""What receivers answer, over real HTTP, and what the hub makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from adapters.push import carrier
from adapters.push.answers import retry_after, words
from hub import clock
from hub.delivery.carrier import Delivered, Failed, Handed
from hub.delivery.failures import FAILURES
from hub.registry.model import System
from tests.delivery.parcels import parcel, receipt
from tests.push.conftest import BRIEF, Line, failed
from tests.push.receiver import Receiver, Say
from tests.world import eventually


@pytest.mark.parametrize(
    "say",
    [
        Say(200, b"OK"),
        Say(204),
        Say(202, b"\x00\xff<html>garbage", {"Content-Type": "image/png"}),
        Say(200, b"{", {"Content-Type": "application/json", "Set-Cookie": "session=1"}),
        Say(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbroken off"),
        Say(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno chunk"),
        Say(200, b"x" * 1_000_000),
    ],
    ids=["words", "nothing", "garbage", "not-json", "cut-off", "bad-chunks", "endless"],
)
async def test_any_2xx_is_a_delivery_whatever_else_is_in_the_answer(line: Line, say: Say) -> None:
    line.receiver.script = [say]
    outcome = await line.push()
    assert isinstance(outcome, Delivered), outcome
    assert outcome.evidence["peer"] == f"127.0.0.1:{line.receiver.port}"
    assert len(line.receiver.pushes) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (300, "redirected"), (304, "redirected"), (400, "rejected"), (401, "misconfigured"), (403, "misconfigured"),
        (404, "misconfigured"), (405, "misconfigured"), (408, "answer-error"), (409, "answer-unclear"),
        (410, "gone"), (415, "rejected"), (422, "rejected"), (425, "answer-error"), (429, "busy"),
        (451, "answer-unclear"),
        (500, "answer-error"), (502, "answer-error"), (503, "busy"), (504, "answer-error"), (599, "answer-error"),
        (101, "answer-unclear"), (700, "answer-unclear"),
    ],
)  # fmt: skip
async def test_every_other_status_is_a_failure_by_its_table(line: Line, status: int, code: str) -> None:
    line.receiver.script = [Say(raw=f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())]
    outcome = await line.push()
    failure = failed(outcome, code)
    assert failure.disable is (status == 410)
    assert failure.detail == f"HTTP {status}" or not 200 <= status < 600


async def test_what_a_receiver_says_is_kept_for_the_sender_in_one_printable_line(line: Line) -> None:
    line.receiver.script = [Say(422, "Thiếu phụ lục\r\n\x1b[31m\u202e kèm theo\x00".encode() + b"\xff" + b"." * 3000)]
    detail = failed(await line.push(), "rejected").detail
    assert detail.startswith("HTTP 422: Thiếu phụ lục [31m kèm theo �...")
    assert len(detail) == len("HTTP 422: ") + 500


async def test_a_redirect_is_not_followed(line: Line) -> None:
    with Receiver() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            line.receiver.script = [Say(status, b"", {"Location": elsewhere.url()})]
            failed(await line.push(), "redirected")
        assert (elsewhere.pushes, elsewhere.connections) == ([], 0)


async def test_a_cookie_is_not_brought_back(line: Line) -> None:
    line.receiver.otherwise = lambda _push: Say(204, b"", {"Set-Cookie": "session=1; Path=/"})
    await line.push()
    await line.push()
    assert [push.headers.get("cookie") for push in line.receiver.pushes] == [None, None]


async def test_connections_are_used_again(line: Line) -> None:
    for _ in range(5):
        assert isinstance(await line.push(), Delivered)
    assert line.receiver.connections == 1


async def test_retry_after_is_obeyed_in_both_its_forms(line: Line) -> None:
    date = format_datetime(clock.now() + timedelta(seconds=90), usegmt=True)
    for status, value, least, most in ((429, "7", 7, 7), (503, date, 85, 91), (500, "9", 9, 9)):
        line.receiver.script = [Say(status, b"", {"Retry-After": value})]
        outcome = await line.push()
        assert isinstance(outcome, Failed)
        assert FAILURES[outcome.code].transient
        assert outcome.retry_after is not None
        assert least <= outcome.retry_after <= most


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", None), ("120", 120), (" 5 ", 5), ("86401", 86400), ("9" * 5000, 86400), ("0000000007", 7),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60), ("Sunday, 22-Nov-26 12:01:00 GMT", 60), ("Sun Nov 22 12:01:00 2026", 60),
        ("Sun, 22 Nov 2026 19:01:00 +0700", 60), ("Sun, 22 Nov 2026 11:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("Sun, 99 Nov 2026 12:01:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOON) == seconds


def test_words_of_nothing_are_nothing() -> None:
    assert words(b"") == words(b"\r\n\x00 \t") == ""


async def test_silence_is_timed_out(opened: Callable[..., Line]) -> None:
    line = opened(timeout=BRIEF)
    line.receiver.script = [Say(hang=30)]
    failed(await line.push(), "timed-out")


async def test_an_answer_that_drips_is_a_delivery_as_soon_as_its_status_is_there(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "ANSWER_SECONDS", 0.3)
    line.receiver.script = [Say(200, b"x" * 1000, drip=0.2)]
    assert isinstance(await line.push(), Delivered)


async def test_a_head_that_drips_is_timed_out_like_one_that_does_not_come(opened: Callable[..., Line]) -> None:
    line = opened(timeout=BRIEF)
    line.receiver.script = [Say(200, headers={f"X-{number}": "x" for number in range(1000)}, head_drip=0.1)]
    failed(await line.push(seconds=60), "timed-out")


async def test_an_attempt_ends_at_its_deadline(opened: Callable[..., Line]) -> None:
    line = opened(timeout=60.0)
    line.receiver.script = [Say(hang=30)]
    failed(await line.push(seconds=0.5), "timed-out")


async def test_a_connection_cut_within_the_body_is_transient(line: Line) -> None:
    for reset in (0, 1, 70_000):
        line.receiver.script = [Say(broken=reset)]
        outcome = await line.push(b"<edXML>" + b"x" * 5_000_000)
        assert isinstance(outcome, Failed)
        assert FAILURES[outcome.code].transient
        assert FAILURES[outcome.code].of == "system"
    assert line.receiver.held() == {}


async def test_a_2xx_before_the_body_was_taken_is_no_delivery(line: Line) -> None:
    """Somebody answers who has not got the document: the connection ends, and most of it was never sent."""
    line.receiver.script = [Say(200, b"", {"Connection": "close"}, early=1000)]
    outcome = await line.push(b"<edXML>" + b"x" * 15_000_000)
    assert isinstance(outcome, Failed), outcome
    assert FAILURES[outcome.code].transient


@pytest.mark.parametrize("raw", [b"\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 OK\r\n\r\n", b"\x00" * 300_000])
async def test_what_is_no_http_is_transient(line: Line, raw: bytes) -> None:
    line.receiver.script = [Say(raw=raw)]
    outcome = await line.push()
    assert isinstance(outcome, Failed)
    assert outcome.code in ("answer-unclear", "unreachable")


async def test_nobody_there_is_unreachable(line: Line) -> None:
    line.receiver.close()
    failed(await line.push(), "unreachable")
    line.receiver.open()
    assert isinstance(await line.push(), Delivered)


async def test_a_receiver_that_finds_a_document_too_large_gets_a_notice(line: Line) -> None:
    line.receiver.script = [Say(413), Say(204)]
    outcome = await line.push()
    assert isinstance(outcome, Handed)
    assert [push.event for push in line.receiver.pushes] == ["delivery.document", "delivery.notice"]
    line.receiver.script = [Say(413), Say(413)]
    failed(await line.push(), "too-large")


async def test_receipts_are_never_given_up_whatever_is_said_of_them(line: Line) -> None:
    for status, code in (
        (400, "answer-unclear"),
        (413, "answer-unclear"),
        (422, "answer-unclear"),
        (500, "answer-error"),
    ):
        line.receiver.script = [Say(status)]
        outcome = failed(await line.carrier.tell(line.system, [receipt(1)]), code)
        assert FAILURES[outcome.code].transient
    line.receiver.script = [Say(410)]
    assert failed(await line.carrier.tell(line.system, [receipt(1)]), "gone").disable


async def test_a_hanging_receiver_keeps_no_other_waiting(opened: Callable[..., Line]) -> None:
    line = opened(timeout=20.0)
    line.receiver.otherwise = lambda push: Say(hang=30) if push.path == "/slow" else Say()
    slow = line.registered(line.receiver.url(path="/slow"))
    waiting = [asyncio.create_task(line.push(f"<edXML>{one}</edXML>".encode(), to=slow)) for one in range(80)]
    await asyncio.to_thread(eventually, lambda: len(line.receiver.pushes) == 80)
    assert isinstance(await line.push(), Delivered)
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_system_without_an_address_is_misconfigured(line: Line) -> None:
    nowhere = System(clock.new_id(), "x", "push", "sys-1", "0" * 64, False, True)
    failed(await line.carrier.carry(parcel(line.shelf, nowhere)), "misconfigured")

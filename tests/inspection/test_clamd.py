"""The malware scanner against a real clamd: what is clean, what is found, and that everything else is neither."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from hub.inspection.clamd import AT_ONCE, PIECE
from hub.inspection.clamd import Clamd as Scanner
from hub.problems import Deferred
from tests.services import Clamd
from tests.services.clamd import CLAM_NAME, MARKER, MARKER_NAME, specimens

HARMLESS = b"%PDF-1.4 nothing in here"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def scan(scanner: Scanner, octets: bytes) -> str:
    return await scanner.scan(io.BytesIO(octets), len(octets))


async def deferral(scanner: Scanner, octets: bytes = HARMLESS) -> Deferred:
    with pytest.raises(Deferred) as raised:
        await scan(scanner, octets)
    assert raised.value.code == "malware-scan-unavailable"
    assert raised.value.retry_after > 0
    return raised.value


def zipped(octets: bytes, name: str = "0b0e1ef4-5dcd-4a4c-8c6e-90e2a2a4a3a1.pdf") -> bytes:
    """As the senders' SDK wraps an attachment: one entry ``<uuid>.<ext>``."""
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return outer.getvalue()


@pytest.fixture(params=["unix", "tcp"])
def scanner(request: pytest.FixtureRequest, clamd: Clamd) -> Scanner:
    return Scanner(getattr(clamd, request.param), patience=10)


async def test_what_nothing_is_found_in_is_clean(scanner: Scanner) -> None:
    assert await scan(scanner, HARMLESS) == ""
    assert await scan(scanner, b"") == ""


@pytest.mark.parametrize("before", [0, PIECE - 7, AT_ONCE + PIECE - 7])
async def test_what_our_signature_describes_is_found_also_across_pieces(scanner: Scanner, before: int) -> None:
    assert await scan(scanner, bytes(before) + MARKER + b"after") == MARKER_NAME


async def test_it_is_found_inside_the_zip_that_a_sender_wraps_it_in(scanner: Scanner) -> None:
    assert await scan(scanner, zipped(HARMLESS)) == ""
    assert await scan(scanner, zipped(HARMLESS + MARKER)) == MARKER_NAME
    assert await scan(scanner, zipped(zipped(MARKER))) == MARKER_NAME


@pytest.mark.parametrize(
    "file", specimens() if Path("/usr/share/clamav-testfiles").is_dir() else [], ids=lambda f: f.name
)
async def test_the_program_is_found_in_every_container_of_debian_s_test_files(clamd: Clamd, file: Path) -> None:
    with file.open("rb") as content:
        assert await Scanner(clamd.unix).scan(content, 0) == CLAM_NAME


async def test_the_version_is_told(scanner: Scanner) -> None:
    assert (await scanner.version()).startswith("ClamAV ")


# ---------------------------------------------------------------- limits


async def test_a_stream_over_the_scanner_s_length_is_deferred_and_one_below_it_is_clean() -> None:
    with Clamd(StreamMaxLength="1M") as small:
        for address in (small.unix, small.tcp):
            scanner = Scanner(address, patience=10)
            assert await scan(scanner, bytes(2**20 - 1)) == ""
            assert "StreamMaxLength" in (await deferral(scanner, bytes(8 * 2**20))).detail
            assert await scan(scanner, HARMLESS) == ""


async def test_what_is_over_the_scanner_s_other_limits_is_deferred_not_called_malware() -> None:
    with Clamd(MaxFileSize="1M") as small:
        deferred = await deferral(Scanner(small.unix), bytes(2 * 2**20))
    assert "Heuristics.Limits.Exceeded" in deferred.detail


async def test_a_scanner_that_is_silent_about_its_limits_is_found_out() -> None:
    with Clamd(AlertExceedsMax="no", MaxFileSize="1M") as daemon:
        scanner = Scanner(daemon.unix, patience=10)
        assert await scan(scanner, bytes(2 * 2**20) + MARKER) == "", "which is why it has to be found out"
        assert not await scanner.reports_limits()
        daemon.stop()
        await deferral(scanner)
        daemon.configure(AlertExceedsMax="yes")
        daemon.start()
        assert await scanner.reports_limits(), "asked again after it was away"


# ---------------------------------------------------------------- no answer, wrong answers


async def test_nobody_there_is_deferred(tmp_path: Path) -> None:
    assert "No such file" in (await deferral(Scanner(f"unix:{tmp_path}/none"))).detail
    await deferral(Scanner("tcp://127.0.0.1:1"))
    with pytest.raises(Deferred):
        await Scanner("tcp://127.0.0.1:1").version()
    with pytest.raises(Deferred):
        await Scanner("tcp://127.0.0.1:1").reports_limits()


async def test_a_scanner_that_hangs_is_deferred_and_one_that_comes_back_is_used() -> None:
    with Clamd() as daemon:
        scanner = Scanner(daemon.unix, patience=0.5)
        daemon.freeze()
        assert "no answer within" in (await deferral(scanner)).detail
        daemon.thaw()
        patient = Scanner(daemon.unix, patience=20)
        assert await scan(patient, MARKER) == MARKER_NAME
        daemon.stop()
        await deferral(patient)
        daemon.start()
        assert await scan(patient, MARKER) == MARKER_NAME


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    """Something that takes connections as clamd does; answers its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass  # the client has seen enough: what it makes of that is what is tested
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def whole_stream(reader: asyncio.StreamReader) -> bytes:
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while length := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(length)
    return content


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"OK\0",
        b"stream: OK",
        b"stream: OK\n",
        b"stream: ok\0",
        b"stream: \0",
        b"stream: Something ERROR\0",
        b"stream: OK \0",
        b"xstream: Name FOUND\0",
        b"INSTREAM size limit exceeded. ERROR\0",
        b"HTTP/1.1 200 OK\r\n\r\n\0",
        b"\xff\xfe\0",
        b"a" * 100_000,
        b"a" * 100_000 + b"\0",
    ],
)
async def test_an_answer_that_is_none_is_deferred(answer: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole_stream(reader)
        writer.write(answer)
        await writer.drain()

    async with answering(handler) as address:
        deferred = await deferral(Scanner(address, patience=5))
    assert len(deferred.detail) < 300


async def test_one_that_hangs_up_at_once_is_deferred() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with answering(handler) as address:
        await deferral(Scanner(address, patience=5), bytes(2**22))


async def test_what_is_streamed_is_the_content_and_no_more_scans_run_at_once_than_allowed() -> None:
    running, most, seen = 0, 0, []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        seen.append(await whole_stream(reader))
        await asyncio.sleep(0.02)
        running -= 1
        writer.write(b"stream: OK\0")
        await writer.drain()

    sent = [bytes([number]) * (number * PIECE + number) for number in range(1, 10)]
    async with answering(handler) as address:
        scanner = Scanner(address, scans_at_once=3)
        assert await asyncio.gather(*(scan(scanner, octets) for octets in sent)) == [""] * len(sent)
    assert most == 3
    assert sorted(seen) == sent


async def test_a_scan_that_nobody_waits_for_any_more_gives_its_place_back() -> None:
    stuck = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = await whole_stream(reader)
        if content == b"stuck":
            await stuck.wait()
        writer.write(b"stream: OK\0")
        await writer.drain()

    async with answering(handler) as address:
        scanner = Scanner(address, scans_at_once=1, patience=5)
        waiting = asyncio.create_task(scan(scanner, b"stuck"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        assert await scan(scanner, b"next") == ""
        stuck.set()


@pytest.fixture
def largest_piece(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    written = asyncio.StreamWriter.write

    def write(self: asyncio.StreamWriter, octets: bytes) -> None:
        sizes.append(len(octets))
        written(self, octets)

    monkeypatch.setattr(asyncio.StreamWriter, "write", write)
    return sizes


async def test_a_large_attachment_is_never_held_as_a_whole(clamd: Clamd, largest_piece: list[int]) -> None:
    content = bytes(5 * 2**20)
    assert await scan(Scanner(clamd.unix), content) == ""
    assert sum(largest_piece) > len(content)
    assert max(largest_piece) <= PIECE + 4


class _ReadSlowly(io.BytesIO):
    """Gives its second piece only when the other side is gone."""

    def __init__(self, octets: bytes, gone: threading.Event) -> None:
        super().__init__(octets)
        self._gone = gone

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            assert self._gone.wait(10)
            time.sleep(0.2)  # until the loop has seen it too
        return super().read(size)


def test_one_that_hangs_up_between_two_pieces_is_deferred_on_the_loop_that_serves() -> None:
    gone = threading.Event()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.transport.abort()
        gone.set()

    async def work() -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Deferred) as error:
                await Scanner(f"tcp://127.0.0.1:{port}").scan(_ReadSlowly(bytes(2**22), gone), 2**22)
            assert error.value.code == "malware-scan-unavailable"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())

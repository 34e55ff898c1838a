"""The malware scanner: clamd over INSTREAM (clamd(8)). Whatever is not a clear answer is ``Deferred``, never clean.

clamd passes what is over its own limits (size, nesting, time) as clean unless clamd.conf says ``AlertExceedsMax yes``;
then it reports ``Heuristics.Limits.Exceeded…``, which is deferred here. ``reports_limits`` finds out which.
"""

from __future__ import annotations

import asyncio
import functools
import io
import struct
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO
from urllib.parse import urlsplit

from hub import clock
from hub.problems import Deferred

PIECE = 256 * 1024
# below this a thread hop costs more than the reading
AT_ONCE = 1024 * 1024
LONGEST_ANSWER = 4096
OVER_LIMITS = "Heuristics.Limits.Exceeded"
PROBE_AGAIN_SECONDS = 600.0
# clamd's MaxRecursion is 17 unless set, 100 at most
NESTING = 110

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clamd:
    """One clamd, at ``unix:/path`` or ``tcp://host:port``; a connection for each scan, a few at once.

    A scan may take ``patience`` seconds and one more for every ``slowest`` octets.
    """

    def __init__(
        self,
        address: str,
        *,
        scans_at_once: int = 4,
        patience: float = 30.0,
        slowest: int = 2**20,
        retry_after: int = 30,
    ) -> None:
        self.address = address
        self._patience = patience
        self._slowest = slowest
        self._retry_after = retry_after
        self._slots = asyncio.Semaphore(scans_at_once)
        self._reports_limits: bool | None = None
        self._probed_at = 0.0

    async def scan(self, content: BinaryIO, size: int) -> str:
        """The name of what was found, empty when clean. Raises ``Deferred("malware-scan-unavailable")``."""
        found = await self._scan(content, size)
        if found.startswith(OVER_LIMITS):
            raise self._deferred(f"over the scanner's limits: {found}")
        return found

    async def reports_limits(self) -> bool:
        """Whether this clamd says so when something is over its limits, instead of passing it. Raises ``Deferred``."""
        if self._reports_limits is None or clock.monotonic() - self._probed_at > PROBE_AGAIN_SECONDS:
            probe = _nested()
            found = await self._scan(io.BytesIO(probe), len(probe))
            self._reports_limits, self._probed_at = found.startswith(OVER_LIMITS), clock.monotonic()
        return self._reports_limits

    async def version(self) -> str:
        """What PING and VERSION answer: ``ClamAV 1.4.6/27800/Sat Nov 21 …``. Raises ``Deferred``."""
        if (answer := await self._command(b"zPING\0")) != "PONG":
            raise self._deferred(f"answered {answer[:200]!r} to PING")
        return await self._command(b"zVERSION\0")

    async def answers(self) -> bool:
        """Whether it is there now. Raises ``Deferred``."""
        return bool(await self.version())

    async def _command(self, command: bytes) -> str:
        async with self._connected(self._patience) as (reader, writer):
            writer.write(command)
            return await _answer(reader)

    async def _scan(self, content: BinaryIO, size: int) -> str:
        async with self._connected(self._patience + size / self._slowest) as (reader, writer):
            try:
                await _stream(content, size, writer)
            except ConnectionError as error:  # its reason, sent before, is lost when it hangs up on unread octets
                raise self._deferred(f"hung up while {size} octets were sent: over its StreamMaxLength?") from error
            answer = await _answer(reader)
        if answer == "stream: OK":
            return ""
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND")
        raise self._deferred(f"answered {answer[:200]!r}")

    @asynccontextmanager
    async def _connected(self, seconds: float) -> AsyncIterator[Connection]:
        """A connection for at most ``seconds``, waiting for a slot included; whatever goes wrong is ``Deferred``."""
        try:
            async with asyncio.timeout(seconds), self._slots:
                reader, writer = await _connect(self.address)
                try:
                    yield reader, writer
                finally:
                    writer.close()
        except TimeoutError as error:
            raise self._deferred(f"no answer within {seconds:.0f} s") from error
        except (OSError, EOFError, asyncio.LimitOverrunError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else ""
            raise self._deferred(reason or type(error).__name__) from error

    def _deferred(self, detail: str) -> Deferred:
        self._reports_limits = None  # it may come back with another configuration
        return Deferred("malware-scan-unavailable", f"clamd: {detail}", retry_after=self._retry_after)


async def _connect(address: str) -> Connection:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"), limit=LONGEST_ANSWER)
    place = urlsplit(address)
    return await asyncio.open_connection(place.hostname, place.port, limit=LONGEST_ANSWER)


async def _stream(content: BinaryIO, size: int, writer: asyncio.StreamWriter) -> None:
    """INSTREAM: pieces, each after its length (32 bits, big-endian), and an empty one at the end."""
    writer.write(b"zINSTREAM\0")
    while True:
        piece = content.read(PIECE) if size <= AT_ONCE else await asyncio.to_thread(content.read, PIECE)
        if writer.is_closing():  # uvloop answers a write to it with RuntimeError, asyncio's own loop with silence
            raise ConnectionResetError("it hung up")
        writer.write(struct.pack("!I", len(piece)) + piece)
        await writer.drain()
        if not piece:
            return


async def _answer(reader: asyncio.StreamReader) -> str:
    """One answer. Raises ``EOFError`` when the connection ends before it, ``LimitOverrunError`` when it has no end."""
    return (await reader.readuntil(b"\0")).removesuffix(b"\0").decode()


@functools.cache
def _nested() -> bytes:
    """A harmless text inside more ZIPs than clamd opens, a few kilobytes."""
    inner = b"harmless"
    for _ in range(NESTING):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", inner)
        inner = outer.getvalue()
    return inner

"""The way to a witness: what strangers may answer there, and over which TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.witness import HttpWitness
from adapters.witness.connection import LONGEST_ANSWER
from hub.audit.witnessing import Reply, Unreachable
from tests.push.authority import Authority

HEAD = "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\n"
BODY = b"old 0\n\nwhatever\n"


@asynccontextmanager
async def answering(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of one answer on a loopback port; it holds the line open afterwards."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(BODY)
        writer.write(answer)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def asked(answer: bytes, patience: float = 20.0) -> Reply:
    async with answering(answer) as port:
        connection = HttpWitness(f"http://127.0.0.1:{port}/below/", patience)
        try:
            return await connection.add_checkpoint(BODY)
        finally:
            await connection.close()


def whole(status: int, text: str, *more: str) -> bytes:
    body = text.encode()
    lines = "".join(f"{one}\r\n" for one in (f"Content-Length: {len(body)}", *more))
    return f"{HEAD.format(status=status)}{lines}\r\n".encode() + body


async def test_an_answer_is_told_as_it_stands() -> None:
    assert await asked(whole(409, "12\n")) == Reply(409, "12\n")


async def test_no_redirect_is_followed() -> None:
    assert (await asked(whole(307, "", "Location: http://127.0.0.1:1/"))).status == 307


@pytest.mark.parametrize(
    ("answer", "patience", "words"),
    [
        (whole(200, "x" * (LONGEST_ANSWER + 1)), 20.0, "more than"),
        (b"nonsense\r\n\r\n", 20.0, "status line"),
        (HEAD.format(status=200).encode() + b"Content-Length: 5\r\n\r\nhal", 0.3, "no answer within"),
        (b"", 0.3, "no answer within"),
    ],
)
async def test_what_is_no_answer_is_told_as_unreachable(answer: bytes, patience: float, words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        await asked(answer, patience)


async def test_nobody_at_the_address_is_told_as_unreachable() -> None:
    async with answering(b"") as port:
        connection = HttpWitness(f"http://127.0.0.1:{port}")  # and then it is closed
    with pytest.raises(Unreachable):
        await connection.add_checkpoint(BODY)
    await connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Callable[[], tuple[Authority, ssl.SSLContext]]:
    """An authority, and a server's context with a certificate of it."""

    def made() -> tuple[Authority, ssl.SSLContext]:
        authority = Authority(tmp_path / "authority")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("localhost"))
        return authority, context

    return made


async def test_authorities_of_the_administration_are_trusted_where_they_are_named(
    served: Callable[[], tuple[Authority, ssl.SSLContext]],
) -> None:
    authority, context = served()
    async with answering(whole(200, "yes\n"), context) as port:
        trusting = HttpWitness(f"https://localhost:{port}", 20.0, authority.file)
        assert await trusting.add_checkpoint(BODY) == Reply(200, "yes\n")
        await trusting.close()
        other = HttpWitness(f"https://localhost:{port}", 20.0)
        with pytest.raises(Unreachable, match="certificate"):
            await other.add_checkpoint(BODY)
        await other.close()

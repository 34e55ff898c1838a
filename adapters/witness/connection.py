"""The HTTP way to one witness."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx

from hub.audit.witnessing import Reply, Unreachable

LONGEST_ANSWER = 16 * 1024
_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "text/plain; charset=utf-8", "User-Agent": "lienthong"}


class HttpWitness:
    """``Connection`` over HTTP. ``prefix``: the witness's submission prefix; ``timeout``: seconds for a whole request;
    ``ca_file``: authorities trusted beside those of the system. Raises ``OSError`` where that cannot be read."""

    def __init__(self, prefix: str, timeout: float = 10.0, ca_file: Path | None = None) -> None:
        self._url = prefix.rstrip("/") + "/add-checkpoint"
        self._timeout = timeout
        self._context = ssl.create_default_context()
        if ca_file is not None:
            self._context.load_verify_locations(ca_file)
        self._client: httpx.AsyncClient | None = None

    async def add_checkpoint(self, body: bytes) -> Reply:
        try:
            async with asyncio.timeout(self._timeout):
                async with self._opened().stream("POST", self._url, content=body) as response:
                    return Reply(response.status_code, await _bounded(response))
        except TimeoutError as error:
            raise Unreachable(f"no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                headers=_HEADERS,
                timeout=self._timeout,
                limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
                verify=self._context,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _bounded(response: httpx.Response) -> str:
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > LONGEST_ANSWER:
            raise Unreachable(f"more than {LONGEST_ANSWER} octets")
    return octets.decode(errors="replace")

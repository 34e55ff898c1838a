"""Fetching lists and OCSP answers over HTTP: plain http, short, bounded, no redirects, nothing decompressed."""

from __future__ import annotations

import asyncio

import httpx

from hub.signatures.revocation.port import Unreachable

MAX_LIST_BYTES = 16 * 1024 * 1024
MAX_ANSWER_BYTES = 64 * 1024
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "lienthong"}


class HttpFetch:
    """``Fetch`` over HTTP. ``timeout``: seconds for a whole request, connecting included; ``proxy``: its URL."""

    def __init__(self, timeout: float = 5.0, proxy: str | None = None) -> None:
        self._timeout = timeout
        self._proxy = proxy
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str) -> bytes:
        return await self._send("GET", url, None, MAX_LIST_BYTES)

    async def ask(self, url: str, request: bytes) -> bytes:
        return await self._send("POST", url, request, MAX_ANSWER_BYTES)

    async def _send(self, method: str, url: str, body: bytes | None, limit: int) -> bytes:
        headers = {"Content-Type": "application/ocsp-request"} if body is not None else None
        try:
            async with asyncio.timeout(self._timeout):
                async with self._opened().stream(method, url, content=body, headers=headers) as response:
                    return await _bounded(response, limit)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            # connections are few and far between: none is kept open
            limits = httpx.Limits(max_connections=16, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                headers=_HEADERS,
                timeout=self._timeout,
                limits=limits,
                proxy=self._proxy,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _bounded(response: httpx.Response, limit: int) -> bytes:
    if response.status_code != httpx.codes.OK:
        hint = " (redirects are not followed)" if response.is_redirect else ""
        raise Unreachable(f"answers {response.status_code}{hint}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreachable("a compressed answer was not asked for")
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > limit:
            raise Unreachable(f"more than {limit} octets")
    return bytes(octets)

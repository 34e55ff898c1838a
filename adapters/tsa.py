"""Asking a time-stamping authority over HTTP (RFC 3161 §3.4): short, bounded, no redirects, nothing decompressed."""

from __future__ import annotations

import asyncio
import functools
import ssl

import httpx

from hub.audit.stamping import Unanswered
from hub.signatures.timestamps import MOST_OCTETS

_HEADERS = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
    "Accept-Encoding": "identity",
    "User-Agent": "lienthong",
}


class HttpInquiry:
    """``Inquiry`` over HTTP. ``timeout``: seconds for a whole request; ``proxy``: its URL.

    User and password in an authority's URL go as HTTP Basic. Every request has its own connection: they are minutes
    apart.
    """

    def __init__(self, timeout: float = 15.0, proxy: str | None = None) -> None:
        self._timeout = timeout
        self._proxy = proxy

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def ask(self, url: str, request: bytes) -> bytes:
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client() as client,
                client.stream("POST", url, content=request, headers=_HEADERS) as response,
            ):
                return await _bounded(response)
        except TimeoutError as error:
            raise Unanswered(f"no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unanswered(str(error) or type(error).__name__) from error

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._context,
            timeout=self._timeout,
            proxy=self._proxy,
            follow_redirects=False,
            trust_env=False,
        )


async def _bounded(response: httpx.Response) -> bytes:
    if response.status_code != httpx.codes.OK:
        hint = " (redirects are not followed)" if response.is_redirect else ""
        raise Unanswered(f"answers {response.status_code}{hint}")
    kind = response.headers.get("Content-Type", "")
    if kind.startswith("text/"):  # a page of a proxy or of a portal; other wrong types are told by what is inside
        raise Unanswered(f"answers with {kind.partition(';')[0]}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unanswered("a compressed answer was not asked for")
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > MOST_OCTETS:
            raise Unanswered(f"more than {MOST_OCTETS} octets")
    return bytes(octets)

"""JSON from the identity provider: short answers in short time, no redirects, nothing from the environment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

SECONDS = 10.0
LARGEST = 256 * 1024  # octets of an answer


class NoAnswer(Exception):
    """The provider gave no answer that is one; the text says why."""


class Fetching:
    """``send`` one request at a time or many; ``close`` at the end."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def send(
        self,
        method: str,
        url: str,
        form: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and the object that was answered. Raises ``NoAnswer``."""
        request = self._opened().build_request(method, url, data=form)
        authentication = None if credentials is None else httpx.BasicAuth(*credentials)
        try:
            async with asyncio.timeout(SECONDS):
                response = await self._opened().send(request, auth=authentication, stream=True)
                try:
                    octets = await _bounded(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {SECONDS:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        return response.status_code, _object(octets, response.status_code)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lienthong"}
            # sign-ins are few and far between: no connection is kept open
            limits = httpx.Limits(max_connections=16, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                headers=headers, timeout=SECONDS, limits=limits, follow_redirects=False, trust_env=False
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _bounded(response: httpx.Response) -> bytes:
    octets = bytearray()
    async for piece in response.aiter_raw():
        octets += piece
        if len(octets) > LARGEST:
            raise NoAnswer(f"more than {LARGEST} octets")
    return bytes(octets)


def _object(octets: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"answers {status} without JSON") from error
    if not isinstance(found, dict):
        raise NoAnswer(f"answers {status} without an object")
    return found

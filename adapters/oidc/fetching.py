"""JSON from the identity provider: short answers in short time, no redirects, nothing from the environment."""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

SECONDS = 10.0
LARGEST = 256 * 1024  # octets of an answer


class NoAnswer(Exception):
    """The provider gave no answer that is one; the text says why."""


async def send(
    method: str, url: str, form: Mapping[str, str] | None = None, credentials: tuple[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and the object that was answered. Raises ``NoAnswer``."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "lienthong"}
    # sign-ins are few and far between: no connection is kept, and nothing has to be closed when the hub ends
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(
                verify=_authorities(), headers=headers, timeout=SECONDS, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(method, url, data=form, auth=credentials) as response,
        ):
            return response.status_code, _object(await _bounded(response), response.status_code)
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {SECONDS:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error


@functools.cache
def _authorities() -> ssl.SSLContext:
    """The system's: the province's own are there too. Read once, that takes a while."""
    return ssl.create_default_context()


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

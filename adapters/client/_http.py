"""The only module that knows httpx: carries one exchange out and says what became of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from adapters.client.calls import Reply
from adapters.client.conversation import Exchange, Failure
from hub.envelope.related import PIECE, Related

_CONNECT = 10.0


def _verify(ca_file: Path | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file else True


def _timeout(exchange: Exchange) -> httpx.Timeout:
    return httpx.Timeout(exchange.patience, connect=_CONNECT)


def _headers(exchange: Exchange) -> dict[str, str]:
    length = {"Content-Length": str(exchange.body.length)} if isinstance(exchange.body, Related) else {}
    return {**exchange.headers, **length}


def _names(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, _names(response), response.content)


async def _pieces(body: Related) -> AsyncIterator[bytes]:
    """The pieces of a body; files are read in threads."""
    pieces = iter(body)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _failure(error: httpx.TransportError) -> Failure:
    return Failure(f"{type(error).__name__}: {error}")


class SyncTransport:
    """A connection pool for threads."""

    def __init__(self, url: str, ca_file: Path | None) -> None:
        self._client = httpx.Client(base_url=url, verify=_verify(ca_file), trust_env=False)

    def exchange(self, exchange: Exchange) -> Reply | Failure:
        request = self._client.build_request(
            exchange.method,
            exchange.path,
            params=dict(exchange.query),
            headers=_headers(exchange),
            content=exchange.body or None,
            timeout=_timeout(exchange),
        )
        try:
            response = self._client.send(request, stream=True)
            try:
                if exchange.into is None or response.status_code >= 300:
                    response.read()
                    return _reply(response)
                exchange.into.begin(_names(response))
                for chunk in response.iter_bytes(PIECE):
                    exchange.into.write(chunk)
                exchange.into.end()
                return Reply(response.status_code, _names(response), b"")
            finally:
                response.close()
        except httpx.TransportError as error:
            return _failure(error)

    def close(self) -> None:
        self._client.close()


class AsyncTransport:
    """A connection pool for one event loop."""

    def __init__(self, url: str, ca_file: Path | None, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.AsyncClient(base_url=url, verify=_verify(ca_file), limits=limits, trust_env=False)

    async def exchange(self, exchange: Exchange) -> Reply | Failure:
        body = _pieces(exchange.body) if isinstance(exchange.body, Related) else exchange.body or None
        request = self._client.build_request(
            exchange.method,
            exchange.path,
            params=dict(exchange.query),
            headers=_headers(exchange),
            content=body,
            timeout=_timeout(exchange),
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                if exchange.into is None or response.status_code >= 300:
                    await response.aread()
                    return _reply(response)
                exchange.into.begin(_names(response))
                async for chunk in response.aiter_bytes(PIECE):
                    await asyncio.to_thread(exchange.into.write, chunk)
                exchange.into.end()
                return Reply(response.status_code, _names(response), b"")
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            return _failure(error)

    async def close(self) -> None:
        await self._client.aclose()

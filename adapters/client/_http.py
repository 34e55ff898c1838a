"""The only module that knows httpx: carries one exchange out and says what became of it."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from adapters.client.calls import Reply
from adapters.client.conversation import Exchange, Failure

_CONNECT = 10.0


def _verify(ca_file: Path | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=str(ca_file)) if ca_file else True


def _timeout(exchange: Exchange) -> httpx.Timeout:
    return httpx.Timeout(exchange.patience, connect=_CONNECT)


def _reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)


def _failure(error: httpx.TransportError) -> Failure:
    return Failure(f"{type(error).__name__}: {error}")


class SyncTransport:
    """A connection pool for threads."""

    def __init__(self, url: str, ca_file: Path | None) -> None:
        self._client = httpx.Client(base_url=url, verify=_verify(ca_file), trust_env=False)

    def exchange(self, exchange: Exchange) -> Reply | Failure:
        try:
            response = self._client.request(
                exchange.method,
                exchange.path,
                params=dict(exchange.query),
                headers=dict(exchange.headers),
                content=exchange.body or None,
                timeout=_timeout(exchange),
            )
        except httpx.TransportError as error:
            return _failure(error)
        return _reply(response)

    def close(self) -> None:
        self._client.close()


class AsyncTransport:
    """A connection pool for one event loop."""

    def __init__(self, url: str, ca_file: Path | None, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.AsyncClient(base_url=url, verify=_verify(ca_file), limits=limits, trust_env=False)

    async def exchange(self, exchange: Exchange) -> Reply | Failure:
        try:
            response = await self._client.request(
                exchange.method,
                exchange.path,
                params=dict(exchange.query),
                headers=dict(exchange.headers),
                content=exchange.body or None,
                timeout=_timeout(exchange),
            )
        except httpx.TransportError as error:
            return _failure(error)
        return _reply(response)

    async def close(self) -> None:
        await self._client.aclose()

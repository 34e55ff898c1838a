"""The HTTP/1.1 connections of the push channel: every one goes to an address that was looked at first.

The name is resolved here and the connection is made to the very address that was allowed, so no second answer of a
name server can lead elsewhere. ``Host``, SNI and the certificate's name stay those of the URL.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpcore
import httpx

from hub.registry.reach import Reach, Target

Resolve = Callable[[str, int], Awaitable[list[str]]]
IDLE_CONNECTIONS, IDLE_SECONDS = 64, 30.0
_RESOLVERS = 8


class Forbidden(Exception):
    """Every address of the name is one that must not be reached; the text says which and why."""


class Names:
    """The system's resolver, in threads of its own: a slow name server must not hold up the rest of the process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, "resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Addresses in the order in which they should be tried. Raises ``OSError``."""
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only."""

    def __init__(self, reach: Reach, scheme: str, resolve: Resolve) -> None:
        self._reach = reach
        self._scheme = scheme
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first address that answers. Raises ``Forbidden`` when there is none that may be tried."""
        try:
            async with asyncio.timeout(timeout):
                found = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host}: no answer from the name server") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        allowed = self._allowed(host, found)
        share = None if timeout is None else timeout / len(allowed)
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in allowed:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "at least one address was tried"
        raise failure

    def _allowed(self, host: str, found: list[str]) -> list[str]:
        reasons = {one: self._reach.refusal(ipaddress.ip_address(one), self._scheme) for one in found}
        allowed = [one for one, reason in reasons.items() if not reason]
        if not allowed:
            raise Forbidden("; ".join(reasons.values()) or f"{host} has no address")
        return allowed


class GuardedTransport(httpx.AsyncHTTPTransport):
    """A pool without a limit of its own: the carriage limits what is under way, and one that hangs keeps none back."""

    def __init__(self, reach: Reach, scheme: str, resolve: Resolve, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        # httpx has no way to hand a network backend to its pool
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=GuardedBackend(reach, scheme, resolve),
        )


class Connections:
    """Sends requests. ``ca_file``: authorities trusted beside those of the system."""

    def __init__(self, reach: Reach, resolve: Resolve | None = None, ca_file: Path | None = None) -> None:
        self._names = Names()
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        resolve = resolve or self._names
        self._transports = {one: GuardedTransport(reach, one, resolve, context) for one in ("https", "http")}

    async def send(self, target: Target, request: httpx.Request) -> httpx.Response:
        """The answer's head; its body is still to be read or closed. Raises ``httpx.TransportError``, ``Forbidden``.

        Straight through the transport: no redirects, no cookies, no credentials, nothing from the environment.
        """
        return await self._transports[target.scheme].handle_async_request(request)

    async def close(self) -> None:
        for one in self._transports.values():
            await one.aclose()
        self._names.close()

"""The HTTP server around the application: bound before anything else starts, stopped by whoever runs the process."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from hub.gateway.app import Application
from hub.gateway.connection import patient_for
from hub.problems import Misconfigured
from hub.settings import Settings

PROXIES = "127.0.0.1"


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: one place decides when this process stops."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(settings: Settings) -> socket.socket:
    """Bound before anything else starts, so that a taken address is one clear error."""
    return bound(settings.host, settings.port, "LIENTHONG_LISTEN", shared=settings.share_port)


def bound(host: str, port: int, setting: str, *, shared: bool = False) -> socket.socket:
    """A socket at this address. Raises ``Misconfigured`` naming the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        # one process fills one core; the kernel spreads connections over those that listen
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured("settings-invalid", f"{host}:{port}: {error.strerror or error}", setting) from error
    return listener


def server_of(application: Application, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        application,
        http=patient_for(settings.head_seconds),
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=PROXIES,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=75,
        lifespan="off",
    )
    return _Server(config)


def small_server(application: Application, head_seconds: float, most: int) -> uvicorn.Server:
    """A server of plain HTTP that answers ``most`` requests at once, and 503 to the rest."""
    config = uvicorn.Config(
        application,
        http=patient_for(head_seconds),
        limit_concurrency=most,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=75,
        lifespan="off",
    )
    return _Server(config)


async def serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    await server.serve(sockets=[listener])


async def started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            task.result()
            return
        await asyncio.sleep(0.02)

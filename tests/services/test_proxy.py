"""The bad network is as bad as it says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.services.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers every piece with the same piece."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(one: socket.socket) -> None:
        with one:
            try:
                while piece := one.recv(4096):
                    one.sendall(piece)
            except ConnectionError:
                return

    def accept() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as made:
        yield made


def connected(proxy: Proxy, timeout: float = 5) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout)
    assert said(client, b"hello") == b"hello"
    return client


def said(client: socket.socket, octets: bytes) -> bytes:
    client.sendall(octets)
    return client.recv(4096)


def test_a_cut_resets_and_refuses_until_it_is_mended(proxy: Proxy) -> None:
    client = connected(proxy)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.mend()
    connected(proxy).close()


def test_on_a_dark_line_nothing_is_acknowledged_and_it_goes_on_when_the_light_returns(proxy: Proxy) -> None:
    client = connected(proxy, timeout=0.5)
    proxy.go_dark()
    with pytest.raises(TimeoutError):
        said(client, b"lost?")
    [unacknowledged] = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[24:25]
    assert unacknowledged == 1
    with pytest.raises(TimeoutError):
        connected(proxy, timeout=0.5)
    proxy.mend()
    client.settimeout(10)
    assert client.recv(4096) == b"lost?"
    client.close()


@pytest.mark.parametrize("behind", [False, True])
def test_a_trap_holds_one_connection_at_the_octets_it_waits_for(proxy: Proxy, behind: bool, echo: int) -> None:
    client = connected(proxy, timeout=0.3)
    snare = proxy.trap(b"COMMIT", behind=behind)
    assert said(client, b"BEGIN") == b"BEGIN"
    with pytest.raises(TimeoutError):
        said(client, b"COMMIT")
    assert snare.sprung.is_set()
    connected(proxy).close()
    client.close()

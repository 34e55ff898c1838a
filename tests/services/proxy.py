"""A TCP proxy that plays a bad network: cut, slow, half-open, or stopped at the very octets a test waits for."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from tests.services.processes import free_port

PIECE = 64 * 1024
# Linux: a classic BPF program on a socket sees every packet before TCP does; this one lets none through, so that
# nothing is acknowledged and nothing is said, as on a line that is dead
_ATTACH, _DETACH = 26, 27
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)

Side = Literal["to server", "to client"]


@dataclass
class Snare:
    """Stops one connection where ``octets`` pass to the server: before them, or (``behind``) before their answer."""

    octets: bytes
    behind: bool
    sprung: threading.Event = field(default_factory=threading.Event)


class _Pair:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self.sockets = (client, server)
        self._held: set[Side] = set()
        self._seen = b""
        self._ended = False
        for side, source, target in (("to server", client, server), ("to client", server, client)):
            threading.Thread(target=self._pump, args=(side, source, target), daemon=True).start()

    def _pump(self, side: Side, source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(PIECE):
                time.sleep(self._proxy.delay)
                self._watch(side, piece)
                if not self._proxy.passes(self, side):
                    return
                target.sendall(piece)
            if not self._ended:
                target.shutdown(socket.SHUT_WR)
        except OSError:  # the other pump, or a cut, has ended it
            self.cut()

    def _watch(self, side: Side, piece: bytes) -> None:
        snare = self._proxy.snare
        if snare is None or snare.sprung.is_set() or side == "to client":
            return
        self._seen = (self._seen + piece)[-2 * PIECE :]
        if snare.octets in self._seen:
            self._held.add("to client" if snare.behind else "to server")
            snare.sprung.set()

    def holds(self, side: Side) -> bool:
        return side in self._held

    def cut(self) -> None:
        """Both ends learn of it at once: a reset, not an orderly end."""
        self._ended = True
        for one in self.sockets:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RD)  # wakes the pump; closing then sends the reset
            except OSError:
                pass  # it is gone already
            one.close()


class Proxy:
    """Listens on ``port`` and connects to ``target`` on loopback; ``close()`` (or ``with``) ends all of it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self.delay = 0.0
        self.snare: Snare | None = None
        self.connections = 0
        self._pairs: list[_Pair] = []
        self._changed = threading.Condition()
        self._closed = False
        self._listener: socket.socket | None = None
        self._listen()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # cut or closed
            server = socket.socket()
            try:
                server.connect(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._pairs.append(_Pair(self, client, server))

    def passes(self, pair: _Pair, side: Side) -> bool:
        """Wait until a piece may go on; False when it never may."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not pair.holds(side))
            return not self._closed

    def trap(self, octets: bytes, *, behind: bool) -> Snare:
        """Hold the first connection that sends these octets to the server; everything else passes."""
        self.snare = Snare(octets, behind)
        return self.snare

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        self._reset()

    def go_dark(self) -> None:
        """Half-open: every packet to us is lost, new connections too, and nobody is told."""
        program = ctypes.create_string_buffer(_RETURN_NOTHING)
        filter_ = struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
        for one in self._sockets():
            one.setsockopt(socket.SOL_SOCKET, _ATTACH, filter_)

    def mend(self) -> None:
        """The network is as before; connections that both ends still hold go on. One that was snared is reset."""
        self.delay, self.snare = 0.0, None
        for pair in self._pairs:
            if pair.holds("to server") or pair.holds("to client"):
                pair.cut()
        if self._listener is None:
            self._listen()
            return
        for one in self._sockets():
            try:
                one.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
            except OSError:
                continue  # made meanwhile, or closed
        with self._changed:
            self._changed.notify_all()

    def _sockets(self) -> list[socket.socket]:
        open_ones = [one for pair in self._pairs for one in pair.sockets if one.fileno() >= 0]
        return [*open_ones, *([self._listener] if self._listener is not None else [])]

    def _reset(self) -> None:
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.cut()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._listener is not None:
            self.cut()
        else:
            self._reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""Who is measured: the hub on each engine, and the floor program, on services that all of them share.

Whoever does not have the turn stands still (SIGSTOP), so that a turn measures one alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from bench.driver import Feed, Load
from bench.floor.load import FloorLoad
from bench.floor.relay import declare_queues
from bench.floor.store import create_tables
from bench.letters import Body, Kind, Stationery
from tests.services import PostgreSQL, RabbitMQ
from tests.world import ROLES, World, eventually, free_port

# embedded: one process with SQLite and a broker within; production: one process with PostgreSQL and RabbitMQ;
# roles: the same as four processes; floor: the yardstick; floor, files: it keeps octets in files, as the hub does
ENGINES = ("production", "roles", "roles, 2 serve", "embedded", "floor", "floor, files")
# a hub that stands still sends no heartbeats: its connection to the broker must outlive the turns of the others
HEARTBEAT = "heartbeat=600"
# a hub that stood still has timers to catch up with
AWAKENING_SECONDS = 20.0


@dataclass
class Hub:
    """One that is running: its port, its systems' credentials, and whose processor time is whose.

    ``own``: the processes that are its alone, which ``stand_still`` stops.
    """

    engine: str
    port: int
    systems: dict[str, tuple[str, str]]
    processes: dict[str, int]
    own: tuple[str, ...]
    make_load: Callable[[Hub, Kind, list[Body]], Load]
    ready: Callable[[], object] = lambda: None
    feed: Feed = field(default_factory=Feed)
    used: dict[Kind, int] = field(default_factory=dict)  # letters that it has had
    postgresql: PostgreSQL | None = None

    def load(self, kind: Kind, letters: list[Body]) -> Load:
        return self.make_load(self, kind, letters)

    def stand_still(self) -> None:
        for name in self.own:
            os.kill(self.processes[name], signal.SIGSTOP)

    def go_on(self) -> None:
        for name in self.own:
            os.kill(self.processes[name], signal.SIGCONT)
        self.ready()

    def new_letters(self, stationery: Stationery, kind: Kind, count: int) -> list[Body]:
        """So many that this one has not had."""
        first = self.used.get(kind, 0)
        self.used[kind] = first + count
        return stationery.letters(kind, first + count)[first:]


class Services:
    """PostgreSQL and RabbitMQ, started for the first engine that needs them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: tuple[PostgreSQL, RabbitMQ] | None = None
        self._places = 0

    def get(self) -> tuple[PostgreSQL, RabbitMQ]:
        if self._running is None:
            self._running = self._stack.enter_context(PostgreSQL()), self._stack.enter_context(RabbitMQ())
        return self._running

    def place(self) -> tuple[str, str]:
        """Addresses of a new database and a new virtual host."""
        postgresql, rabbitmq = self.get()
        self._places += 1
        name = f"bench_{self._places}"
        return postgresql.create_database(name), rabbitmq.create_vhost(name)

    def processes(self) -> dict[str, int]:
        postgresql, rabbitmq = self.get()
        assert postgresql.pid is not None
        assert rabbitmq.pid is not None
        return {"PostgreSQL": postgresql.pid, "RabbitMQ": rabbitmq.pid}


@contextmanager
def running(engine: str, services: Services, stationery: Stationery, roles: tuple[str, ...] = ROLES) -> Iterator[Hub]:
    """A fresh hub on one engine with all parties registered, or a fresh floor. ``roles``: of an engine of roles."""
    directory = Path(tempfile.mkdtemp(prefix="lienthong-bench-"))
    try:
        if engine.startswith("floor"):
            with _floor(engine, directory, services, stationery) as hub:
                yield hub
        else:
            with _hub(engine, directory, services, stationery, roles) as hub:
                yield hub
    finally:
        shutil.rmtree(directory)


@contextmanager
def _hub(
    engine: str, directory: Path, services: Services, stationery: Stationery, roles: tuple[str, ...]
) -> Iterator[Hub]:
    environment: dict[str, str] = {}
    shared: dict[str, int] = {}
    if engine != "embedded":
        environment["LIENTHONG_DATABASE_URL"], broker = services.place()
        environment["LIENTHONG_BROKER_URL"] = f"{broker}?{HEARTBEAT}"
        environment["LIENTHONG_SHARE_PORT"] = "true"
        shared = services.processes()
    with World(directory, environment) as world:
        systems = stationery.register(world.ledger)
        world.start(*(roles if engine.startswith("roles") else ("up",)))
        if engine == "roles, 2 serve":
            world.processes["serve 1"] = world.processes.pop("serve")
            world.start("serve")
        own = {role: process.pid for role, process in world.processes.items()}
        hub = Hub(
            engine,
            world.port,
            systems,
            {**own, **shared},
            tuple(own),
            lambda hub, kind, letters: Load(hub.port, hub.systems, kind, letters, hub.feed),
            lambda: world.wait_ready(AWAKENING_SECONDS),
            postgresql=services.get()[0] if shared else None,
        )
        try:
            yield hub
        finally:
            hub.go_on()


class _Told:
    """The number that a process prints last."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.value = 0
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.value = int(line)


@contextmanager
def _floor(engine: str, directory: Path, services: Services, stationery: Stationery) -> Iterator[Hub]:
    database, broker = services.place()
    create_tables(database)
    uvloop.run(declare_queues(broker))
    anchor = directory / "anchor.pem"
    anchor.write_bytes(stationery.pki.root.certificate.public_bytes(Encoding.PEM))
    port = free_port()
    commands = {
        "gateway": (str(port), database, str(anchor), *([str(directory)] if engine == "floor, files" else [])),
        "relay": (database, broker),
        "recipient": (database, broker),
    }
    started: dict[str, subprocess.Popen[str]] = {}
    try:
        for name, arguments in commands.items():
            command = [sys.executable, "-m", f"bench.floor.{name}", *arguments]
            started[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        told = _Told(started["recipient"])
        own = {name: process.pid for name, process in started.items()}
        hub = Hub(
            engine,
            port,
            {},
            {**own, **services.processes()},
            tuple(own),
            lambda hub, kind, letters: FloorLoad(hub.port, kind, letters, lambda: told.value),
            postgresql=services.get()[0],
        )
        eventually(lambda: _listens(port), 30)
        yield hub
        hub.go_on()
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

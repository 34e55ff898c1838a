"""A fresh hub to put under load, and what its processes take meanwhile."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.letters import Stationery
from tests.services import PostgreSQL, RabbitMQ
from tests.world import ROLES, World

ENGINES = ("production", "roles", "embedded")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Stage:
    """A running hub. ``processes``: the root process of each role and service. ``database``: its owner's address."""

    engine: str
    port: int
    systems: dict[str, tuple[str, str]]
    processes: dict[str, int]
    database: str | None

    def stored(self) -> float:
        """MiB that the database takes; 0 for the embedded engine."""
        if self.database is None:
            return 0.0
        with psycopg.connect(self.database, autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return float(row[0]) / MIB

    def memory(self) -> dict[str, float]:
        """MiB by role, of the process and all that descends from it; pages that several share are counted once."""
        return {name: sum(map(_proportional, family(pid))) for name, pid in self.processes.items()}

    def files(self) -> dict[str, int]:
        """Open files and sockets by role."""
        return {name: sum(map(_open_files, family(pid))) for name, pid in self.processes.items()}


def family(pid: int) -> list[int]:
    """The process and all that descends from it, as far as they still run."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
    return found


def _proportional(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has ended
    found = re.search(r"^Pss:\s*(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else 0.0


def _open_files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended


@contextmanager
def running(engine: str, stationery: Stationery) -> Iterator[Stage]:
    """A hub as it is shipped: all roles in one process, or each in its own; gone afterwards."""
    environment: dict[str, str] = {}
    processes: dict[str, int] = {}
    database = None
    with ExitStack() as stack:
        if engine != "embedded":
            postgresql, rabbitmq = stack.enter_context(PostgreSQL()), stack.enter_context(RabbitMQ())
            database = postgresql.create_database("shapes")
            environment["LIENTHONG_DATABASE_URL"] = database
            environment["LIENTHONG_BROKER_URL"] = rabbitmq.create_vhost("shapes")
            assert postgresql.pid is not None
            assert rabbitmq.pid is not None
            processes = {"PostgreSQL": postgresql.pid, "RabbitMQ": rabbitmq.pid}
        directory = Path(tempfile.mkdtemp(prefix="lienthong-shapes-"))
        stack.callback(shutil.rmtree, directory)
        world = stack.enter_context(World(directory, environment))
        systems = stationery.register(world.ledger)
        world.start(*(ROLES if engine == "roles" else ("up",)))
        own = {role: process.pid for role, process in world.processes.items()}
        yield Stage(engine, world.port, systems, {**own, **processes}, database)

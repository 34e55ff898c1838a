"""Round trips to PostgreSQL, counted by the server and told apart by who asked.

For the time of a count the server logs every statement with the client's port (``log_statement``), so that nothing in
the hub is instrumented. A statement is a round trip, BEGIN and COMMIT too. Timed runs are made without it.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from bench.processes import descendants
from tests.services import PostgreSQL

SETTINGS = {"log_statement": "all", "log_line_prefix": "@%r@", "log_parameter_max_length": "0"}
RELOAD_SECONDS = 0.5
_STATEMENT = re.compile(rb"^@[^(@]*\((\d+)\)@LOG:  (?:statement|execute [^:]*):", re.MULTILINE)


@dataclass
class Statements:
    """``by`` role: how many; filled when the count has ended."""

    by: dict[str, int] = field(default_factory=dict)


@contextmanager
def counting(postgresql: PostgreSQL, processes: Mapping[str, int]) -> Iterator[Statements]:
    """Count what each of the processes (with their children) asks meanwhile."""
    counted = Statements()
    _configure(postgresql, SETTINGS)
    begun = postgresql.log.stat().st_size
    owners = _ports(postgresql.port, processes)
    try:
        yield counted
    finally:
        owners |= _ports(postgresql.port, processes)
        with postgresql.log.open("rb") as log:
            log.seek(begun)
            asked = Counter(owners.get(int(port)) for port in _STATEMENT.findall(log.read()))
        counted.by = {name: asked[name] for name in processes if asked[name]}
        _configure(postgresql, dict.fromkeys(SETTINGS))


def _configure(postgresql: PostgreSQL, settings: Mapping[str, str | None]) -> None:
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        for name, value in settings.items():
            change = sql.SQL("ALTER SYSTEM SET {} = {}") if value is not None else sql.SQL("ALTER SYSTEM RESET {}")
            parts = [sql.Identifier(name), *([sql.Literal(value)] if value is not None else [])]
            connection.execute(change.format(*parts))
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(RELOAD_SECONDS)


def _ports(server: int, processes: Mapping[str, int]) -> dict[int, str]:
    """Local port of every connection to the server → the role whose process holds it (proc(5): ``net/tcp``, ``fd``)."""
    inodes: dict[str, int] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) == server:
            inodes[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    found = {}
    for role, root in processes.items():
        for pid in descendants(root):
            for link in _links(pid):
                if link in inodes:
                    found[inodes[link]] = role
    return found


def _links(pid: int) -> Iterator[str]:
    """What the process has open; a descriptor may be gone, or not ours to see (the server's own)."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except (FileNotFoundError, PermissionError):
        return
    for number in numbers:
        try:
            yield os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue

"""A private PostgreSQL server: durable (fsync on), on loopback, with settings fit for two cores."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from tests.services.disks import SmallDisk
from tests.services.processes import (
    Household,
    ServiceFailed,
    find_program,
    free_port,
    private_directory,
    tail,
    unprivileged_account,
)

PACKAGE = "postgresql"
START_SECONDS = 60.0
SUPERUSER = "hub"

INITDB_OPTIONS = ("-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def binaries() -> Path:
    """The directory of the newest installed server; raises ``ComponentMissing``."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: [int(number) for number in re.findall(r"\d+", path.parent.name)],
        reverse=True,
    )
    return find_program("initdb", installed, PACKAGE).resolve().parent


class PostgreSQL:
    """One server with its own data directory; starts when made, ``close()`` (or ``with``) removes every trace.

    ``stop``, ``kill`` and ``start`` keep data and port, so that clients can find it again. ``disk``: where its data is.
    """

    def __init__(self, disk: SmallDisk | None = None) -> None:
        self._bin = binaries()
        account = unprivileged_account("postgres", "nobody")
        self._household = Household(private_directory("lienthong-postgresql-", account), account)
        self._data = self._household.directory / "data"
        if disk is not None:
            self._data = disk.directory / "data"
            if account is not None:
                os.chown(disk.directory, account.pw_uid, account.pw_gid)
        self._log = self._household.directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{name}"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self._log

    @property
    def pid(self) -> int | None:
        """The postmaster, for CPU accounting."""
        return self._process.pid if self._process else None

    def create_database(self, name: str, template: str | None = None) -> str:
        """A new database, a copy of ``template`` when one is named; answers its URL."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement)
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending the sessions that are still in it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start on the same data and port, recovering when it was killed; returns once it takes connections."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            log_start = self._log.stat().st_size if self._log.exists() else 0
            with self._log.open("ab") as log:
                self._process = self._household.spawn(
                    [self._bin / "postgres", "-D", self._data], log, last_signal=signal.SIGQUIT
                )
            if self._wait_ready(deadline):
                return
            self.stop()
            # After a kill -9 the old backends hold the shared memory until they notice; then a start is refused.
            refused = b"shared memory block" in self._log.read_bytes()[log_start:]
            if not refused or time.monotonic() > deadline:
                raise ServiceFailed(f"PostgreSQL did not start:\n{tail(self._log)}")
            time.sleep(0.2)

    def stop(self) -> None:
        """A fast shutdown: sessions are ended, everything is on disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9, as when the power fails; ``start`` recovers from the write-ahead log."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop and remove everything."""
        self._end(signal.SIGQUIT)
        self._household.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _initialise(self) -> None:
        self._household.run(
            # --no-sync: only initdb's own files; the server itself runs with fsync on.
            [self._bin / "initdb", "-D", self._data, "-U", SUPERUSER, "-A", "trust", *INITDB_OPTIONS]
        )
        lines = [f"{name} = '{value}'" for name, value in {**SETTINGS, "port": str(self.port)}.items()]
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join(["", *lines, ""]))

    def _wait_ready(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def _end(self, signal_number: signal.Signals) -> None:
        if self._process is not None:
            self._household.end(self._process, signal_number)
            self._process = None

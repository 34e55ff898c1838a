"""Connections and transactions.

All statements are synchronous functions that take a ``Transaction``; they run in worker threads, one hop a transaction.
That keeps the event loop free on both stores without the cost of an asynchronous driver per statement.
SQLite has exactly one writer thread; ``BEGIN IMMEDIATE`` because a deferred read-to-write upgrade fails at once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from hub.language.folding import has_words
from hub.problems import Deferred, Misconfigured

# lists of any length that one process reads at once, and rows of them that are fetched together
LONG_READS = 2
ROWS_AT_ONCE = 500

T = TypeVar("T")
Transaction = Connection


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    "cache_size=-16000",
    # so that the log's guard sees the row that an INSERT OR REPLACE deletes
    "recursive_triggers=ON",
)


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    # receipts must survive power loss: FULL, not NORMAL
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("has_words", 2, has_words, deterministic=True)


def sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", poolclass=QueuePool, pool_size=5, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _sqlite_pragmas)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


# A connection whose other end is gone without a word is given up within half a minute, by both ends: the server must
# not keep the locks of a transaction that nobody will end. Without this a hub would hang for a quarter of an hour.
_PATIENCE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_SESSION = {
    "timezone": "UTC",
    **{f"tcp_{name}": seconds for name, seconds in _PATIENCE.items()},
    "tcp_user_timeout": "25s",
    "idle_in_transaction_session_timeout": "60s",
}


def postgresql_engine(url: str, connections: int) -> Engine:
    address = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(
        address,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=False,
        pool_recycle=1800,
        connect_args={
            "application_name": "lienthong",
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            "tcp_user_timeout": 25_000,
            **_PATIENCE,
        },
    )


class Ledger:
    """One store, its threads and its transactions. ``apart``: the same store by connections for long reads alone.

    ``write`` and ``read`` raise ``Deferred('ledger-unavailable')`` when the store cannot be reached.
    """

    def __init__(self, engine: Engine, apart: Engine, *, writers: int, readers: int) -> None:
        self.engine = engine
        self._apart = apart
        self._long_reads = threading.BoundedSemaphore(LONG_READS)
        self._writers = concurrent.futures.ThreadPoolExecutor(writers, "ledger-write")
        self._readers = concurrent.futures.ThreadPoolExecutor(readers, "ledger-read")

    @classmethod
    def sqlite(cls, path: Path) -> Ledger:
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(sqlite_engine(path), sqlite_engine(path), writers=1, readers=3)

    @classmethod
    def postgresql(cls, url: str, connections: int = 8) -> Ledger:
        threads = connections // 2
        apart = postgresql_engine(url, LONG_READS)
        return cls(postgresql_engine(url, connections), apart, writers=max(1, threads), readers=threads)

    @classmethod
    def chosen(cls, database_url: str | None, connections: int, directory: Path) -> Ledger:
        """PostgreSQL when there is an address of it, else SQLite in ``directory``. Raises ``Misconfigured``."""
        if database_url is not None:
            return cls.postgresql(database_url, connections)
        try:
            return cls.sqlite(directory / "ledger.sqlite")
        except OSError as error:
            reason = f"{directory}: {error.strerror}"
            raise Misconfigured("settings-invalid", reason, "LIENTHONG_DATA_DIR") from error

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    async def write(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run ``work(transaction, …)`` in one transaction; committed when it returns, rolled back when it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, lambda: self.write_now(work, *args, **kwargs))

    async def read(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run ``work(transaction, …)`` on a consistent view; it must not write."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: self.read_now(work, *args, **kwargs))

    async def statement(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Like ``write`` for work that is a single statement on PostgreSQL: one round trip, no BEGIN and COMMIT."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, lambda: self._statement(work, *args, **kwargs))

    def write_now(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """``write`` for callers without an event loop (the command line)."""
        return self._guarded(lambda: self._in_transaction(work, args, kwargs, reading=False))

    def read_now(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._guarded(lambda: self._in_transaction(work, args, kwargs, reading=True))

    def _statement(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self.dialect != "postgresql":
            return self.write_now(work, *args, **kwargs)

        def once() -> T:
            with self.engine.connect() as connection:
                return work(connection.execution_options(isolation_level="AUTOCOMMIT"), *args, **kwargs)

        return self._guarded(once)

    def _in_transaction(self, work: Callable[..., T], args: Any, kwargs: Any, *, reading: bool) -> T:
        with self.engine.connect() as raw:
            connection = raw.execution_options(reading=reading)
            with connection.begin():
                return work(connection, *args, **kwargs)

    def _guarded(self, run: Callable[[], T]) -> T:
        try:
            return run()
        except (OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError) as error:
            raise Deferred("ledger-unavailable", str(error).splitlines()[0], retry_after=5) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Deferred("ledger-unavailable", str(error).splitlines()[0], retry_after=5) from error
            raise

    @contextmanager
    def long_read(self) -> Iterator[Transaction]:
        """A connection of its own for a statement whose rows are fetched as they are wanted, in one consistent view.

        Raises ``Deferred('export-limit')`` when ``LONG_READS`` of this process are under way, and what ``read`` raises.
        """
        if not self._long_reads.acquire(blocking=False):
            raise Deferred("export-limit", f"{LONG_READS} at once", retry_after=30)
        try:
            connection = self._guarded(self._apart.connect)
            try:
                reading = connection.execution_options(reading=True, stream_results=True, yield_per=ROWS_AT_ONCE)
                with reading.begin():
                    yield reading
            finally:
                connection.close()
        finally:
            self._long_reads.release()

    @contextmanager
    def without_references(self) -> Iterator[None]:
        """For a migration on SQLite: connections made meanwhile do not watch references; the caller checks them."""

        def unwatched(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA foreign_keys=OFF")

        self.engine.dispose()
        event.listen(self.engine, "connect", unwatched)
        try:
            yield
        finally:
            event.remove(self.engine, "connect", unwatched)
            self.engine.dispose()

    async def ping(self) -> bool:
        """A real round trip; False when the store does not answer."""
        try:
            await self.read(lambda transaction: transaction.execute(text("SELECT 1")).scalar_one())
        except Deferred:
            return False
        return True

    def close(self) -> None:
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.engine.dispose()
        self._apart.dispose()

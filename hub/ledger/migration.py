"""The schema: bring it to the version of this program, or say that it is not.

Several processes may start at once on PostgreSQL: an advisory lock lets one migrate and the others find it done.
A migration waits five seconds for a lock and then gives up, so that it never holds up a running hub.
"""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from alembic import command
from hub.ledger import guard
from hub.ledger.engine import Ledger, Transaction
from hub.problems import Misconfigured

_LOCK = 0x6C74_6C65_6467  # any number that nothing else on the database uses
_FORBIDDEN = "42501"  # insufficient_privilege


def _scripts() -> Path:
    """In the wheel beside this file; in a checkout at the top, where developers look for it."""
    installed = Path(__file__).parent / "migrations"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The version this program needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "the program comes with its migrations"
    return found


def version(transaction: Transaction) -> str | None:
    """The version the database has; None when it has none."""
    return MigrationContext.configure(transaction).get_current_revision()


def upgrade(ledger: Ledger) -> str:
    """Bring the schema to the head; returns it.

    Raises ``Deferred`` when the database is away, ``Misconfigured`` when this role may not change the schema.
    """
    if ledger.dialect == "sqlite":
        with ledger.without_references():
            ledger.write_now(_upgrade)
        return head()
    try:
        ledger.write_now(_upgrade)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != _FORBIDDEN:
            raise
        detail = f"this role may not change the schema; upgrade as its owner: {error.orig}"
        raise Misconfigured("schema-outdated", detail, "LIENTHONG_DATABASE_URL") from error
    return head()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # who waits for another upgrade holds nobody up, and columns that are filled take their time
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
    if version(connection) != head():
        command.upgrade(_config(connection), "head")
        _check_references(connection)
    if ahead := _ahead(connection):
        _renumber(connection, ahead)


_AHEAD = text(
    "SELECT greatest(coalesce((SELECT max(tx) FROM audit_entry), 0), coalesce((SELECT max(tx) FROM receipt), 0))"
    " - CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) - ledger_offset()"
)


def _ahead(connection: Connection) -> int:
    """By how much rows of the feeds are ahead of the server's own transactions.

    More than 0 only where a dump was restored into another server, which counts transactions from its own beginning.
    """
    if connection.dialect.name != "postgresql":
        return 0
    ahead: int = connection.execute(_AHEAD).scalar_one()
    return max(0, ahead + 1)


def _renumber(connection: Connection, ahead: int) -> None:
    """From now on transactions are counted from behind the newest row: feeds and sealing go on where they stopped."""
    offset: int = connection.execute(text("SELECT ledger_offset()")).scalar_one()
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION ledger_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE"
            f" AS 'SELECT CAST({offset + ahead:d} AS bigint)'"
        )
    )


def _check_references(connection: Connection) -> None:
    """SQLite rebuilds a table to change a constraint and does not watch references meanwhile: look at them here."""
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise RuntimeError(f"the migration would break references: {broken[:5]}")


def require_head(ledger: Ledger) -> None:
    """Raises ``Misconfigured('schema-outdated')`` unless the schema is at the head and this role may work with it."""
    present = ledger.read_now(version)
    if present != head():
        raise Misconfigured(
            "schema-outdated", f"the database has {present or 'no schema'}, this program needs {head()}"
        )
    if tables := ledger.read_now(guard.lacking):
        detail = f"this role has no rights on {', '.join(tables)}: run lienthong db grant ROLE as the owner"
        raise Misconfigured("schema-outdated", detail, "LIENTHONG_DATABASE_URL")
    if ledger.read_now(_ahead):
        raise Misconfigured("schema-outdated", "the database was restored into a server that counts from its beginning")

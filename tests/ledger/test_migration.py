"""The schema that migrations make is the schema that the statements expect, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from hub.ledger import Ledger, migration, months, revocation_tables, tables
from hub.problems import Deferred, Misconfigured
from tests.ledger.stage import STORES

UPGRADE = "import sys; from hub.ledger import Ledger, migration; migration.upgrade(Ledger.postgresql(sys.argv[1], 2))"


@pytest.fixture(params=STORES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A database without any table."""
    if request.param == "postgresql":
        made = Ledger.postgresql(request.getfixturevalue("database_url"), 2)
    else:
        made = Ledger.sqlite(tmp_path / "empty.sqlite")
    yield made
    made.close()


def differences(connection: Connection) -> list[object]:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "target_metadata": tables.metadata,
        "include_object": months.compared(connection.dialect.name),
    }
    context = MigrationContext.configure(connection, opts=options)
    return [one for one in compare_metadata(context, tables.metadata) if "alembic_version" not in repr(one)]


def names(connection: Connection) -> dict[str, set[str]]:
    """Every table with its columns (nullability and default included), constraints and indexes, by their names."""
    found = inspect(connection)
    described: dict[str, set[str]] = {}
    for table in set(found.get_table_names()) - {"alembic_version"}:
        if months.PARTITION.fullmatch(table):
            continue  # tests/ledger/test_months.py compares partitions with their table
        marks = {
            f"column {one['name']} {one['type']!s} null={one['nullable']} default={one.get('default')}"
            for one in found.get_columns(table)
        }
        marks |= {f"index {one['name']} {one['column_names']}" for one in found.get_indexes(table)}
        marks |= {f"unique {one['name']} {one['column_names']}" for one in found.get_unique_constraints(table)}
        marks |= {f"check {one['name']} {one['sqltext']}" for one in found.get_check_constraints(table)}
        marks |= {
            f"foreign {one['name']} {one['constrained_columns']} {one['referred_table']}"
            for one in found.get_foreign_keys(table)
        }
        key = found.get_pk_constraint(table)
        described[table] = {*marks, f"primary {key['name']} {key['constrained_columns']}"}
    return described


def test_models_and_migrated_schema_are_equal(empty: Ledger) -> None:
    migration.upgrade(empty)
    assert empty.read_now(differences) == []


def test_migrations_and_models_give_every_constraint_and_index_the_same_name(empty: Ledger) -> None:
    migration.upgrade(empty)
    migrated = empty.read_now(names)
    empty.write_now(tables.metadata.drop_all)
    assert empty.read_now(names) == {}
    empty.write_now(tables.metadata.create_all)
    assert migrated == empty.read_now(names)


def test_the_comparison_sees_a_difference(empty: Ledger) -> None:
    migration.upgrade(empty)
    empty.write_now(lambda transaction: transaction.execute(text("ALTER TABLE delivery DROP COLUMN reason")))
    assert "reason" in repr(empty.read_now(differences))


def test_upgrading_twice_changes_nothing(empty: Ledger) -> None:
    assert migration.upgrade(empty) == migration.head()
    before = empty.read_now(names)
    assert migration.upgrade(empty) == migration.head()
    assert empty.read_now(names) == before
    assert empty.read_now(migration.version) == migration.head()


def test_an_upgrade_that_fails_leaves_the_schema_as_it_was(empty: Ledger) -> None:
    empty.write_now(lambda transaction: transaction.execute(text("CREATE TABLE receipt (x integer)")))
    with pytest.raises(Exception, match="receipt"):
        migration.upgrade(empty)
    assert empty.read_now(lambda transaction: inspect(transaction).get_table_names()) == ["receipt"]
    assert empty.read_now(migration.version) is None


def test_a_database_without_schema_is_called_outdated(empty: Ledger) -> None:
    with pytest.raises(Misconfigured) as error:
        migration.require_head(empty)
    assert error.value.code == "schema-outdated"
    assert "no schema" in error.value.detail
    migration.upgrade(empty)
    migration.require_head(empty)


def test_a_schema_of_another_version_is_called_outdated(empty: Ledger) -> None:
    migration.upgrade(empty)
    empty.write_now(lambda transaction: transaction.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(Misconfigured, match="9999"):
        migration.require_head(empty)


def test_processes_that_upgrade_at_once_all_succeed(database_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, database_url], stderr=subprocess.PIPE) for _ in range(3)
    ]
    outcomes = [(process.communicate(timeout=60)[1].decode()[-500:], process.returncode) for process in processes]
    assert outcomes == [("", 0)] * 3
    ledger = Ledger.postgresql(database_url, 2)
    migration.require_head(ledger)
    ledger.close()


def test_the_pragmas_are_in_force_on_every_connection(tmp_path: Path) -> None:
    ledger = Ledger.sqlite(tmp_path / "ledger.sqlite")
    with ledger.engine.connect() as first, ledger.engine.connect() as second:
        for connection in (first.execution_options(reading=True), second.execution_options(reading=True)):
            answers = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
            assert answers == ["wal", 2, 1, 5000]  # 2 is FULL
    ledger.close()


def test_times_in_the_database_are_utc(empty: Ledger) -> None:
    if empty.dialect == "postgresql":
        assert empty.read_now(lambda transaction: transaction.execute(text("SHOW timezone")).scalar_one()) == "UTC"
    from hub.clock import VIETNAM, now

    local = now().astimezone(VIETNAM)
    migration.upgrade(empty)
    row = {"sha256": "0" * 64, "der": b"", "subject": "", "not_after": local, "added_at": local}
    anchor = revocation_tables.trust_anchor
    empty.write_now(lambda transaction: transaction.execute(anchor.insert().values(row)))
    asked = anchor.select().with_only_columns(anchor.c.added_at)
    [(kept,)] = empty.read_now(lambda transaction: transaction.execute(asked).all())
    assert kept == local
    assert kept.utcoffset().total_seconds() == 0


def test_a_store_that_is_away_defers(tmp_path: Path) -> None:
    from tests.services.processes import free_port

    ledger = Ledger.postgresql(f"postgresql://hub@127.0.0.1:{free_port()}/none", 2)
    with pytest.raises(Deferred) as error:
        ledger.read_now(migration.version)
    assert error.value.code == "ledger-unavailable"
    assert error.value.retry_after > 0
    ledger.close()

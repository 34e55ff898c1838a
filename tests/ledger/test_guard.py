"""The log's guard on both stores: what was written once stays, whoever of the hub asks, and however."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Executable, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from hub import clock
from hub.ledger import Ledger, guard, log_tables, migration, tables, transparency
from hub.ledger.revocation_tables import evidence
from hub.problems import Misconfigured
from tests.audit.test_log_export import SIGNING
from tests.ledger.stage import Stage, Store
from tests.rights import APPLICATION, as_owner, tamper

NAMES = [table.name for table in guard.GUARDED]
THIS_MONTH = f"audit_entry_{clock.now():%Y_%m}"


@pytest.fixture
def full(stage: Stage) -> Stage:
    """Something in every guarded table."""
    letter = stage.accept("H33").envelope_id
    size = stage.ledger.write_now(transparency.seal, SIGNING, 1000).size
    at = clock.now()
    rows: dict[Table, dict[str, Any]] = {
        tables.envelope_part: {"envelope_id": letter, "number": 1, "content_id": "c", "sha256": "0" * 64, "size": 1},
        evidence: {"sha256": "0" * 64, "kind": "crl", "der": b"", "added_at": at},
        log_tables.log_node: {"level": 1, "number": 0, "hash": b"h"},
        log_tables.log_cosignature: {"size": size, "witness": "w", "line": "l", "at": at},
        log_tables.log_timestamp: {"size": size, "authority": "a", "token": b"t", "stamped_at": at, "at": at},
    }
    for table, row in rows.items():
        assert attempt(stage.ledger, insert(table).values(row)) == ""
    return stage


@pytest.fixture
def production(postgresql_store: Store) -> Ledger:
    """PostgreSQL as the hub has it: under its own role."""
    return postgresql_store.open()


def attempt(ledger: Ledger, statement: Executable) -> str:
    """What the store says against it; empty when it did as it was told."""
    try:
        ledger.write_now(lambda transaction: transaction.execute(statement) and None)
    except DBAPIError as error:
        return str(error.orig)
    return ""


def everything(ledger: Ledger) -> dict[str, list[Any]]:
    return ledger.read_now(lambda tx: {one.name: list(tx.execute(select(one)).all()) for one in guard.GUARDED})


def test_what_is_guarded_is_neither_changed_nor_deleted(full: Stage) -> None:
    before = everything(full.ledger)
    for table in guard.GUARDED:
        assert before[table.name], table
        column = list(table.c)[-1]
        for statement in (update(table).values({column.name: column}), delete(table)):
            assert re.search(r"never changed or deleted|permission denied", attempt(full.ledger, statement)), statement
    assert everything(full.ledger) == before


def test_nobody_replaces_a_row_by_inserting_it(full: Stage) -> None:
    """SQLite's REPLACE deletes the row in its way; PostgreSQL's ON CONFLICT updates it."""
    replacing = {
        "sqlite": "INSERT OR REPLACE INTO log_leaf (number, id, hash) VALUES (0, 'another', x'00')",
        "postgresql": "INSERT INTO log_leaf (number, id, hash) VALUES (0, 'another', ''::bytea)"
        " ON CONFLICT (number) DO UPDATE SET hash = excluded.hash",
    }
    said = attempt(full.ledger, text(replacing[full.ledger.dialect]))
    assert re.search(r"never changed or deleted|permission denied", said)


@pytest.mark.services
@pytest.mark.parametrize("table", [*NAMES, "audit_entry_rest", THIS_MONTH])
def test_the_hubs_role_cannot_get_round_the_guard(production: Ledger, table: str) -> None:
    column = "hash" if table in ("log_leaf", "log_node") else "at"
    for statement in (
        f"UPDATE {table} SET {column} = {column} WHERE false",
        f"DELETE FROM {table} WHERE false",
        f"TRUNCATE {table}",
        f"TRUNCATE {table} CASCADE",
        f"DROP TABLE {table} CASCADE",
        f"ALTER TABLE {table} DISABLE TRIGGER guard",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} OWNER TO {APPLICATION}",
        f"ALTER TABLE {table} ADD COLUMN x integer",
        f"DROP TRIGGER guard ON {table}",
        f"CREATE TRIGGER t BEFORE UPDATE ON {table} EXECUTE FUNCTION guard_refuse()",
        f"CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING",
        f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    ):
        said = attempt(production, text(statement))
        assert re.search(r"permission denied|must be owner|column .* does not exist", said), (statement, said)
    attempt(production, text(f"GRANT ALL ON {table} TO {APPLICATION}"))  # a warning where the role has any right at all
    assert production.read_now(guard.state) == guard.Guard(APPLICATION, (), ())


@pytest.mark.services
@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "CREATE TABLE mine (x integer)",
        "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION guard_refuse() CASCADE",
        "SELECT setval('audit_entry_seq_seq', 1)",
        "SELECT audit_entry_month('2031-01-01')",
        "ALTER TABLE audit_entry DETACH PARTITION audit_entry_rest",
        "ALTER TABLE delivery DROP COLUMN reason",
        "DELETE FROM delivery",
        "UPDATE alembic_version SET version_num = '0004'",
        "DROP SCHEMA public CASCADE",
        f"ALTER ROLE {APPLICATION} SUPERUSER",
        f"INSERT INTO {THIS_MONTH} SELECT * FROM audit_entry",
    ],
)
def test_the_hubs_role_changes_nothing_of_the_schema(production: Ledger, statement: str) -> None:
    said = attempt(production, text(statement))
    assert re.search(r"permission denied|must be (able|owner|superuser)", said), said


@pytest.mark.services
@pytest.mark.parametrize("table", [*NAMES, "audit_entry_rest", THIS_MONTH])
def test_even_the_owner_is_refused_as_long_as_the_triggers_stand(production: Ledger, table: str) -> None:
    ledger = as_owner(production)
    for statement in (f"DELETE FROM {table} WHERE false", f"TRUNCATE {table} CASCADE"):
        assert "never changed or deleted" in attempt(ledger, text(statement)), statement
    ledger.close()


def test_the_hub_finds_its_guard_in_force(ledger: Ledger) -> None:
    found = ledger.read_now(guard.state)
    assert found == guard.Guard(APPLICATION if ledger.dialect == "postgresql" else "", (), ())


def test_a_trigger_that_is_missing_is_named(ledger: Ledger) -> None:
    if ledger.dialect == "sqlite":
        ledger.write_now(lambda tx: tx.execute(text("DROP TRIGGER guard_receipt_delete")) and None)
        assert ledger.read_now(guard.state).unguarded == ("receipt",)
        return
    try:
        tamper(ledger, text("ALTER TABLE receipt DISABLE TRIGGER guard"))
        assert ledger.read_now(guard.state).unguarded == ("receipt",)
    finally:
        tamper(ledger, text("ALTER TABLE receipt ENABLE TRIGGER guard"))


@pytest.mark.services
def test_a_role_with_too_many_rights_is_seen_and_a_grant_takes_them_away(production: Ledger) -> None:
    tamper(production, text(f"GRANT UPDATE ON receipt TO {APPLICATION}"))
    assert production.read_now(guard.state).changeable == ("receipt",)
    owner = as_owner(production)
    assert set(owner.read_now(guard.state).changeable) > set(NAMES)
    owner.write_now(guard.grant, APPLICATION)
    owner.close()
    assert production.read_now(guard.state).changeable == ()


@pytest.mark.services
@pytest.mark.parametrize(("role", "why"), [("nobody at all", "there is no role"), ("hub", "all rights of the owner")])
def test_rights_are_given_to_a_role_of_its_own_only(production: Ledger, role: str, why: str) -> None:
    owner = as_owner(production)
    with pytest.raises(Misconfigured, match=why):
        owner.write_now(guard.grant, role)
    owner.close()


def test_sqlite_has_no_roles(sqlite_store: Store) -> None:
    with pytest.raises(Misconfigured, match="only PostgreSQL"):
        sqlite_store.open().write_now(guard.grant, APPLICATION)


@pytest.mark.services
def test_the_hubs_role_starts_at_the_head_and_says_who_has_to_upgrade_before(production: Ledger) -> None:
    assert migration.upgrade(production) == migration.head()
    head = migration.head()
    try:
        tamper(production, text("UPDATE alembic_version SET version_num = '0004'"))
        with pytest.raises(Misconfigured, match="as its owner") as error:
            migration.upgrade(production)
        assert error.value.code == "schema-outdated"
    finally:
        tamper(production, text(f"UPDATE alembic_version SET version_num = '{head}'"))

"""Who may do what in a database of tests: the owner, who upgrades, and the hub's own role, as in production."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy
from sqlalchemy import Executable, text

from hub.ledger import Ledger, Transaction, guard, migration
from tests.services.postgresql import SUPERUSER

APPLICATION = "hub_application"


def as_application(url: str) -> str:
    """The same database for the hub's own role, after an upgrade by its owner: as in production."""
    address = sqlalchemy.make_url(url)
    if address.username == APPLICATION:
        return url
    ledger = Ledger.postgresql(url, 2)
    migration.upgrade(ledger)
    ledger.write_now(_application)
    ledger.close()
    return address.set(username=APPLICATION).render_as_string(hide_password=False)


def _application(transaction: Transaction) -> None:
    # a role is the server's, not the database's
    known = "EXISTS (SELECT FROM pg_roles WHERE rolname = :name)"
    if not transaction.execute(text(f"SELECT {known}"), {"name": APPLICATION}).scalar_one():
        transaction.execute(text(f"CREATE ROLE {APPLICATION} LOGIN"))
    guard.grant(transaction, APPLICATION)


def as_owner(ledger: Ledger) -> Ledger:
    """The same PostgreSQL database for its owner, who is a superuser here."""
    return Ledger.postgresql(ledger.engine.url.set(username=SUPERUSER).render_as_string(hide_password=False), 2)


def tamper(ledger: Ledger, *statements: Executable) -> None:
    """What no program of the hub can do, in spite of the log's guard: by a superuser who switches triggers off for his
    transaction, or by somebody who has the SQLite file."""
    if ledger.dialect == "sqlite":
        ledger.write_now(_untriggered, statements)
        return
    other = as_owner(ledger)
    other.write_now(_replica, statements)
    other.close()


def _replica(transaction: Transaction, statements: Sequence[Executable]) -> None:
    transaction.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in statements:
        transaction.execute(statement)


def _untriggered(transaction: Transaction, statements: Sequence[Executable]) -> None:
    triggers = transaction.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in triggers:
        transaction.execute(text(f"DROP TRIGGER {name}"))
    for statement in statements:
        transaction.execute(statement)
    for _, made in triggers:
        transaction.exec_driver_sql(made)

"""The log's guard: rows that the hub itself can neither change nor delete.

On both stores triggers refuse (migration 0005). On PostgreSQL the hub moreover works under a role that is not the owner
of the tables and has only the rights that ``grant`` gives: with these it can neither change such a row nor switch a
trigger off. The owner's role is for upgrades only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Table, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from hub.ledger.alert_tables import alert, incident
from hub.ledger.audit_tables import legal_hold, purge, purge_item
from hub.ledger.credential_tables import rehearsal, system_secret
from hub.ledger.delivery_tables import attempt, change, replay, replay_item
from hub.ledger.engine import Transaction
from hub.ledger.figure_tables import figure_state
from hub.ledger.log_tables import (
    hub_key,
    log_checkpoint,
    log_cosignature,
    log_head,
    log_leaf,
    log_node,
    log_timestamp,
    witnessed_log,
)
from hub.ledger.proposal_tables import proposal
from hub.ledger.registry_tables import trial
from hub.ledger.revocation_tables import evidence
from hub.ledger.tables import (
    agency,
    agency_certificate,
    audit_entry,
    delivery,
    envelope,
    envelope_part,
    metadata,
    person,
    receipt,
    system,
)
from hub.problems import Misconfigured

GUARDED: tuple[Table, ...] = (
    audit_entry,
    envelope,
    envelope_part,
    evidence,
    log_checkpoint,
    log_cosignature,
    log_leaf,
    log_node,
    log_timestamp,
    receipt,
)
"""Written once: their rows are never changed and never deleted."""

KEPT: tuple[Table, ...] = (
    agency,
    agency_certificate,
    alert,
    attempt,
    change,
    delivery,
    figure_state,
    hub_key,
    incident,
    legal_hold,
    log_head,
    person,
    proposal,
    purge,
    purge_item,
    rehearsal,
    replay,
    replay_item,
    system,
    system_secret,
    trial,
    witnessed_log,
)
"""Their rows have a state that changes, and are never deleted."""


def grant(transaction: Transaction, role: str) -> None:
    """Give the application's role what the hub needs, and take from it what it does not. Run as the owner.

    Again after every upgrade: new tables come without rights. Raises ``Misconfigured('settings-invalid')`` for a store
    without roles, a role that is not there, and one that has the owner's rights anyway.
    """
    if transaction.dialect.name != "postgresql":
        raise Misconfigured("settings-invalid", "only PostgreSQL has roles", "LIENTHONG_DATABASE_URL")
    _check(transaction, role)
    schema: str = transaction.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    quoted = transaction.dialect.identifier_preparer.quote_identifier(role)
    for statement in _statements(transaction, schema, quoted):
        transaction.exec_driver_sql(statement)


_RIGHTS = text(
    "SELECT rolsuper OR pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = :role"
).bindparams(bindparam("role", type_=Text()))


def _check(transaction: Transaction, role: str) -> None:
    owner = transaction.execute(_RIGHTS, {"role": role}).scalar_one_or_none()
    if owner is None:
        raise Misconfigured("settings-invalid", f"there is no role {role}", "LIENTHONG_DATABASE_URL")
    if owner:
        raise Misconfigured(
            "settings-invalid", f"the role {role} has all rights of the owner: take another one", "ROLE"
        )


def _statements(transaction: Transaction, schema: str, role: str) -> Iterator[str]:
    """Rights of before go first. Partitions get none but to see whether entries lie outside all months."""
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM {role}, PUBLIC"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    for name in ("alembic_version", "audit_entry_rest"):
        yield f"GRANT SELECT ON {schema}.{name} TO {role}"
    quote = transaction.dialect.identifier_preparer.quote
    for table in metadata.sorted_tables:
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if table in GUARDED:
            rights = "SELECT, INSERT"
        elif table in KEPT:
            rights = "SELECT, INSERT, UPDATE"
        yield f"GRANT {rights} ON {schema}.{quote(table.name)} TO {role}"
    # USAGE draws the next number; UPDATE, which would set it back, is not given
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    yield f"GRANT EXECUTE ON FUNCTION {schema}.audit_entry_months(integer) TO {role}"


_LACKING = text(
    "SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema())"
    " AND relname = ANY(:names) AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT'))"
    " ORDER BY relname"
).bindparams(bindparam("names", type_=ARRAY(Text())))


def lacking(transaction: Transaction) -> list[str]:
    """Tables that this connection's role may not read and fill: an upgrade made them, and ``grant`` did not follow."""
    if transaction.dialect.name != "postgresql":
        return []
    return list(transaction.execute(_LACKING, {"names": list(metadata.tables)}).scalars())


@dataclass(frozen=True, slots=True)
class Guard:
    """How well the log is guarded against this connection. ``role``: its name, empty on SQLite.

    ``changeable``: guarded tables (and partitions) of which the role may change rows or switch triggers off;
    ``unguarded``: those of which a trigger is missing or off.
    """

    role: str
    changeable: tuple[str, ...]
    unguarded: tuple[str, ...]


_STATE = text(
    "SELECT relname, pg_has_role(relowner, 'USAGE') OR has_table_privilege(c.oid, 'UPDATE')"
    " OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE')"
    " OR has_table_privilege(c.oid, 'TRIGGER') AS changeable,"
    " EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND tgname = 'guard' AND tgenabled IN ('O', 'A'))"
    " AS guarded FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema())"
    " AND (relname = ANY(:names) OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass("
    "'audit_entry'))) ORDER BY relname"
).bindparams(bindparam("names", type_=ARRAY(Text())))
_TRIGGERS = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")


def state(transaction: Transaction) -> Guard:
    """What stands between this connection and a rewritten log."""
    names = [table.name for table in GUARDED]
    if transaction.dialect.name != "postgresql":
        there = set(transaction.execute(_TRIGGERS).scalars())
        missing = [one for one in names if not {f"guard_{one}_update", f"guard_{one}_delete"} <= there]
        return Guard("", (), tuple(missing))
    rows = transaction.execute(_STATE, {"names": names}).all()
    role: str = transaction.execute(text("SELECT current_user")).scalar_one()
    changeable = tuple(row.relname for row in rows if row.changeable)
    return Guard(role, changeable, tuple(row.relname for row in rows if not row.guarded))

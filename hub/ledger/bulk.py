"""Many rows in one statement: they travel as one JSON parameter and are spread out by the store.

The hot path has no ORM and no per-row binding: measured elsewhere, six inserts an envelope cost 2 ms of client CPU the
ordinary way and a tenth of that as one statement.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from hub import clock
from hub.ledger.columns import Instant, Json

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # the dialect's constructor is untyped

# The writing transaction's number, where there can be more than one writer. A server that a dump was restored into
# counts from its own beginning: ledger_offset() (hub.ledger.migration) puts its numbers behind those of the dump.
TX = {"postgresql": "CAST(CAST(pg_current_xact_id() AS text) AS bigint) + ledger_offset()", "sqlite": "0"}

# On PostgreSQL, the identifier of a row by its ``place`` (1, 2 …): one of those that ``clock.new_ids`` drew.
NEW_ID = "CAST(:ids_common AS text) || lpad(to_hex(CAST(:ids_from AS bigint) + place - 1), 12, '0')"


def new_ids(count: int) -> dict[str, Any]:
    """The parameters of ``NEW_ID`` for so many rows at most."""
    common, first = clock.new_ids(count)
    return {"ids_common": common, "ids_from": first}


def dumps(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def insert(
    table: Table, dialect: str, columns: list[str], *, where: str = "", conflict: str = "", returning: str = ""
) -> str:
    """``INSERT … SELECT`` from the JSON array in the parameter named like the table. Aliased ``r`` in ``where``.

    A column ``tx`` is filled by the store, not from the rows.
    """
    stored = [*columns, "tx"] if "tx" in table.c else columns
    values = [TX[dialect] if name == "tx" else _value(table.c[name], dialect) for name in stored]
    # every part is a name from tables.py or a constant of this room; values travel in the parameter
    statement = f"INSERT INTO {table.name} ({', '.join(stored)}) SELECT {', '.join(values)}"
    statement += f" FROM {_source(table, columns, dialect)}"
    # SQLite needs WHERE before ON CONFLICT in INSERT … SELECT to tell it from a join
    statement += f" WHERE {where or 'true'}"
    if conflict:
        statement += f" ON CONFLICT {conflict} DO NOTHING"
    if returning:
        statement += f" RETURNING {returning}"
    return statement


def _source(table: Table, columns: list[str], dialect: str) -> str:
    if dialect == "sqlite":
        return f"json_each(:{table.name}) r"
    typed = ", ".join(f"{name} {_type(table.c[name].type)}" for name in columns)
    return f"json_to_recordset(CAST(:{table.name} AS json)) AS r({typed})"


def field(name: str, dialect: str) -> str:
    """A field of the row alias ``r`` for use in ``where``."""
    return f"json_extract(r.value, '$.{name}')" if dialect == "sqlite" else f"r.{name}"


def _value(column: Column[Any], dialect: str) -> str:
    return field(column.name, dialect)


def _type(kind: TypeEngine[Any]) -> str:
    if isinstance(kind, Instant):
        return "timestamptz"
    if isinstance(kind, Json):
        return "jsonb"
    if isinstance(kind, (Text, Integer, BigInteger, Boolean, Date)):
        return kind.compile(_POSTGRESQL).lower()
    if isinstance(kind, LargeBinary):
        raise TypeError("octets do not travel as JSON")
    raise TypeError(f"no JSON form for {kind!r}")

"""Gap-free feeds: reading rows in commit order while others are still writing.

A serial alone is not enough: a transaction that drew a lower number may commit after one with a higher number, and a
reader whose cursor has passed would never see it. Rows are therefore read in the order (tx, seq), and only those whose
transaction number lies below every transaction still running.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, Table, Text, cast, func

from hub.ledger.engine import Transaction
from hub.problems import Refused

_FORM = re.compile("([0-9a-f]{1,16})-([0-9a-f]{1,16})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Opaque outside: ``<tx>-<seq>`` in hexadecimal."""

    tx: int
    seq: int

    def __str__(self) -> str:
        return f"{self.tx:x}-{self.seq:x}"

    @classmethod
    def parse(cls, value: str | None) -> Cursor | None:
        """Raises ``Refused('request-invalid')`` for text that no feed has given out."""
        if not value:
            return None
        given = _FORM.fullmatch(value)
        cursor = cls(int(given[1], 16), int(given[2], 16)) if given else None
        if cursor is None or max(cursor.tx, cursor.seq) >= 2**63:
            raise Refused("request-invalid", "not a cursor", "after")
        return cursor


def settled(statement: Select[Any], table: Table, transaction: Transaction) -> Select[Any]:
    """``statement`` restricted to rows that no running transaction can still precede."""
    if transaction.dialect.name != "postgresql":
        return statement
    oldest = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
    return statement.where(table.c.tx < oldest + func.ledger_offset(type_=BigInteger()))

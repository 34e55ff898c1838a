"""The months of the exchange log on PostgreSQL: partitions of ``audit_entry``, made ahead of time (SQLite has none).

Making them needs the owner's rights, which the hub does not have: it calls the owner's function, which makes months of
this table and nothing else. A month without a partition loses nothing: its entries lie in ``audit_entry_rest``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.sql.ddl import DDLIf

from hub.ledger.engine import Ledger, Transaction
from hub.problems import Deferred

log = structlog.get_logger()

AHEAD = 12
EVERY_SECONDS = 24 * 3600.0
_AGAIN_SECONDS = 600.0
PARTITION = re.compile(r"audit_entry_([0-9]{4}_[0-9]{2}|rest)")
_AHEAD = text(
    "SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
    " WHERE inhparent = CAST('audit_entry' AS regclass) AND relname <> 'audit_entry_rest'"
    " AND substr(relname, 13) > to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')"
)


@dataclass(frozen=True, slots=True)
class Months:
    """How many months after this one have a partition, and whether entries lie outside all months."""

    ahead: int
    outside: bool


def make(transaction: Transaction, ahead: int = AHEAD) -> int:
    """Make this month and ``ahead`` after it where they are missing; how many were made."""
    if transaction.dialect.name != "postgresql":
        return 0
    made: int = transaction.execute(text("SELECT audit_entry_months(:ahead)"), {"ahead": ahead}).scalar_one()
    return made


def state(transaction: Transaction) -> Months | None:
    """None where the log is one table."""
    if transaction.dialect.name != "postgresql":
        return None
    outside = transaction.execute(text("SELECT EXISTS (SELECT FROM audit_entry_rest)")).scalar_one()
    return Months(transaction.execute(_AHEAD).scalar_one(), outside)


class MonthMaker:
    """Makes months once a day until cancelled; when the store is away or busy, again after some minutes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def run(self) -> None:
        while True:
            there = await self.step()
            await asyncio.sleep(EVERY_SECONDS if there else _AGAIN_SECONDS)

    async def step(self) -> bool:
        """Whether all months are there."""
        try:
            made = await self._ledger.write(make)
        except Deferred as error:
            log.warning("months.waiting", reason=str(error))
            return False
        if made:
            log.info("months.made", months=made)
        return True


def compared(dialect: str) -> Callable[..., bool]:
    """What Alembic compares (``include_object``): no partitions, no constraints that are for the other store only."""

    def include(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
        only: DDLIf | None = getattr(thing, "_ddl_if", None)
        partition = kind == "table" and PARTITION.fullmatch(name or "") is not None
        return not partition and (only is None or only.dialect == dialect)

    return include

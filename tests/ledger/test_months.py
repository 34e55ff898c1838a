"""The exchange log by months on PostgreSQL: nothing is lost on the way there, and no entry outside the months."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from alembic import command
from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, Transaction, exchange_log, migration, months, tables
from hub.ledger.exchange_log import LogQuery
from hub.ledger.months import MonthMaker, Months
from tests.ledger.stage import Store
from tests.rights import as_owner, tamper

pytestmark = pytest.mark.services
NOW = clock.now()
_PARTITIONS = text(
    "SELECT relname, (SELECT count(*) FROM pg_index WHERE indrelid = inhrelid),"
    " (SELECT count(*) FROM pg_trigger WHERE tgrelid = inhrelid AND tgname = 'guard')"
    " FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'audit_entry'::regclass ORDER BY relname"
)


def entry(at: datetime) -> Entry:
    return Entry(Event.LOG_QUERIED, at, actor="test")


def month(at: datetime) -> str:
    return f"audit_entry_{at:%Y_%m}"


def where(transaction: Transaction) -> dict[str, str]:
    """The partition of every entry."""
    rows = transaction.execute(text("SELECT id, CAST(CAST(tableoid AS regclass) AS text) FROM audit_entry"))
    return {row[0]: row[1] for row in rows}


@pytest.fixture
def production(postgresql_store: Store) -> Ledger:
    return postgresql_store.open()


@pytest.fixture
def before(database_url: str) -> Iterator[Ledger]:
    """A database as it was before there were months."""
    ledger = Ledger.postgresql(database_url, 2)
    ledger.write_now(lambda connection: command.upgrade(migration._config(connection), "0004"))
    yield ledger
    ledger.close()


def test_entries_move_into_their_months_and_the_count_goes_on(before: Ledger) -> None:
    times = [
        NOW,
        NOW - timedelta(days=70),
        datetime(2025, 3, 31, 23, 59, 59, tzinfo=UTC),
        datetime(1999, 1, 1, tzinfo=UTC),
    ]
    entries = [entry(at) for at in times]
    rows = [{**one.row(), "at": one.at, "tx": 5} for one in entries]

    def everything(transaction: Transaction) -> list[dict[str, Any]]:
        found = transaction.execute(select(tables.audit_entry).order_by(tables.audit_entry.c.seq)).mappings()
        return [dict(row) for row in found]

    before.write_now(lambda transaction: transaction.execute(insert(tables.audit_entry), rows) and None)
    kept = before.read_now(everything)
    migration.upgrade(before)
    assert before.read_now(everything) == kept
    assert [before.read_now(where)[one.id] for one in entries] == [
        month(NOW), month(times[1]), "audit_entry_2025_03", "audit_entry_rest"
    ]  # fmt: skip
    before.write_now(exchange_log.append, [entry(NOW)])
    assert before.read_now(everything)[-1]["seq"] == kept[-1]["seq"] + 1


def test_every_partition_has_all_indexes_and_the_guard(production: Ledger) -> None:
    found = production.read_now(lambda transaction: transaction.execute(_PARTITIONS).all())
    assert len(found) >= months.AHEAD + 2
    assert {row[1:] for row in found} == {(len(tables.audit_entry.indexes) + 2, 1)}


def test_the_hub_makes_a_month_that_is_missing_and_only_that(production: Ledger) -> None:
    last = f"{production.read_now(lambda tx: tx.execute(_PARTITIONS).all())[-2][0]}"
    tamper(production, text(f"DROP TABLE {last}"))
    assert production.read_now(months.state) == Months(months.AHEAD - 1, outside=False)
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(production.write_now(months.make))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 1]
    assert production.read_now(months.state) == Months(months.AHEAD, outside=False)
    test_every_partition_has_all_indexes_and_the_guard(production)


async def test_the_sweep_keeps_the_months_ahead(production: Ledger) -> None:
    assert await MonthMaker(production).step()
    assert production.read_now(months.state) == Months(months.AHEAD, outside=False)


def test_an_entry_outside_the_months_is_found_as_any_other(production: Ledger) -> None:
    late = entry(NOW + timedelta(days=5000))
    production.write_now(exchange_log.append, [entry(NOW), late, entry(NOW)])
    assert production.read_now(where)[late.id] == "audit_entry_rest"
    assert production.read_now(months.state) == Months(months.AHEAD, outside=True)
    rows, _ = production.read_now(exchange_log.query, LogQuery(), None, 10)
    assert [row["id"] for row in rows][1] == late.id
    rows, _ = production.read_now(exchange_log.query, LogQuery(since=NOW + timedelta(days=4999)), None, 10)
    assert [row["id"] for row in rows] == [late.id]


def test_a_month_whose_entries_lie_outside_is_left_there(production: Ledger) -> None:
    last = production.read_now(lambda tx: tx.execute(_PARTITIONS).all())[-2][0]
    tamper(production, text(f"DROP TABLE {last}"))
    year, number = map(int, last.split("_")[2:])
    production.write_now(exchange_log.append, [entry(datetime(year, number, 2, tzinfo=UTC))])
    try:
        assert production.write_now(months.make) == 0
    finally:
        tamper(production, text("DELETE FROM audit_entry_rest"))
        assert production.write_now(months.make) == 1


def test_entries_are_read_in_the_order_of_commits_across_months(production: Ledger) -> None:
    entries = [entry(NOW + timedelta(days=40 * number)) for number in (3, 0, 2, -90, 1)]
    for one in entries:
        production.write_now(exchange_log.append, [one])
    rows, _ = production.read_now(exchange_log.query, LogQuery(), None, 10)
    assert [row["id"] for row in rows] == [one.id for one in entries]
    cursor, found = None, []
    while page := production.read_now(exchange_log.query, LogQuery(), cursor, 2):
        if not page[0]:
            break
        found += [row["id"] for row in page[0]]
        cursor = page[1]
    assert found == [one.id for one in entries]


def test_a_page_of_one_month_reads_no_other(production: Ledger) -> None:
    plan = "EXPLAIN SELECT * FROM audit_entry WHERE at >= '2026-12-02+00' AND at < '2026-12-03+00' ORDER BY tx, seq"
    owner = as_owner(production)
    said = "\n".join(owner.read_now(lambda tx: tx.execute(text(plan)).scalars().all()))
    owner.close()
    assert "audit_entry_2026_12" in said
    assert "audit_entry_2026_11" not in said
    assert "audit_entry_rest" not in said


def test_sqlite_has_no_months(sqlite_store: Store) -> None:
    ledger = sqlite_store.open()
    assert ledger.write_now(months.make) == 0
    assert ledger.read_now(months.state) is None

"""A dump restored into another server, whose transactions count from that server's own beginning."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from hub import clock
from hub.audit import Entry, Event
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.ledger import Ledger, exchange_log, migration, tables, transparency
from hub.ledger.exchange_log import LogQuery
from hub.problems import Misconfigured
from tests.services import PostgreSQL

SIGNING = Signing([NoteSigner("hub.test/log", Ed25519PrivateKey.generate())])
pytestmark = pytest.mark.services


@pytest.fixture
def restored(postgresql: PostgreSQL) -> Iterator[Ledger]:
    """Three entries of transactions that this server will not reach for a long time; two of them are sealed."""
    name = f"restored_{uuid.uuid4().hex}"
    ledger = Ledger.postgresql(postgresql.create_database(name), 2)
    migration.upgrade(ledger)
    rows = [{**entry().row(), "at": clock.now(), "tx": 5_000_000_000 + number} for number in range(3)]
    ledger.write_now(lambda transaction: transaction.execute(insert(tables.audit_entry), rows) and None)
    yield ledger
    ledger.close()
    postgresql.drop_database(name)


def entry() -> Entry:
    return Entry(Event.LOG_QUERIED, clock.now(), actor="test")


def listed(ledger: Ledger) -> int:
    return len(ledger.read_now(exchange_log.query, LogQuery(), None, 100)[0])


def test_a_hub_does_not_start_on_it_as_it_is(restored: Ledger) -> None:
    with pytest.raises(Misconfigured, match="restored"):
        migration.require_head(restored)


def test_after_an_upgrade_feeds_and_sealing_go_on_behind_what_was_there(restored: Ledger) -> None:
    assert listed(restored) == 0
    migration.upgrade(restored)
    migration.require_head(restored)
    assert listed(restored) == 3
    assert restored.write_now(transparency.seal, SIGNING, 100).size == 3
    new = entry()
    restored.write_now(exchange_log.append, [new])
    assert listed(restored) == 4
    assert restored.write_now(transparency.seal, SIGNING, 100).size == 4
    assert restored.read_now(transparency.numbers_of, [new.id]) == {new.id: 3}


def test_an_upgrade_of_a_database_that_was_not_restored_changes_no_numbers(restored: Ledger) -> None:
    migration.upgrade(restored)
    before = restored.read_now(lambda transaction: transaction.exec_driver_sql("SELECT ledger_offset()").scalar_one())
    restored.write_now(exchange_log.append, [entry()])
    migration.upgrade(restored)
    after = restored.read_now(lambda transaction: transaction.exec_driver_sql("SELECT ledger_offset()").scalar_one())
    assert after == before

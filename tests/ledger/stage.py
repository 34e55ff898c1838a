"""A store with its registry, and letters put into it the way intake does, without HTTP and without XML.

Fixtures for the rooms behind intake: import them in a directory's ``conftest``.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, text, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, agencies, deliveries, delivery_tables, envelopes, migration, systems, tables
from hub.ledger.agencies import NewAgency
from hub.ledger.envelopes import Acceptance, Stored
from hub.receipts.signing import Audience, ReceiptSigner, Subject
from hub.registry.model import System
from hub.signatures.jws import HubKey
from tests.rights import as_application, tamper
from tests.services import PostgreSQL

STORES = ("sqlite", "postgresql")


class Store:
    """One database at the head of the schema; every ``open`` is another process's view of it.

    On PostgreSQL as the hub's own role, which neither owns the tables nor may change what is guarded (``tamper``).
    """

    def __init__(self, opener: Callable[[], Ledger]) -> None:
        self._opener = opener
        self._opened: list[Ledger] = []

    def open(self) -> Ledger:
        self._opened.append(self._opener())
        return self._opened[-1]

    def close(self) -> None:
        for ledger in self._opened:
            ledger.close()


def registered(identifier: str, *, auditor: bool = False) -> System:
    return System(identifier, f"system {identifier}", "pull", f"client-{identifier}", "0" * 64, auditor, True)


@dataclass
class Stage:
    """``sender`` writes from G22; ``h33`` serves H33 and H33.01, ``h40`` serves H40."""

    ledger: Ledger
    signer: ReceiptSigner = field(
        default_factory=lambda: ReceiptSigner(HubKey(Ed25519PrivateKey.generate()), "hub.test", "hub.test/log")
    )

    def furnish(self) -> None:
        def registry(transaction: Any) -> None:
            at = clock.now()
            for identifier in ("sender", "h33", "h40"):
                systems.add(transaction, registered(identifier), at)
            for code, system in (("G22", "sender"), ("H33", "h33"), ("H33.01", "h33"), ("H40", "h40")):
                agencies.add(transaction, NewAgency(code, f"Cơ quan {code}", system), at)

        self.ledger.write_now(registry)

    def acceptance(
        self,
        *recipients: str,
        document_id: str = "",
        business_type: int = 0,
        priority: int = 0,
        body: bytes = b"",
        sender: str = "G22",
        at: datetime | None = None,
    ) -> Acceptance:
        """The rows of one letter; its octets are ``body``, or differ from every other letter's."""
        envelope_id, document_id = clock.new_id(), document_id or f"{uuid.uuid4()}"
        at = at or clock.now()
        moment = clock.rfc3339(at)
        body = body or envelope_id.encode()
        digest = hashlib.sha256(body).hexdigest()
        codes = recipients or ("H33",)
        by_system = {"G22": "sender", "H33": "h33", "H33.01": "h33", "H40": "h40"}
        envelope = {
            "id": envelope_id, "sender_code": sender, "sender_system_id": by_system.get(sender, "sender"),
            "document_id": document_id, "business_type": business_type, "profile": "qcvn-102-2016",
            "number": "12", "notation": "UBND-VP", "promulgated_on": "2026-11-20", "document_type": "Công văn",
            "subject": "Về việc liên thông văn bản", "priority": priority, "due_on": None, "sha256": digest,
            "size": len(body), "received_at": moment, "details": {"attachments": []},
            "traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "search": "ve viec lien thong van ban",
            "parts": 0, "parts_size": 0, "edition": "",
        }  # fmt: skip
        rows = [
            {
                "id": clock.new_id(), "envelope_id": envelope_id, "recipient_code": code,
                "system_id": by_system[code], "state": "pending", "priority": priority, "since": moment,
            }
            for code in codes
        ]  # fmt: skip
        outbox = [
            {
                "delivery_id": row["id"], "envelope_id": envelope_id, "system_id": row["system_id"],
                "recipient_code": row["recipient_code"], "priority": priority,
                "document_id": envelope["document_id"], "traceparent": envelope["traceparent"],
            }
            for row in rows
        ]  # fmt: skip
        subject = Subject(envelope_id, document_id, sender, digest)
        audience = Audience(str(envelope["sender_system_id"]), sender)
        receipt = self.signer.acknowledgement(subject, audience, codes, (), at)
        entry = Entry(Event.ENVELOPE_ACCEPTED, at, "sender", sender, envelope_id=envelope_id, document_id=document_id)
        return Acceptance(envelope, rows, outbox, receipt.row, [entry.row()])

    def accept(self, *recipients: str, **more: Any) -> Stored:
        return self.ledger.write_now(envelopes.accept, [self.acceptance(*recipients, **more)])[0]

    def in_inbox(self, *recipients: str, **more: Any) -> list[str]:
        """Accept a letter and let the courier take it over; the ids of its deliveries in the order of recipients."""
        ids = [delivery for _, delivery in self.accept(*recipients, **more).deliveries]
        self.ledger.write_now(deliveries.take_over, ids, clock.now())
        return ids

    def by_channel(self, channel: str, *systems: str, **options: Any) -> None:
        """From now on these systems take their documents by this channel."""
        changed = update(tables.system).where(tables.system.c.id.in_(systems)).values(channel=channel, options=options)
        self.ledger.write_now(lambda transaction: transaction.execute(changed))

    def make_due(self) -> None:
        """As if the time of every retry, lease and breaker had come."""
        past = clock.now() - timedelta(seconds=1)
        takeable = tables.delivery.c.state.in_(tables.TAKEABLE)
        statements = (
            update(tables.delivery).where(takeable).values(available_at=past),
            update(delivery_tables.circuit).values(retry_at=past),
            update(delivery_tables.receipt_cursor).values(retry_at=past),
        )
        self.ledger.write_now(lambda transaction: [transaction.execute(one) for one in statements] and None)

    def quiet(self) -> None:
        """Wait until no other transaction of this server writes: feeds and sealing show nothing newer than those."""
        if self.ledger.dialect != "postgresql":
            return
        busy = text("SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()")
        for _ in range(1000):
            if not self.ledger.read_now(lambda transaction: transaction.execute(busy).scalar_one()):
                return
            time.sleep(0.01)
        raise AssertionError("a transaction of this server has been writing for ten seconds")

    def state(self, delivery_id: str) -> str:
        return self.ledger.read_now(deliveries.find, [delivery_id])[delivery_id].state


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at the head of the schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "ledger.sqlite"
    ledger = Ledger.sqlite(path)
    migration.upgrade(ledger)
    ledger.close()
    return path


@pytest.fixture(scope="session")
def migrated_database(postgresql: PostgreSQL) -> str:
    """The URL of a PostgreSQL database at the head of the schema, for the hub's own role."""
    url = postgresql.create_database(f"migrated_{uuid.uuid4().hex}")
    return as_application(url)


@pytest.fixture
def sqlite_store(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(migrated_file, path)
    store = Store(lambda: Ledger.sqlite(path))
    yield store
    store.close()


@pytest.fixture
def postgresql_store(migrated_database: str) -> Iterator[Store]:
    """The same database every time, emptied: making and dropping one for each test costs a checkpoint."""
    store = Store(lambda: Ledger.postgresql(migrated_database))
    emptied = (delete(table) for table in reversed(tables.metadata.sorted_tables))
    tamper(store.open(), *emptied, text("DROP TABLE IF EXISTS note"))
    yield store
    store.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """Every test that asks for it runs on both stores."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return store.open()


@pytest.fixture
def stage(ledger: Ledger) -> Stage:
    """The ledger with three systems and four agencies."""
    made = Stage(ledger)
    made.furnish()
    return made

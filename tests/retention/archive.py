"""Letters of years ago, closed long since, with their files; and the people who decide."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, update

from hub import clock
from hub.ledger import Ledger, PayloadStore, Transaction, envelopes, exchange_log, people, purges, tables
from hub.ledger.audit_tables import purge_item
from hub.ledger.exchange_log import LogQuery
from hub.ledger.payload_removal import Removal
from hub.ledger.purged import needed
from hub.ledger.purges import PurgeRecord
from hub.retention import policy
from hub.retention.carrying_out import CarryingOut
from hub.retention.purges import Purges
from tests.ledger.stage import Stage

PEOPLE = (("one", "administrator"), ("two", "administrator"), ("three", "auditor"), ("four", "operator"))
LONG_AGO = timedelta(days=11 * 366)


class Archive:
    """``carrying`` does what the role ``sweep`` does; the shipped policy keeps a Công văn for ten years."""

    def __init__(self, stage: Stage, directory: Path) -> None:
        self.stage = stage
        self.ledger: Ledger = stage.ledger
        self.payloads = PayloadStore(directory / "payloads")
        self.purges = Purges(policy.load())
        self.carrying = CarryingOut(self.ledger, self.payloads)

        def add(transaction: Transaction) -> None:
            for login, role in PEOPLE:
                people.add_person(transaction, login, login, (role,), "hash", None, clock.now())  # type: ignore[arg-type]  # roles of the table above

        self.ledger.write_now(add)

    def file(self, body: bytes, *, old: bool = True) -> str:
        """Keep octets, as if they had come long ago."""
        writer = self.payloads.writer()
        writer.write(body)
        digest = writer.keep()
        if old:
            self.age(digest)
        return digest

    def age(self, digest: str) -> None:
        long_ago = (clock.now() - LONG_AGO).timestamp()
        os.utime(self.path(digest), (long_ago, long_ago))

    def path(self, digest: str) -> Path:
        return self.payloads.directory / "sha256" / digest[:2] / digest

    def letter(
        self,
        body: bytes,
        *recipients: str,
        at: datetime | None = None,
        closed: bool = True,
        parts: Sequence[bytes] = (),
        **columns: Any,
    ) -> str:
        """Accept a letter whose octets are kept; ``columns`` replace those of its row. Its identifier."""
        at = at or clock.now() - LONG_AGO
        self.file(body)
        made = self.stage.acceptance(*recipients, body=body, at=at, document_id=columns.pop("document_id", ""))
        made.envelope.update(columns)
        for number, octets in enumerate(parts, 1):
            digest = self.file(octets)
            part = {"number": number, "content_id": f"part{number}@test", "name": "", "content_type": "text/plain"}
            made.parts.append(part | {"envelope_id": made.envelope["id"], "sha256": digest, "size": len(octets)})
        made.envelope.update({"parts": len(parts), "parts_size": sum(map(len, parts))})
        [stored] = self.ledger.write_now(envelopes.accept, [made])
        if closed:
            self.close(stored.envelope_id, at + timedelta(days=1))
        return stored.envelope_id

    def close(self, envelope_id: str, at: datetime) -> None:
        """Every delivery of the letter was settled then."""

        def settle(transaction: Transaction) -> None:
            mine = tables.delivery.c.envelope_id == envelope_id
            transaction.execute(delete(tables.outbox).where(tables.outbox.c.envelope_id == envelope_id))
            transaction.execute(update(tables.delivery).where(mine).values(state="settled", closed_at=at))

        self.ledger.write_now(settle)

    def ask(self, by: str = "one", **more: Any) -> str:
        return self.ledger.write_now(self.purges.ask, "Hết thời hạn lưu giữ", by, **more)

    def confirmed(self, **more: Any) -> str:
        purge_id = self.ask(**more)
        self.ledger.write_now(self.purges.confirm, purge_id, "two")
        return purge_id

    async def purge(self, **more: Any) -> str:
        """All that is due, by two people, to its end."""
        purge_id = self.confirmed(**more)
        await self.carrying.step()
        return purge_id

    def removal(self) -> Removal:
        return Removal(self.payloads, lambda digests: self.ledger.read_now(needed, digests))

    def entries(self, kind: str) -> list[dict[str, Any]]:
        found, _ = self.ledger.read_now(exchange_log.query, LogQuery(kind=kind), None, 20_000)
        return found


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def purge_at_once(ledger: Ledger, payloads: PayloadStore, envelope_id: str) -> str:
    """The purge of one envelope of today: as if two people had chosen it when its time was over."""
    at = clock.now()
    record = PurgeRecord(clock.new_id(), "asked", {}, "Hết thời hạn lưu giữ", "one", at)

    def going(transaction: Transaction) -> None:
        purges.add(transaction, record)
        item = {"purge_id": record.id, "envelope_id": envelope_id, "size": 0, "going_at": at}
        transaction.execute(insert(purge_item).values(item))
        purges.decide(transaction, record.id, "confirmed", "two", at)

    ledger.write_now(going)
    assert await CarryingOut(ledger, payloads, young=timedelta()).step() == 1
    return record.id

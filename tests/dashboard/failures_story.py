"""Letters that could not be delivered: three dead letters with their attempts, one that was taken, one that waits."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from hub.ledger import Ledger, PayloadStore, Transaction, people
from hub.ledger.delivery_tables import attempt
from hub.ledger.tables import delivery, envelope
from hub.registry.passwords import hash_password
from tests.dashboard.seeding import PASSWORD, Seeder, seed

KEPT = b"<edXML/>"
# recipient, reason, and the codes of the attempts
DEAD = (
    ("H33.21", "expired: unreachable: connection refused", ("unreachable", "timed-out", "unreachable")),
    ("H33.21.04", "rejected: HTTP 415 Unsupported Media Type", ("busy", "rejected")),
    ("G09", "bounced: 550 5.1.1 no such user", ("bounced",)),
)


def tell(ledger: Ledger, directory: Path) -> dict[str, str]:
    """The tables, filled; deliveries by what became of them."""
    seed(ledger)
    seeder = Seeder(datetime.now(UTC), number=900)
    kept = PayloadStore(directory / "payloads").writer()
    kept.write(KEPT)
    kept.keep()
    return ledger.write_now(lambda transaction: _write(transaction, seeder))


def _write(transaction: Transaction, seeder: Seeder) -> dict[str, str]:
    people.add_person(
        transaction, "ha", "Hà vận hành", ("operator",), hash_password(PASSWORD), None, seeder.now - timedelta(days=9)
    )
    told: dict[str, str] = {}
    for number, (code, reason, codes) in enumerate(DEAD):
        at = seeder.now - timedelta(hours=6 - number)
        body = {"sha256": hashlib.sha256(KEPT).hexdigest(), "size": len(KEPT)} if code == "H33.21" else {}
        letter = seeder.letter(transaction, at, "H33", {code: "dead"}, kind=number, priority=number % 2, **body)
        identifier = _of(transaction, letter)
        died = at + timedelta(hours=2)
        values = {"reason": reason, "closed_at": died, "since": died, "attempts": len(codes)}
        transaction.execute(update(delivery).where(delivery.c.id == identifier).values(**values))
        _attempts(transaction, identifier, at, codes)
        told[code] = identifier
    told["letter"] = transaction.execute(
        select(delivery.c.envelope_id).where(delivery.c.id == told["H33.21"])
    ).scalar_one()
    for code, outcome in (("H33.07", "03"), ("H33.12", "ready")):
        letter = seeder.letter(transaction, seeder.now - timedelta(hours=1), "H33", {code: outcome}, kind=3)
        told[outcome] = _of(transaction, letter)
    seeder.write_log(transaction)
    return told


def _of(transaction: Transaction, letter: str) -> str:
    found: str = transaction.execute(
        select(delivery.c.id).join(envelope, envelope.c.id == delivery.c.envelope_id).where(envelope.c.id == letter)
    ).scalar_one()
    return found


def _attempts(transaction: Transaction, identifier: str, start: datetime, codes: tuple[str, ...]) -> None:
    for number, code in enumerate(codes, 1):
        at, last = start + timedelta(minutes=9 * number), number == len(codes)
        transaction.execute(
            insert(attempt).values(
                delivery_id=identifier,
                number=number,
                channel="push",
                started_at=at,
                ended_at=at + timedelta(seconds=4),
                outcome="permanent" if last else "transient",
                code=code,
                detail="không có trả lời" if code == "timed-out" else "",
                next_at=None if last else at + timedelta(minutes=9),
            )
        )

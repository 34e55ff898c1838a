"""``python -m bench.sealing``: how fast the log is sealed, and how far behind it is at a steady rate, on PostgreSQL.

Writers and sealer share one process and its lock: a hub with a role ``sweep`` of its own is no slower. Leaves are four
entries to one signed receipt, written in transactions of ten. Starts its own server; leaves nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from bench.machine import describe
from hub import clock
from hub.audit import Entry, Event
from hub.audit.note import NoteSigner
from hub.audit.sealer import BATCH, Sealer, Signing
from hub.ledger import Ledger, Transaction, exchange_log, log_proofs, migration, receipts, transparency
from hub.ledger.log_tables import log_checkpoint, log_leaf
from hub.ledger.log_watch import LedgerWatch
from hub.ledger.tables import audit_entry, receipt
from hub.ledger.transparency import LedgerSealing
from hub.problems import Finding
from hub.receipts.signing import Audience, ReceiptSigner, Subject
from hub.settings import Settings
from hub.signatures.jws import HubKey
from tests.services import PostgreSQL

BACKLOG = 50_000
TOGETHER = 10
PROVED = 500
LIMIT_SECONDS = 5.0
SIGNING = Signing([NoteSigner("bench.test/log", Ed25519PrivateKey.generate())])
SIGNER = ReceiptSigner(HubKey(Ed25519PrivateKey.generate()), "bench.test", SIGNING.origin)


def say(what: str, value: float, unit: str) -> None:
    print(f"{what:<58} {value:10.2f} {unit}", flush=True)


def write(transaction: Transaction, count: int) -> None:
    """So many leaves to be, a fifth of them receipts."""
    now, every = clock.now(), range(count)
    issued = [
        SIGNER.refusal(
            Subject(None, f"2026/{n}", "H33", "0" * 64), Audience("s", "H33"), [Finding("signature-digest")], now
        )
        for n in every
        if n % 5 == 0
    ]
    told = [
        Entry(Event.DELIVERY_SETTLED, now, "courier", "H33", document_id=f"2026/{n}", detail={"recipient": "H33"})
        for n in every
        if n % 5
    ]
    receipts.add(transaction, [one.row for one in issued])
    exchange_log.append(transaction, told)


def backlog(ledger: Ledger) -> None:
    """A sealer that comes to much work."""
    for _ in range(BACKLOG // 1000):
        ledger.write_now(write, 1000)
    began, sealed = time.monotonic(), 0
    while leaves := ledger.write_now(transparency.seal, SIGNING, BATCH).leaves:
        sealed += leaves
    took = time.monotonic() - began
    say(f"backlog of {sealed} leaves sealed", sealed / took, "leaves/s")


def paced(ledger: Ledger, rate: float, seconds: float) -> float:
    """Write at this rate, catching up when late; the rate that was reached."""
    began, written = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        if written < rate * now:
            ledger.write_now(write, TOGETHER)
            written += TOGETHER
        else:
            time.sleep(TOGETHER / rate / 4)
    return written / (time.monotonic() - began)


def in_background(work: Callable[[], float]) -> tuple[threading.Thread, list[float]]:
    reached: list[float] = []
    thread = threading.Thread(target=lambda: reached.append(work()))
    thread.start()
    return thread, reached


async def steady(ledger: Ledger, writer: Ledger, rate: float, seconds: float) -> float:
    """Seal while others write; the rate of writing."""
    every = Settings.model_fields["seal_every_seconds"].default
    sealing = asyncio.create_task(Sealer(LedgerSealing(ledger), SIGNING, every).run())
    thread, reached = in_background(lambda: paced(writer, rate, seconds))
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(LIMIT_SECONDS)
    sealing.cancel()
    return reached[0]


def lags(transaction: Transaction, after: int) -> tuple[list[float], int]:
    """Of every leaf from that number on: seconds from what happened to the checkpoint that covers it."""
    at: dict[str, float] = {}
    for table in (audit_entry, receipt):
        at |= {row.id: row.at.timestamp() for row in transaction.execute(select(table.c.id, table.c.at))}
    wanted = select(log_checkpoint.c.size, log_checkpoint.c.at).where(log_checkpoint.c.size > after)
    signed = transaction.execute(wanted.order_by(log_checkpoint.c.size)).all()
    leaves = transaction.execute(
        select(log_leaf.c.number, log_leaf.c.id).where(log_leaf.c.number >= after).order_by(log_leaf.c.number)
    )
    found, place = [], 0
    for number, name in leaves:
        while signed[place].size <= number:
            place += 1
        found.append(signed[place].at.timestamp() - at[name])
    return found, len(signed)


def proving(ledger: Ledger) -> None:
    """What a page of receipts with proofs costs, and a step of the log's own watch."""
    newest = select(receipt.c.id).order_by(receipt.c.seq.desc()).limit(PROVED)
    names = list(ledger.read_now(lambda transaction: transaction.execute(newest).scalars().all()))
    began = time.monotonic()
    proved = ledger.read_now(log_proofs.inclusions, names)
    say(f"{len(proved)} proofs for a page of receipts", 1000 * (time.monotonic() - began), "ms")
    began = time.monotonic()
    looked = asyncio.run(LedgerWatch(ledger).look(2))
    say(f"the watch looks at {looked.leaves} leaves", 1000 * (time.monotonic() - began), "ms")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sealing", description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="leaves a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args(arguments)
    print("; ".join(f"{name} {value}" for name, value in describe().items()))
    with PostgreSQL() as postgresql:
        url = postgresql.create_database("sealing")
        ledger, writer = Ledger.postgresql(url, 4), Ledger.postgresql(url, 2)
        try:
            migration.upgrade(ledger)
            backlog(ledger)
            newest = ledger.read_now(transparency.newest)
            before = 0 if newest is None else newest.size
            rate = asyncio.run(steady(ledger, writer, options.rate, options.seconds))
            found, checkpoints = ledger.read_now(lags, before)
            unsealed = ledger.write_now(transparency.seal, SIGNING, BATCH).leaves
            proving(ledger)
        finally:
            writer.close()
            ledger.close()
    say("steady: leaves written", rate, "leaves/s")
    say("  checkpoints signed", checkpoints / options.seconds, "a second")
    say("  behind, median", statistics.median(found), "s")
    say("  behind, 99 %", statistics.quantiles(found, n=100)[98], "s")
    say("  behind, longest", max(found), "s")
    kept = max(found) < LIMIT_SECONDS and not unsealed
    print(f"less than {LIMIT_SECONDS:.0f} s behind: {'yes' if kept else 'NO'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

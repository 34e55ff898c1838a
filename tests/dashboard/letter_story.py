"""One real letter, through the real intake: with attachments inside and beside it, taken by one of its recipients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx

from hub import clock
from hub.envelope.related import Bound
from hub.envelope.writing import OutgoingAttachment
from hub.intake import Admitted
from hub.intake.acceptance import IncomingPart
from hub.ledger import Ledger, Transaction, migration, people, sessions, systems
from hub.ledger.deliveries import matrix
from hub.ledger.people import Role
from tests.dashboard.serving import served
from tests.inspection import samples
from tests.intake.exchange import PEOPLE, SENDER, Exchange
from tests.intake.register import PDF

TAKER, WAITER = PEOPLE["settled"], PEOPLE["ready"]
OTHER = PEOPLE["pending"]
BESIDE = samples.simple_pdf("Phu luc", [["Phu luc ben canh", "muc 1", "muc 2"]])
# login, role, whose clerk
WHO: tuple[tuple[str, Role, str | None], ...] = (
    ("truc", "operator", None),
    ("ha", "operator", None),
    ("kiemtoan", "auditor", None),
    ("sender", "clerk", SENDER),
    ("taker", "clerk", TAKER),
    ("waiter", "clerk", WAITER),
    ("other", "clerk", OTHER),
)


@dataclass
class Told:
    """``deliveries`` by recipient."""

    address: str
    ledger: Ledger
    exchange: Exchange
    letter: str
    deliveries: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, login: str, language: str = "en") -> httpx.Client:
        return httpx.Client(
            base_url=self.address,
            cookies={"lienthong-session": self.tokens[login]},
            headers={"Accept-Language": language},
            timeout=60,
        )

    def picture(self, number: int) -> str:
        return f"/envelopes/{self.letter}/attachments/{number}/page-one.png"


async def _send(exchange: Exchange) -> str:
    """A letter with a PDF and a text inside, and a PDF beside it."""
    bound = Bound.of(BytesIO(BESIDE))
    beside = OutgoingAttachment("phu-luc.pdf", media_type="application/pdf", part=bound, content_id="b1")
    inside = (
        OutgoingAttachment("van-ban.pdf", PDF, "application/pdf", content_id="a1"),
        OutgoingAttachment("ghi-chu.txt", b"ghi chu\n" * 9, "text/plain", content_id="a2"),
    )
    system = exchange.ledger.read_now(systems.by_name, SENDER)
    assert system is not None
    writer, part = exchange.payloads.writer(), exchange.payloads.writer()
    writer.write(exchange.letter(TAKER, WAITER, attachments=(*inside, beside), priority=1))
    part.write(BESIDE)
    outcome = await exchange.intake.submit(writer, system, parts=[IncomingPart("b1", "application/pdf", part)])
    writer.discard()
    part.discard()
    assert isinstance(outcome, Admitted), outcome
    return outcome.stored.envelope_id


async def tell(ledger: Ledger, directory: Path) -> tuple[Exchange, str, dict[str, str]]:
    """Sent, taken and confirmed by ``TAKER``, waiting for ``WAITER``."""
    exchange = Exchange(ledger, directory / "payloads", (TAKER, WAITER, OTHER))
    letter = await _send(exchange)
    deliveries = {row.code: row.delivery_id for row in ledger.read_now(matrix, letter)}
    await exchange.move(deliveries[TAKER], "settled")
    await exchange.move(deliveries[WAITER], "ready")
    await exchange.report("03", deliveries[TAKER], "Đã vào sổ")
    return exchange, letter, deliveries


@contextlib.contextmanager
def told(directory: Path) -> Iterator[Told]:
    """The story on SQLite, served, with everybody of ``WHO`` logged in."""
    ledger = Ledger.sqlite(directory / "ledger.db")
    migration.upgrade(ledger)
    exchange, letter, deliveries = asyncio.run(tell(ledger, directory))
    tokens = {login: clock.new_secret() for login, *_rest in WHO}

    def enter(transaction: Transaction) -> None:
        now = clock.now()
        for login, role, agency in WHO:
            who = people.add_person(transaction, login, login, (role,), "-", agency, now)
            sessions.open_session(transaction, who, tokens[login], now, timedelta(hours=1))

    ledger.write_now(enter)
    with served(ledger, directory) as address:
        yield Told(address, ledger, exchange, letter, deliveries, tokens)
    ledger.close()

"""Recalls against everything else at the same moment, and in every order: nobody sees what was withdrawn."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub import clock
from hub.delivery.lease import Close
from hub.envelope.writing import Business
from hub.intake import Admitted
from hub.ledger import Ledger, Transaction, changes, deliveries, leasing
from hub.ledger.delivery_tables import change
from hub.ledger.tables import delivery, receipt
from hub.problems import Refused
from hub.receipts import taking_back
from hub.receipts.taking_back import Request, Written
from tests.intake.exchange import SENDER, Exchange, ids
from tests.ledger.stage import Store

A, B = "H33.90", "H33.91"


@pytest.fixture
def exchange(ledger: Ledger, tmp_path: Path) -> Exchange:
    return Exchange(ledger, tmp_path / "payloads", codes=(A, B))


def lease(transaction: Transaction, exchange: Exchange, code: str = A) -> list[str]:
    at = clock.now()
    system = exchange.systems[code]
    return [one.id for one in leasing.lease(transaction, system, clock.new_id(), 50, at, at + timedelta(seconds=60))]


def withdraw(transaction: Transaction, exchange: Exchange, delivery_id: str) -> None:
    found = changes.earlier(transaction, changes.of_deliveries([delivery_id]))
    written = Written()
    request = Request("recall", exchange.systems[SENDER], SENDER, "", clock.now())
    taking_back.take_back(transaction, exchange.signer, request, found, written)
    written.commit(transaction)


async def test_a_lease_that_came_first_is_waited_for_and_makes_the_recall_ask(
    postgresql_store: Store, tmp_path: Path
) -> None:
    exchange = Exchange(postgresql_store.open(), tmp_path / "payloads", codes=(A,))
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "ready")
    other, leased = postgresql_store.open(), threading.Event()

    def slowly(transaction: Transaction) -> list[str]:
        taken = lease(transaction, exchange)
        leased.set()
        recalling.wait(10)
        return taken

    recalling = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(other.write_now, slowly)
        assert leased.wait(10)
        recall = asyncio.create_task(exchange.send(A, kind=1))
        _, unfinished = await asyncio.wait([recall], timeout=0.3)
        assert unfinished  # it waits for the lease's transaction
        recalling.set()
        assert await asyncio.to_thread(taking.result) == [ids(sent)[A]]
        await recall
    assert exchange.states(sent.stored.envelope_id) == {A: "leased"}
    assert exchange.outcomes(sent.stored.envelope_id, A) == [("recall", "asked")]


async def test_a_recall_that_came_first_leaves_nothing_for_the_lease(postgresql_store: Store, tmp_path: Path) -> None:
    exchange = Exchange(postgresql_store.open(), tmp_path / "payloads", codes=(A,))
    sent = await exchange.send(A)
    await exchange.move(ids(sent)[A], "ready")
    other = postgresql_store.open()

    def first(transaction: Transaction) -> None:
        withdraw(transaction, exchange, ids(sent)[A])
        assert other.write_now(lease, exchange) == []  # passes over what is locked, does not wait

    exchange.ledger.write_now(first)
    assert other.write_now(lease, exchange) == []
    assert exchange.states(sent.stored.envelope_id) == {A: "withdrawn"}


async def test_many_recalls_against_couriers_and_clients_have_one_winner_each(exchange: Exchange, store: Store) -> None:
    sent = [await exchange.send(A, B, document_id=f"công văn {number}") for number in range(12)]
    every = [one for letter in sent for one in ids(letter).values()]
    shown: Counter[str] = Counter()

    def clients(code: str) -> None:
        ledger = store.open()
        for _ in range(12):
            ledger.write_now(deliveries.take_over, every, clock.now())
            shown.update(ledger.write_now(lease, exchange, code))

    await asyncio.gather(
        *(asyncio.to_thread(clients, code) for code in (A, B)),
        *(exchange.send(A, B, kind=1, document_id=f"công văn {number}") for number in range(12)),
    )
    assert max(shown.values(), default=1) == 1
    for letter in sent:
        for code, delivery_id in ids(letter).items():
            state = exchange.row(delivery_id).state
            assert (state, delivery_id in shown) in (("withdrawn", False), ("leased", True))
            outcome = {"withdrawn": "withdrawn", "leased": "asked"}[state]
            assert exchange.outcomes(letter.stored.envelope_id, code) == [("recall", outcome)]


async def test_two_recalls_at_once_withdraw_once(exchange: Exchange) -> None:
    sent = await exchange.send(A, B)
    await asyncio.gather(*(exchange.send(A, B, kind=1) for _ in range(4)))
    assert exchange.states(sent.stored.envelope_id) == {A: "withdrawn", B: "withdrawn"}
    told = exchange.told(SENDER, "delivery.withdrawn")
    assert Counter(one.delivery_id for one in told if one.envelope_id == sent.stored.envelope_id) == dict.fromkeys(
        ids(sent).values(), 1
    )


# ---------------------------------------------------------------- any order

SENDERS = ("recall", "update", "replace", "remove", "13 json", "13 edxml")
RECIPIENTS = ("courier", "lease", "settle", "release", "refuse", "15", "16", "15 edxml", "16 edxml", "03", "06")
STEPS = st.lists(st.tuples(st.sampled_from([*SENDERS, *RECIPIENTS]), st.integers(0, 99)), min_size=3, max_size=14)


class Story:
    """One document and its changes; what was shown is remembered in the order of showing."""

    def __init__(self, exchange: Exchange, number: int) -> None:
        self.exchange = exchange
        self.document_id = f"văn bản {number}"
        self.made: list[str] = []  # deliveries
        self.shown: list[str] = []
        self.withdrawn_when_shown: list[str] = []
        self.refused: set[str] = set()

    async def begin(self) -> None:
        await self._sent(await self.exchange.send(A, document_id=self.document_id))

    async def _sent(self, admitted: Admitted) -> None:
        self.made += ids(admitted).values()

    async def step(self, name: str, choice: int) -> None:
        chosen = self.made[choice % len(self.made)]
        match name:
            case "recall" | "update" | "replace":
                kind = {"recall": 1, "update": 2, "replace": 3}[name]
                await self._sent(await self.exchange.send(A, kind=kind, document_id=self.document_id))
            case "remove":
                business = Business(2, "x", receivers={A: 0, B: 1})
                outcome = await self.exchange.send(B, business=business, document_id=self.document_id)
                self.made += [one for code, one in ids(outcome).items() if code == A]
            case "13 json" | "15" | "16" | "03" | "06":
                await self.exchange.report(name[:2], chosen, "x", at=choice)
            case "13 edxml":
                await self.exchange.message("13", SENDER, A, "x", self.document_id)
            case "15 edxml" | "16 edxml":
                await self.exchange.message(name[:2], A, SENDER, "x", self.document_id)
            case "courier":
                self.exchange.ledger.write_now(deliveries.take_over, self.made, clock.now())
            case "lease":
                self.exchange.ledger.write_now(deliveries.take_over, self.made, clock.now())
                self._look(self.exchange.ledger.write_now(lease, self.exchange))
            case _:
                await self._close(name, self.shown[-1 - choice % len(self.shown)] if self.shown else chosen)

    def _look(self, taken: list[str]) -> None:
        self.shown += taken
        rows = self.exchange.ledger.read_now(changes.questions_of, taken)
        self.withdrawn_when_shown += [one.delivery_id for one in rows if one.outcome == "withdrawn"]

    async def _close(self, name: str, chosen: str) -> None:
        close = Close(self.exchange.systems[A], chosen, None)
        leases = self.exchange.leases
        work: dict[str, Any] = {
            "settle": leases.settle, "release": leases.release, "refuse": lambda one: leases.refuse(one, "không nhận"),
        }  # fmt: skip
        try:
            await work[name](close)
        except Refused as refusal:
            self.refused.add(refusal.code)  # it holds no lease of this one

    def check(self) -> None:
        rows = self.exchange.ledger.read_now(
            lambda tx: tx.execute(select(change).where(change.c.delivery_id.in_(self.made))).all()
        )
        states = dict(
            self.exchange.ledger.read_now(
                lambda tx: tx.execute(select(delivery.c.id, delivery.c.state).where(delivery.c.id.in_(self.made))).all()
            )
        )
        proofs = self.exchange.ledger.read_now(
            lambda tx: tx.execute(
                select(receipt.c.delivery_id, receipt.c.event).where(
                    receipt.c.delivery_id.in_(self.made), receipt.c.event == "delivery.withdrawn"
                )
            ).all()
        )
        assert self.withdrawn_when_shown == []
        assert self.refused <= {"delivery-closed", "delivery-not-taken", "lease-lost"}
        assert Counter(one.delivery_id for one in proofs) == {
            one: 1 for one, state in states.items() if state == "withdrawn"
        }
        for row in rows:
            assert (row.answered_at is None) == (row.outcome == "asked" or row.asked_at is None or _at_once(row))
            if row.outcome == "withdrawn":
                assert states[row.delivery_id] == "withdrawn"
        asked = [row for row in rows if row.outcome == "asked" and row.kind != "update"]
        assert all(states[row.delivery_id] in ("leased", "settled", "refused") for row in asked)


def _at_once(row: Any) -> bool:
    """Withdrawn when it was asked, not when it was given back."""
    return bool(row.outcome == "withdrawn" and row.state_then in ("pending", "published", "ready"))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@settings(
    max_examples=35,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
@example(steps=[("lease", 0), ("recall", 0), ("release", 0), ("lease", 0)])
@example(steps=[("lease", 0), ("13 json", 0), ("update", 0), ("release", 0), ("15 edxml", 0), ("recall", 0)])
def test_in_any_order_nothing_withdrawn_is_shown_and_every_question_has_one_answer(
    exchange: Exchange, runner: asyncio.Runner, steps: list[tuple[str, int]]
) -> None:
    async def tell() -> None:
        story = Story(exchange, next(exchange.minutes))
        await story.begin()
        for name, choice in steps:
            await story.step(name, choice)
            story.check()

    runner.run(tell())

"""Arrival numbers: each recipient's count of what it was shown, without gaps or repeats, whatever is rolled back."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock
from hub.ledger import Ledger, carriage, leasing
from hub.ledger.deliveries import Leased
from hub.ledger.delivery_tables import arrival
from hub.ledger.tables import delivery
from tests.ledger.stage import Stage, Store


class Undone(Exception):
    """Rolls a transaction back."""


def take(ledger: Ledger, limit: int = 10, *, seconds: int = 60, undo: bool = False) -> list[Leased]:
    at = clock.now()

    def work(transaction: Any) -> list[Leased]:
        taken = leasing.lease(transaction, "h33", clock.new_id(), limit, at, at + timedelta(seconds=seconds))
        if undo:
            raise Undone
        return taken

    return ledger.write_now(work)


def numbers(ledger: Ledger) -> dict[str, list[int | None]]:
    """What stands in the ledger, by recipient."""
    found: dict[str, list[int | None]] = defaultdict(list)
    chosen = select(delivery.c.recipient_code, delivery.c.number).order_by(delivery.c.number)
    for code, number in ledger.read_now(lambda transaction: transaction.execute(chosen).all()):
        found[code].append(number)
    return dict(found)


def test_each_recipient_has_its_own_numbers_in_the_order_of_being_shown(stage: Stage) -> None:
    first = stage.in_inbox("H33", "H33.01", priority=0)
    second = stage.in_inbox("H33", "H33.01", priority=3)
    taken = take(stage.ledger)
    assert {one.id: one.arrival for one in taken} == {second[0]: 1, second[1]: 1, first[0]: 2, first[1]: 2}
    [later] = stage.in_inbox("H33", priority=4)
    assert [(one.id, one.arrival) for one in take(stage.ledger)] == [(later, 3)]


def test_what_is_shown_again_keeps_its_number(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    [shown] = take(stage.ledger, seconds=-1)
    stage.in_inbox("H33", priority=4)
    assert [(each.id == one, each.arrival) for each in take(stage.ledger)] == [(False, 2), (True, 1)]
    assert (shown.id, shown.arrival) == (one, 1)


def test_what_was_never_shown_has_no_number(stage: Stage) -> None:
    stage.in_inbox("H33")
    stage.accept("H33")
    take(stage.ledger)
    assert set(numbers(stage.ledger)["H33"]) == {1, None}


def test_numbers_of_a_transaction_that_is_rolled_back_are_given_out_again(stage: Stage) -> None:
    stage.in_inbox("H33", "H33.01")
    with pytest.raises(Undone):
        take(stage.ledger, undo=True)
    assert {one.arrival for one in take(stage.ledger)} == {1}
    lasts = stage.ledger.read_now(lambda transaction: transaction.execute(select(arrival)).all())
    assert sorted(map(tuple, lasts)) == [("H33", 1), ("H33.01", 1)]


def test_numbering_twice_gives_the_same_numbers(stage: Stage) -> None:
    ids = [*stage.in_inbox("H33", "H33.01"), *stage.in_inbox("H33")]
    first = stage.ledger.write_now(leasing.numbered, ids)
    assert first == dict(zip(ids, (1, 1, 2), strict=True))
    assert stage.ledger.write_now(leasing.numbered, ids) == first
    assert {one.id: one.arrival for one in take(stage.ledger)} == first


def test_clients_that_lease_at_once_leave_neither_gap_nor_repeat_though_some_roll_back(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    for place in range(40):
        stage.in_inbox("H33", "H33.01", priority=place % 5)
    start = threading.Barrier(6)
    shown: list[Leased] = []
    lock = threading.Lock()

    def taker(name: int) -> None:
        chance = random.Random(name)
        start.wait()
        while True:
            try:
                taken = take(ledgers[name % 2], limit=chance.randint(1, 4), undo=chance.random() < 0.3)
            except Undone:
                continue
            if not taken:
                return
            with lock:
                shown.extend(taken)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(taker, range(6)))
    shown += take(ledgers[0], limit=100)  # a taker may have found only locked rows and stopped early
    assert numbers(ledgers[0]) == {"H33": list(range(1, 41)), "H33.01": list(range(1, 41))}
    by_recipient = {
        code: sorted(one.arrival for one in shown if one.recipient_code == code) for code in ("H33", "H33.01")
    }
    assert by_recipient == numbers(ledgers[0])


def test_a_lease_that_came_to_nothing_is_kept_as_an_attempt(stage: Stage) -> None:
    [one] = stage.in_inbox("H33")
    take(stage.ledger, seconds=-1)
    take(stage.ledger)
    stage.ledger.write_now(leasing.give_back, one, clock.now())
    take(stage.ledger)
    kept = stage.ledger.read_now(carriage.attempts_of, one)
    assert [(each.number, each.channel, each.outcome, each.code) for each in kept] == [
        (1, "pull", "lapsed", "lapsed"),
        (2, "pull", "lapsed", "returned"),
    ]
    assert all(each.next_at is None for each in kept)
    assert kept[1].started_at <= kept[1].ended_at

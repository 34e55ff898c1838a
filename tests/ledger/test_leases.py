"""Leasing: no two takers hold one delivery at a time, the urgent goes first, and what was dropped comes back."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from hub import clock
from hub.ledger import Ledger, deliveries, exchange_log, leasing
from hub.ledger.deliveries import Leased
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import delivery
from tests.ledger.stage import Stage, Store


def take(
    ledger: Ledger, system_id: str = "h33", limit: int = 10, lease_id: str = "", seconds: int = 60
) -> list[Leased]:
    at = clock.now()
    return ledger.write_now(
        leasing.lease, system_id, lease_id or clock.new_id(), limit, at, at + timedelta(seconds=seconds)
    )


def kinds(stage: Stage, delivery_id: str) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [entry["kind"] for entry in entries if entry["delivery_id"] == delivery_id]


def test_a_lease_carries_what_its_taker_needs_to_know(stage: Stage) -> None:
    stored = stage.accept("H33", document_id="12/2026", priority=2)
    stage.ledger.write_now(deliveries.take_over, [stored.deliveries[0][1]], clock.now())
    [leased] = take(stage.ledger, lease_id="L1")
    assert (leased.id, leased.envelope_id, leased.lease_id) == (stored.deliveries[0][1], stored.envelope_id, "L1")
    assert (leased.recipient_code, leased.sender_code, leased.sender_name) == ("H33", "G22", "Cơ quan G22")
    assert (leased.document_id, leased.priority, leased.sha256, leased.size) == (
        "12/2026", 2, stored.sha256, stored.size,
    )  # fmt: skip
    assert leased.attempts == 1
    assert kinds(stage, leased.id) == ["delivery.ready", "delivery.leased"]


def test_the_most_urgent_is_leased_first_and_equals_in_order_of_arrival(stage: Stage) -> None:
    made = [(priority, stage.in_inbox("H33", priority=priority)[0]) for priority in (0, 3, 1, 3, 4, 0)]
    wanted = [one for _, one in sorted(made, key=lambda pair: -pair[0])]
    assert [one.id for one in take(stage.ledger)] == wanted


def test_a_limit_takes_the_head_and_leaves_the_rest(stage: Stage) -> None:
    made = [stage.in_inbox("H33", priority=priority)[0] for priority in (0, 4, 2)]
    assert [one.id for one in take(stage.ledger, limit=2)] == [made[1], made[2]]
    assert [one.id for one in take(stage.ledger, limit=2)] == [made[0]]


def test_each_system_sees_only_its_own_inbox(stage: Stage) -> None:
    ids = stage.in_inbox("H33", "H33.01", "H40")
    assert {one.id for one in take(stage.ledger, "h33")} == set(ids[:2])
    assert [one.id for one in take(stage.ledger, "h40")] == [ids[2]]
    assert take(stage.ledger, "sender") == []


def test_what_no_courier_took_over_cannot_be_leased(stage: Stage) -> None:
    stage.accept("H33")
    assert take(stage.ledger) == []


def test_a_lease_that_ran_out_may_be_taken_again_and_counts_as_another_attempt(stage: Stage) -> None:
    [delivery_id] = stage.in_inbox("H33")
    [first] = take(stage.ledger, seconds=-1)
    [second] = take(stage.ledger)
    assert (first.id, second.id) == (delivery_id, delivery_id)
    assert (first.attempts, second.attempts) == (1, 2)
    assert second.lease_id != first.lease_id
    assert take(stage.ledger) == []


def test_taking_over_twice_moves_once_and_writes_one_entry(stage: Stage) -> None:
    [delivery_id] = stage.in_inbox("H33")
    assert stage.ledger.write_now(deliveries.take_over, [delivery_id], clock.now()) == []
    take(stage.ledger)
    assert stage.ledger.write_now(deliveries.take_over, [delivery_id, "no such"], clock.now()) == []
    assert stage.state(delivery_id) == "leased"
    assert kinds(stage, delivery_id).count("delivery.ready") == 1


def test_many_takers_in_two_processes_never_hold_one_delivery_twice(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    for number in range(30):
        stage.in_inbox("H33", "H33.01", priority=number % 5)
    start = threading.Barrier(8)
    leases: Counter[str] = Counter()
    lock = threading.Lock()

    def taker(number: int) -> None:
        start.wait()
        while taken := take(ledgers[number % 2], limit=3):
            with lock:
                leases.update(one.id for one in taken)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(taker, range(8)))
    assert set(leases.values()) == {1}
    # a taker may find only locked rows and stop early; nothing may be lost by that
    left = {one.id for one in take(ledgers[0], limit=100)}
    assert not left & leases.keys()
    assert len(left) + len(leases) == 60


def test_waiting_inboxes_are_found_by_one_look(stage: Stage) -> None:
    stage.in_inbox("H33")
    stage.accept("H40")
    now = clock.now()
    assert stage.ledger.read_now(leasing.takeable, ["h33", "h40", "sender"], now) == {"h33"}
    assert stage.ledger.read_now(leasing.takeable, ["h40"], now) == set()
    take(stage.ledger, seconds=60)
    assert stage.ledger.read_now(leasing.takeable, ["h33"], clock.now()) == set()
    assert stage.ledger.read_now(leasing.takeable, ["h33"], clock.now() + timedelta(seconds=61)) == {"h33"}


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "lost"}, "state"),
        ({"state": "leased", "available_at": clock.now(), "lease_id": None}, "leased_has_lease"),
        ({"state": "ready", "available_at": None}, "takeable_has_time"),
        ({"state": "settled", "closed_at": None}, "closed_when_final"),
        ({"state": "pending", "closed_at": clock.now()}, "closed_when_final"),
    ],
    ids=["unknown", "lease-without-id", "ready-without-time", "settled-and-open", "pending-and-closed"],
)
def test_the_database_itself_refuses_an_illegal_state(stage: Stage, values: dict[str, object], constraint: str) -> None:
    delivery_id = stage.accept("H33").deliveries[0][1]

    def break_it(transaction: object) -> None:
        transaction.execute(update(delivery).where(delivery.c.id == delivery_id).values(**values))

    with pytest.raises(IntegrityError, match=f"ck_delivery_{constraint}"):
        stage.ledger.write_now(break_it)
    assert stage.state(delivery_id) == "pending"


def test_the_database_itself_refuses_a_second_delivery_to_one_recipient(stage: Stage) -> None:
    stored = stage.accept("H33")
    row = {
        "id": clock.new_id(), "envelope_id": stored.envelope_id, "recipient_code": "H33", "system_id": "h33",
        "state": "pending", "priority": 0, "since": clock.now(),
    }  # fmt: skip
    with pytest.raises(IntegrityError):
        stage.ledger.write_now(lambda transaction: transaction.execute(insert(delivery).values(row)))


def test_closing_touches_only_what_is_leased(stage: Stage) -> None:
    ready, leased = stage.in_inbox("H33")[0], stage.in_inbox("H40")[0]
    take(stage.ledger, "h40")
    stage.ledger.write_now(deliveries.close, [ready, leased], "settled", clock.now())
    assert (stage.state(ready), stage.state(leased)) == ("ready", "settled")
    stage.ledger.write_now(deliveries.refuse, leased, "too late", clock.now())
    assert stage.state(leased) == "settled"

"""The outbox: claimed by one relay at a time, kept until the broker has confirmed, refilled with what was lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hub import clock
from hub.ledger import Ledger, deliveries, exchange_log, outbox
from hub.ledger.exchange_log import LogQuery
from hub.ledger.outbox import OutboxRow
from tests.ledger.stage import Stage, Store

LATER = timedelta(seconds=3600)


def claim(ledger: Ledger, limit: int = 100, seconds: float = 15.0) -> list[OutboxRow]:
    return ledger.write_now(outbox.claim, limit, clock.now(), seconds)


def kinds(stage: Stage) -> list[str]:
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [entry["kind"] for entry in entries if entry["kind"].startswith("delivery.")]


def test_a_claim_carries_what_the_claim_check_needs(stage: Stage) -> None:
    stored = stage.accept("H33.01", priority=2)
    [row] = claim(stage.ledger)
    assert (row.delivery_id, row.envelope_id) == (stored.deliveries[0][1], stored.envelope_id)
    assert (row.system_id, row.recipient_code, row.priority, row.attempt) == ("h33", "H33.01", 2, 1)
    assert row.traceparent == f"00-{'a' * 32}-{'b' * 16}-01"


def test_the_most_urgent_rows_are_claimed_first(stage: Stage) -> None:
    made = [(priority, stage.accept("H33", priority=priority).deliveries[0][1]) for priority in (0, 4, 1, 4)]
    wanted = [one for _, one in sorted(made, key=lambda pair: -pair[0])]
    assert [row.delivery_id for row in claim(stage.ledger, limit=3)] == wanted[:3]
    assert [row.delivery_id for row in claim(stage.ledger, limit=3)] == wanted[3:]


def test_a_claim_keeps_others_off_until_it_runs_out(stage: Stage) -> None:
    stage.accept("H33")
    assert len(claim(stage.ledger, seconds=15)) == 1
    assert claim(stage.ledger) == []
    assert not stage.ledger.read_now(outbox.any_free, clock.now())
    assert stage.ledger.read_now(outbox.any_free, clock.now() + timedelta(seconds=16))
    assert len(stage.ledger.write_now(outbox.claim, 10, clock.now() + timedelta(seconds=16), 15)) == 1


def test_a_released_claim_may_be_taken_at_once_and_a_postponed_one_later(stage: Stage) -> None:
    stage.accept("H33")
    rows = claim(stage.ledger)
    stage.ledger.write_now(outbox.release, rows)
    rows = claim(stage.ledger)
    assert len(rows) == 1
    until = clock.now() + timedelta(seconds=30)
    stage.ledger.write_now(outbox.postpone, rows, until)
    assert claim(stage.ledger) == []
    assert len(stage.ledger.write_now(outbox.claim, 10, until + timedelta(seconds=1), 15)) == 1


def test_relays_in_two_processes_never_claim_one_row_twice(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    for _ in range(40):
        stage.accept("H33", "H40")
    start = threading.Barrier(6)

    def relay(number: int) -> list[str]:
        start.wait()
        got: list[str] = []
        while rows := claim(ledgers[number % 2], limit=7):
            got += [row.delivery_id for row in rows]
        return got

    with ThreadPoolExecutor(6) as pool:
        claimed = [one for part in pool.map(relay, range(6)) for one in part]
    left = [row.delivery_id for row in claim(ledgers[0], limit=1000)]
    assert len(claimed) == len(set(claimed))
    assert sorted(claimed + left) == sorted(set(claimed + left))
    assert len(claimed + left) == 80


def test_confirming_removes_the_row_and_marks_the_delivery(stage: Stage) -> None:
    stored = stage.accept("H33", "H40")
    rows = claim(stage.ledger)
    stage.ledger.write_now(outbox.confirm, rows[:1], clock.now())
    assert stage.ledger.read_now(outbox.waiting) == 1
    states = {stage.state(one) for _, one in stored.deliveries}
    assert states == {"published", "pending"}
    assert kinds(stage) == ["delivery.published"]
    stage.ledger.write_now(outbox.confirm, [], clock.now())
    assert stage.ledger.read_now(outbox.waiting) == 1


def test_a_late_mark_does_not_pull_a_delivery_back_out_of_the_inbox(stage: Stage) -> None:
    delivery_id = stage.accept("H33").deliveries[0][1]
    rows = claim(stage.ledger)
    stage.ledger.write_now(deliveries.take_over, [delivery_id], clock.now())
    stage.ledger.write_now(outbox.confirm, rows, clock.now())
    assert stage.state(delivery_id) == "ready"
    assert stage.ledger.read_now(outbox.waiting) == 0


def test_only_what_was_published_long_ago_and_never_taken_over_is_stranded(stage: Stage) -> None:
    waiting, taken, lost = (stage.accept("H33").deliveries[0][1] for _ in range(3))
    rows = claim(stage.ledger)
    stage.ledger.write_now(outbox.confirm, [row for row in rows if row.delivery_id != waiting], clock.now())
    stage.ledger.write_now(deliveries.take_over, [taken], clock.now())
    assert stage.ledger.read_now(outbox.stranded, clock.now() - LATER, clock.now()) == {}
    assert stage.ledger.read_now(outbox.stranded, clock.now(), clock.now()) == {"h33": 1}
    assert stage.ledger.write_now(outbox.republish, "h40", clock.now(), clock.now(), 10) == 0
    assert stage.ledger.write_now(outbox.republish, "h33", clock.now(), clock.now(), 10) == 1
    assert stage.state(lost) == "pending"
    [row] = [row for row in claim(stage.ledger) if row.delivery_id == lost]
    assert row.attempt == 2
    assert row.traceparent == f"00-{'a' * 32}-{'b' * 16}-01"
    assert stage.ledger.write_now(outbox.republish, "h33", clock.now(), clock.now(), 10) == 0
    assert kinds(stage).count("delivery.republished") == 1


def test_republishing_goes_by_batches(stage: Stage) -> None:
    for _ in range(5):
        stage.accept("H33")
    stage.ledger.write_now(outbox.confirm, claim(stage.ledger), clock.now())
    cutoff = clock.now()
    done = [stage.ledger.write_now(outbox.republish, "h33", cutoff, clock.now(), 2) for _ in range(4)]
    assert done == [2, 2, 1, 0]


def test_two_sweeps_at_once_republish_each_delivery_once(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    for _ in range(30):
        stage.accept("H33")
    stage.ledger.write_now(outbox.confirm, claim(stage.ledger), clock.now())
    cutoff = clock.now()
    start = threading.Barrier(4)

    def sweep(number: int) -> int:
        start.wait()
        return ledgers[number % 2].write_now(outbox.republish, "h33", cutoff, clock.now(), 100)

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(sweep, range(4)))
    done += ledgers[0].write_now(outbox.republish, "h33", cutoff, clock.now(), 100)
    assert done == 30
    assert ledgers[0].read_now(outbox.waiting) == 30

"""Accepting: one transaction for all of it, and one envelope for each duplicate key, whoever asks and however often."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from hub.ledger import Ledger, deliveries, envelopes, exchange_log, outbox, receipts
from hub.ledger.envelopes import Stored
from hub.ledger.exchange_log import LogQuery
from hub.ledger.tables import audit_entry, delivery, envelope, receipt
from hub.ledger.tables import outbox as outbox_table
from tests.ledger.stage import Stage, Store


def counts(ledger: Ledger) -> dict[str, int]:
    tables = (envelope, delivery, outbox_table, receipt, audit_entry)
    return {
        table.name: ledger.read_now(lambda tx, t=table: tx.execute(select(func.count()).select_from(t)).scalar_one())
        for table in tables
    }


def test_an_acceptance_commits_envelope_deliveries_outbox_acknowledgement_and_entry(stage: Stage) -> None:
    acceptance = stage.acceptance("H33", "H40", document_id="7/2026", priority=3)
    stored = stage.ledger.write_now(envelopes.accept, [acceptance])[0]
    assert stored.new
    assert stored.acknowledgement == acceptance.receipt["jws"]
    assert [code for code, _ in stored.deliveries] == ["H33", "H40"]
    assert counts(stage.ledger) == {"envelope": 1, "delivery": 2, "outbox": 2, "receipt": 1, "audit_entry": 1}
    record = stage.ledger.read_now(envelopes.find, stored.envelope_id)
    assert record is not None
    assert (record.sender_code, record.sender_name, record.document_id) == ("G22", "Cơ quan G22", "7/2026")
    assert record.details == {"attachments": []}
    assert record.received_at == stored.received_at
    matrix = stage.ledger.read_now(deliveries.matrix, stored.envelope_id)
    assert [(row.code, row.state, row.attempts) for row in matrix] == [("H33", "pending", 0), ("H40", "pending", 0)]
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(envelope_id=stored.envelope_id), None, 10)
    assert [entry["kind"] for entry in entries] == ["envelope.accepted"]


def test_a_batch_answers_each_item_on_its_own_and_in_order(stage: Stage) -> None:
    items = [stage.acceptance("H33", document_id=str(number)) for number in range(20)]
    answers = stage.ledger.write_now(envelopes.accept, items)
    assert [answer.envelope_id for answer in answers] == [item.envelope["id"] for item in items]
    assert all(answer.new for answer in answers)


def test_a_duplicate_inside_a_batch_gets_the_first_ones_answer_and_commits_nothing(stage: Stage) -> None:
    first = stage.acceptance("H33", document_id="8/2026", body=b"same octets")
    other = stage.acceptance("H33", document_id="9/2026")
    again = stage.acceptance("H33", document_id="8/2026", body=b"same octets")
    answers = stage.ledger.write_now(envelopes.accept, [first, other, again])
    assert [answer.new for answer in answers] == [True, True, False]
    assert answers[2].envelope_id == answers[0].envelope_id
    assert answers[2].acknowledgement == first.receipt["jws"]
    assert answers[2].deliveries == answers[0].deliveries
    assert counts(stage.ledger) == {"envelope": 2, "delivery": 2, "outbox": 2, "receipt": 2, "audit_entry": 2}


def test_a_duplicate_of_what_is_stored_gets_the_first_answer_and_commits_nothing(stage: Stage) -> None:
    first = stage.accept("H33", document_id="8/2026", body=b"same octets")
    before = counts(stage.ledger)
    again = stage.accept("H33", document_id="8/2026", body=b"same octets")
    assert not again.new
    assert (again.envelope_id, again.acknowledgement, again.sha256, again.size, again.received_at) == (
        first.envelope_id, first.acknowledgement, first.sha256, first.size, first.received_at,
    )  # fmt: skip
    assert counts(stage.ledger) == before


def test_other_octets_under_the_same_key_show_the_digest_that_stands(stage: Stage) -> None:
    first = stage.accept("H33", document_id="8/2026", body=b"the first")
    conflict = stage.accept("H40", document_id="8/2026", body=b"the second")
    assert not conflict.new
    assert conflict.sha256 == first.sha256
    assert [code for code, _ in conflict.deliveries] == ["H33"]


@pytest.mark.parametrize("difference", [{"business_type": 1}, {"sender": "H40"}, {"document_id": "8/2026 "}])
def test_another_sender_business_type_or_document_id_is_another_envelope(
    stage: Stage, difference: dict[str, object]
) -> None:
    stage.accept("H33", document_id="8/2026")
    assert stage.accept("H33", **{"document_id": "8/2026", **difference}).new


def test_a_batch_that_cannot_be_committed_whole_commits_nothing(stage: Stage) -> None:
    good = stage.acceptance("H33")
    bad = stage.acceptance("H33")
    bad.outbox[0]["delivery_id"] = "no such delivery"
    before = counts(stage.ledger)
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        stage.ledger.write_now(envelopes.accept, [good, bad])
    assert counts(stage.ledger) == before


def test_a_circular_to_thousands_is_one_acceptance(stage: Stage) -> None:
    acceptance = stage.acceptance("H33")
    template, row = acceptance.deliveries[0], acceptance.outbox[0]
    acceptance.deliveries[:] = [{**template, "id": f"d{n}", "recipient_code": f"X{n}"} for n in range(3000)]
    acceptance.outbox[:] = [{**row, "delivery_id": f"d{n}", "recipient_code": f"X{n}"} for n in range(3000)]
    stored = stage.ledger.write_now(envelopes.accept, [acceptance])[0]
    assert len(stored.deliveries) == 3000
    assert stage.ledger.read_now(outbox.waiting) == 3000


def test_many_threads_of_two_processes_accept_one_key_once(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    start = threading.Barrier(8)

    def post(number: int) -> Stored:
        item = stage.acceptance("H33", "H40", document_id="one/2026", body=b"one")
        start.wait()
        return ledgers[number % 2].write_now(envelopes.accept, [item])[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert sum(answer.new for answer in answers) == 1
    assert len({(answer.envelope_id, answer.acknowledgement, answer.deliveries) for answer in answers}) == 1
    assert counts(stage.ledger) == {"envelope": 1, "delivery": 2, "outbox": 2, "receipt": 1, "audit_entry": 1}


def test_overlapping_batches_of_two_processes_do_not_deadlock_and_lose_nothing(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    start = threading.Barrier(2)

    def post(number: int) -> list[Stored]:
        keys = [str(key) for key in range(40)]
        items = [stage.acceptance("H33", document_id=key, body=key.encode()) for key in keys]
        start.wait()
        return ledgers[number].write_now(envelopes.accept, items)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(post, range(2))
    assert [one.envelope_id for one in first] == [one.envelope_id for one in second]
    assert sum(one.new for one in (*first, *second)) == 40


def test_a_payload_is_visible_to_its_sender_its_recipients_and_the_auditor_only(stage: Stage) -> None:
    stored = stage.accept("H33")
    seen = {
        who: stage.ledger.read_now(envelopes.visible_payload, stored.envelope_id, who)
        for who in ("sender", "h33", "h40", None)
    }
    assert seen["h40"] is None
    assert seen["sender"] == seen["h33"] == seen[None]
    assert seen["sender"] is not None
    assert seen["sender"][:2] == (stored.sha256, stored.size)
    assert stage.ledger.read_now(envelopes.visible_payload, "no such", None) is None


def test_an_accepted_letter_is_in_its_senders_feed(stage: Stage) -> None:
    stored = stage.accept("H33")
    assert [one.envelope_id for one in stage.ledger.read_now(receipts.of_envelope, stored.envelope_id, "sender")] == [
        stored.envelope_id
    ]
    assert stage.ledger.read_now(receipts.of_envelope, stored.envelope_id, "h33") == []

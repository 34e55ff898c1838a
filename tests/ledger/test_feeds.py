"""Feeds: every row once, in commit order, and none skipped because its transaction committed late."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub import clock
from hub.ledger import Ledger, envelopes, exchange_log, receipts
from hub.ledger.exchange_log import LogQuery
from hub.ledger.feed import Cursor
from hub.problems import Refused
from tests.ledger.stage import Stage, Store


def feed(ledger: Ledger, after: Cursor | None = None, limit: int = 100) -> tuple[list[str], Cursor | None]:
    rows, cursor = ledger.read_now(receipts.feed, "sender", after, limit)
    return [row.document_id for row in rows], cursor


def log(ledger: Ledger, after: Cursor | None = None) -> tuple[list[str], Cursor | None]:
    rows, cursor = ledger.read_now(exchange_log.query, LogQuery(kind="envelope.accepted"), after, 100)
    return [row["document_id"] for row in rows], cursor


def test_a_feed_gives_every_row_once_by_pages_and_then_nothing(stage: Stage) -> None:
    for number in range(7):
        stage.accept("H33", document_id=str(number))
    seen: list[str] = []
    cursor: Cursor | None = None
    for _ in range(4):
        page, cursor = feed(stage.ledger, cursor, limit=3)
        seen += page
    assert seen == [str(number) for number in range(7)]
    assert feed(stage.ledger, cursor) == ([], cursor)
    stage.accept("H33", document_id="7")
    assert feed(stage.ledger, cursor)[0] == ["7"]


def test_a_feed_shows_a_system_its_own_receipts_only(stage: Stage) -> None:
    stage.accept("H33", document_id="mine")
    stage.accept("H33", document_id="theirs", sender="H40")
    assert feed(stage.ledger)[0] == ["mine"]


def test_an_empty_feed_keeps_the_cursor_it_was_given(stage: Stage) -> None:
    assert feed(stage.ledger) == ([], None)
    assert feed(stage.ledger, Cursor(5, 9)) == ([], Cursor(5, 9))


def test_a_row_that_commits_late_is_not_skipped(postgresql_store: Store) -> None:
    """A transaction is held open while a later one commits: a reader must wait for the first, not pass it."""
    ledgers = [postgresql_store.open() for _ in range(3)]
    stage = Stage(ledgers[0])
    stage.furnish()
    slow, quick = (stage.acceptance("H33", document_id=name) for name in ("slow", "quick"))
    written, release = threading.Event(), threading.Event()

    def hold(transaction: object) -> None:
        envelopes.accept(transaction, [slow])
        written.set()
        assert release.wait(20)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ledgers[1].write_now, hold)
        assert written.wait(20)
        ledgers[2].write_now(envelopes.accept, [quick])
        first, cursor = feed(ledgers[0])
        first_log, log_cursor = log(ledgers[0])
        release.set()
        held.result()
    assert first == []
    assert first_log == []
    assert feed(ledgers[0], cursor)[0] == ["slow", "quick"]
    assert log(ledgers[0], log_cursor)[0] == ["slow", "quick"]


def test_a_reader_among_many_writers_sees_every_row_once(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    stage = Stage(ledgers[0])
    stage.furnish()
    writers, each = 4, 25
    done = threading.Event()

    def write(number: int) -> None:
        for count in range(each):
            item = stage.acceptance("H33", document_id=f"{number}/{count}")
            ledgers[number % 2].write_now(envelopes.accept, [item])

    def read() -> list[str]:
        seen: list[str] = []
        cursor: Cursor | None = None
        while True:
            finished = done.is_set()
            page, cursor = feed(ledgers[0], cursor, limit=10)
            seen += page
            if finished and not page:
                return seen
            time.sleep(0.002)

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        list(pool.map(write, range(writers)))
        done.set()
        seen = reader.result()
    assert len(seen) == len(set(seen))
    assert sorted(seen) == sorted(f"{number}/{count}" for number in range(writers) for count in range(each))


@pytest.mark.parametrize("text", ["", None])
def test_no_cursor_reads_from_the_beginning(text: str | None) -> None:
    assert Cursor.parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["x", "1", "1-", "-1", "--1", "1-x", "-1--1", f"{2**63:x}-0", "1-2-3", "١-2", "+1-2", "1_0-2", " 1-2", "A-B"],
)
def test_what_no_feed_has_given_out_is_no_cursor(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        Cursor.parse(text)
    assert refusal.value.code == "request-invalid"
    assert refusal.value.findings[0].location == "after"


def test_a_cursor_survives_its_own_text() -> None:
    assert Cursor.parse(str(Cursor(2**62, 17))) == Cursor(2**62, 17)


def test_a_repeat_key_is_one_receipt(stage: Stage) -> None:
    stored = stage.accept("H33")
    row = {**stage.acceptance("H33").receipt, "envelope_id": stored.envelope_id, "kind": "status", "repeat_key": "k"}
    again = {**row, "id": clock.new_id(), "jws": "another"}
    assert stage.ledger.write_now(receipts.add, [row]) == {row["id"]}
    assert stage.ledger.write_now(receipts.add, [again]) == set()
    assert stage.ledger.read_now(receipts.by_repeat_key, "k").jws == row["jws"]

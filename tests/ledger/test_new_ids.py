"""Identifiers that a statement makes for its own rows, out of a run drawn for it."""

from __future__ import annotations

import uuid

from hub import clock
from hub.ledger import exchange_log
from hub.ledger.exchange_log import LogQuery
from tests.ledger.stage import Stage


def run_of(count: int) -> list[str]:
    common, first = clock.new_ids(count)
    return [f"{common}{first + place:012x}" for place in range(count)]


def test_runs_and_single_identifiers_are_all_different_and_in_order() -> None:
    drawn = [one for _ in range(2000) for one in (*run_of(7), clock.new_id())]
    assert drawn == sorted(set(drawn))
    read = [uuid.UUID(one) for one in drawn]
    assert [str(one) for one in read] == drawn
    assert {(one.version, one.variant) for one in read} == {(7, uuid.RFC_4122)}


def test_a_run_that_would_not_fit_into_the_last_digits_begins_anew() -> None:
    before = clock.new_id()
    common, first = clock.new_ids(2**48 - 1)
    assert first + 2**48 - 2 < 2**48
    assert before < f"{common}{first:012x}" < clock.new_id()


def test_entries_that_statements_made_have_identifiers_of_their_own(stage: Stage) -> None:
    for _ in range(3):
        stage.in_inbox("H33", "H40")
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind="delivery.ready"), None, 100)
    names = [entry["id"] for entry in entries]
    assert len(names) == 6
    assert len(set(names)) == 6
    assert all(uuid.UUID(name).version == 7 for name in names)

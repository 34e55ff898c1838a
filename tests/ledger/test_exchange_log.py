"""The exchange log: every filter alone and together, pages by cursor, and no way to change an entry."""

from __future__ import annotations

import ast
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from hub.audit import Entry, Event
from hub.ledger import exchange_log
from hub.ledger.exchange_log import LogQuery
from hub.ledger.feed import Cursor
from tests.ledger.stage import Stage

DAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ENTRIES = [
    Entry(Event.ENVELOPE_ACCEPTED, DAY, "s1", "G22", envelope_id="e1", document_id="1/2026", detail={"a": ["Đợt 1"]}),
    Entry(Event.ENVELOPE_REFUSED, DAY + timedelta(hours=1), "s1", "G22", document_id="2/2026", code="xml-dtd"),
    Entry(Event.DELIVERY_SETTLED, DAY + timedelta(hours=2), "s2", "H33", "e1", "d1", "1/2026"),
    Entry(Event.ENVELOPE_REFUSED, DAY + timedelta(hours=3), "s2", "H33", code="signature-absent"),
]


@pytest.fixture
def filled(stage: Stage) -> Stage:
    stage.ledger.write_now(exchange_log.append, ENTRIES)
    return stage


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (LogQuery(), [0, 1, 2, 3]),
        (LogQuery(since=DAY + timedelta(hours=1)), [1, 2, 3]),
        (LogQuery(until=DAY + timedelta(hours=1)), [0]),
        (LogQuery(since=DAY + timedelta(hours=1), until=DAY + timedelta(hours=3)), [1, 2]),
        (LogQuery(agency="H33"), [2, 3]),
        (LogQuery(document_id="1/2026"), [0, 2]),
        (LogQuery(envelope_id="e1"), [0, 2]),
        (LogQuery(kind="envelope.refused"), [1, 3]),
        (LogQuery(code="xml-dtd"), [1]),
        (LogQuery(kind="envelope.refused", agency="H33"), [3]),
        (LogQuery(kind="envelope.refused", agency="G22", code="signature-absent"), []),
        (LogQuery(agency="h33"), []),
    ],
)
def test_the_log_filters(filled: Stage, wanted: LogQuery, numbers: list[int]) -> None:
    rows, _ = filled.ledger.read_now(exchange_log.query, wanted, None, 100)
    assert [row["id"] for row in rows] == [ENTRIES[number].id for number in numbers]


def test_an_entry_comes_back_as_it_was_written(filled: Stage) -> None:
    rows, _ = filled.ledger.read_now(exchange_log.query, LogQuery(kind="envelope.accepted"), None, 1)
    row = rows[0]
    assert (row["at"], row["actor"], row["agency_code"], row["document_id"]) == (DAY, "s1", "G22", "1/2026")
    assert row["detail"] == {"a": ["Đợt 1"]}
    assert row["code"] == ""


def test_pages_join_without_a_gap_and_the_last_is_empty(filled: Stage) -> None:
    seen: list[str] = []
    cursor: Cursor | None = None
    for _ in range(3):
        rows, cursor = filled.ledger.read_now(exchange_log.query, LogQuery(agency="H33"), cursor, 1)
        seen += [row["id"] for row in rows]
    assert seen == [ENTRIES[2].id, ENTRIES[3].id]


def test_appending_nothing_writes_nothing(stage: Stage) -> None:
    stage.ledger.write_now(exchange_log.append, [])
    assert stage.ledger.read_now(exchange_log.query, LogQuery(), None, 10) == ([], None)


def test_no_statement_of_the_log_changes_or_deletes() -> None:
    tree = ast.parse(inspect.getsource(exchange_log))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {name.rpartition(".")[2] for name in called} & {"update", "delete", "drop"}


def test_no_module_of_the_hub_updates_or_deletes_what_is_guarded() -> None:
    from hub.ledger.guard import GUARDED
    from tests.architecture.tree import parsed, python_files

    guarded = {table.name for table in GUARDED}
    for path in python_files("hub"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("update", "delete"):
                assert ast.unparse(node.args[0]) not in guarded, path

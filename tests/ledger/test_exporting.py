"""Lists as files: the same rows as the pages, safe in a spreadsheet, in flat memory, stopped when nobody wants them."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from hub.audit import sheets
from hub.audit.sheets import Column
from hub.ledger import Ledger, exporting, question_entries, question_messages, tables
from hub.ledger.exporting import Export
from hub.ledger.questions import Question
from hub.problems import Deferred
from tests.ledger.archive import BEGIN, Archive

ROWS = 100_000


@pytest.fixture(scope="module")
def archive() -> Archive:
    made = Archive()
    made.fill(30)
    return made


@pytest.fixture
def filled(ledger: Ledger, archive: Archive) -> Ledger:
    archive.store(ledger)
    return ledger


def whole(ledger: Ledger, *wanted: Any, **more: Any) -> bytes:
    return b"".join(exporting.written(ledger, Export(*wanted, **more)))


def read_csv(octets: bytes) -> list[dict[str, str]]:
    assert octets.startswith(b"\xef\xbb\xbf")
    assert octets.count(b"\r\n") == octets.count(b"\n")
    return list(csv.DictReader(io.StringIO(octets.decode("utf-8-sig"), newline="")))


def read_sheets(octets: bytes) -> list[list[list[str]]]:
    """The cells of every sheet, as they are stored."""
    with zipfile.ZipFile(io.BytesIO(octets)) as book:
        names = sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
        return [_cells(book.read(name).decode()) for name in names]


def _cells(sheet: str) -> list[list[str]]:
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet
    assert "<f>" not in sheet
    rows = re.findall(r"<row [^>]*>(.*?)</row>", sheet, re.DOTALL)
    return [re.findall(r"<(?:t|v)(?: [^>]*)?>([^<]*)</(?:t|v)>", row) for row in rows]


@pytest.mark.parametrize("asked", [Question(words="ke hoach"), Question(outcome="refused")], ids=["words", "refused"])
def test_a_file_holds_what_the_pages_hold(filled: Ledger, asked: Question) -> None:
    messages = filled.read_now(question_messages.page, asked, limit=1000).rows
    lines = whole(filled, "messages", "ndjson", asked).splitlines()
    assert [json.loads(line) for line in lines] == [
        {name: sheets.plain(value) for name, value in row.named().items()} for row in messages
    ]
    assert lines
    for order in ("commit", "newest"):
        rows = filled.read_now(question_entries.page, asked, order=order, limit=1000).rows
        kept = [json.loads(line)["id"] for line in whole(filled, "entries", "ndjson", asked, order).splitlines()]
        assert kept == [row.id for row in rows] != []
    table = read_csv(whole(filled, "messages", "csv", asked, language="en"))
    assert [(row["Envelope"], row["Recipient"]) for row in table] == [(row.envelope, row.recipient) for row in messages]
    [sheet] = read_sheets(whole(filled, "entries", "xlsx", asked, language="vi"))
    assert sheet[0][:2] == ["Mục nhật ký", "Thời gian"]
    assert len(sheet) == len(rows) + 1
    assert float(sheet[1][1]) > 46_000, "a time is a number of days"


def test_a_file_is_of_one_moment(filled: Ledger, archive: Archive) -> None:
    steps = exporting.written(filled, Export("entries", "csv", Question()))
    begun = next(steps)
    fresh = Archive(draw=archive.draw)
    fresh.entry("person.login", BEGIN + timedelta(days=50), "G22")
    fresh.entries[0]["id"] = "later"
    filled.write_now(lambda transaction: transaction.execute(insert(tables.audit_entry), fresh.entries))
    taken = (begun + b"".join(steps)).decode()
    assert taken.count("\r\n") - 1 in (len(archive.entries), len(archive.entries) + 1)
    assert "later" in whole(filled, "entries", "csv", Question()).decode()


@pytest.mark.parametrize("given", ["=1+1", "+84", "-2", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("x")', "  =1", "＝1"])
def test_a_text_that_a_spreadsheet_would_compute_stays_text(given: str) -> None:
    columns, rows = [Column("a", "A"), Column("b", "B")], [(given, 'a "b", c'), ("x=1", -5)]
    [first, second] = read_csv(b"".join(sheets.as_csv(columns, rows)))
    assert first == {"A": f"'{given}", "B": 'a "b", c'}
    assert second == {"A": "x=1", "B": "-5"}
    [sheet] = read_sheets(b"".join(sheets.xlsx(columns, rows, "T")))
    assert len(sheet) == 3


def test_a_workbook_goes_on_in_another_sheet() -> None:
    rows = [(n,) for n in range(25)]
    found = read_sheets(b"".join(sheets.xlsx([Column("n", "N")], rows, "Sổ", most=10)))
    assert [len(sheet) - 1 for sheet in found] == [10, 10, 5]
    assert [int(row[0]) for sheet in found for row in sheet[1:]] == list(range(25))
    [empty] = read_sheets(b"".join(sheets.xlsx([Column("n", "N")], [], "Sổ")))
    assert empty == [["N"]]


def test_no_more_than_two_lists_are_written_at_once_and_a_closed_one_makes_room(filled: Ledger) -> None:
    open_files = [exporting.written(filled, Export("entries", "csv", Question())) for _ in range(3)]
    for steps in open_files[:2]:
        next(steps)
    with pytest.raises(Deferred) as refused:
        next(open_files[2])
    assert refused.value.code == "export-limit"
    open_files[0].close()
    assert whole(filled, "entries", "csv", Question())
    open_files[1].close()


async def test_who_goes_away_stops_the_work(filled: Ledger) -> None:
    for _ in range(5):
        body = await exporting.started(filled, Export("entries", "xlsx", Question()))
        await anext(body)
        await body.aclose()
    body = await exporting.started(filled, Export("entries", "ndjson", Question()))
    assert len(b"".join([piece async for piece in body]).splitlines()) == filled.read_now(
        lambda transaction: len(transaction.execute(tables.audit_entry.select()).all())
    )


@pytest.mark.parametrize(("form", "rows"), [("csv", ROWS), ("xlsx", ROWS // 20)])
def test_a_list_of_a_hundred_thousand_rows_takes_no_more_memory_than_a_short_one(
    sqlite_store: Any, form: exporting.Format, rows: int
) -> None:
    ledger = sqlite_store.open()
    many = text(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < :rows)"
        " INSERT INTO audit_entry (tx, id, at, kind, detail)"
        " SELECT 0, printf('%036d', x), '2026-05-01T00:00:00.000000Z', 'delivery.ready',"
        " json_object('note', printf('%0400d', x)) FROM n"
    )
    ledger.write_now(lambda transaction: transaction.execute(many, {"rows": rows}) and None)
    size = 0
    for number, piece in enumerate(exporting.written(ledger, Export("entries", form, Question()))):
        size += len(piece)
        if number == 2:
            gc.collect()
            before = peak = resident()
        elif number > 2 and number % 10 == 0:
            peak = max(peak, resident())
    assert size > (rows * 450 if form != "xlsx" else rows * 10)
    assert peak - before < 24_000_000, peak - before


def resident() -> int:
    """Octets of this process in memory (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

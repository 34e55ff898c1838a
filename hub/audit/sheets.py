"""Rows written out as a file, in bounded memory: NDJSON for programs, CSV and XLSX for people.

CSV is RFC 4180 in UTF-8 with a byte order mark, without which Excel reads Vietnamese wrongly. A text that a spreadsheet
would compute (it begins with ``= + - @``, a tabulator or a return) gets an apostrophe before it in CSV; in XLSX every
text is stored as text.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from hub.clock import VIETNAM, rfc3339

MEDIA_TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMATS = tuple(MEDIA_TYPES)
ROWS_PER_PIECE = 500
BLOCK = 256 * 1024
# the limits of the format (ECMA-376 has none; Excel's are these)
ROWS_PER_SHEET = 1_048_575
LONGEST_CELL = 32_767
_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is the member in NDJSON; ``heading`` what people read, in their language; ``width`` in characters."""

    name: str
    heading: str
    width: int = 16


Row = Sequence[Any]


def ndjson(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object a line; times as RFC 3339."""
    names = [column.name for column in columns]
    for some in _pieces(rows):
        lines = (
            json.dumps(dict(zip(names, map(plain, row), strict=True)), ensure_ascii=False, separators=(",", ":"))
            for row in some
        )
        yield "".join(f"{line}\n" for line in lines).encode()


def as_csv(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[bytes]:
    """A line of headings, then the rows."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.heading for column in columns])
    yield b"\xef\xbb\xbf" + _taken(out)
    for some in _pieces(rows):
        writer.writerows([_cell(value) for value in row] for row in some)
        yield _taken(out)


def xlsx(
    columns: Sequence[Column], rows: Iterable[Row], title: str, directory: Path | None = None, most: int = 0
) -> Iterator[bytes]:
    """A workbook with real times (Vietnam's), a frozen line of headings and filters; more sheets where one is full.

    The file is made beside (in ``directory``) and then given out. Empty pieces come while it is made, so that whoever
    no longer wants it can stop. ``most``: rows of a sheet, for tests.
    """
    from xlsxwriter import Workbook  # not before somebody wants one: it is a third of a second

    with tempfile.TemporaryDirectory(dir=directory, prefix="workbook-") as place:
        path = Path(place) / "workbook.xlsx"
        book = Workbook(str(path), {"constant_memory": True, "tmpdir": place, "in_memory": False})
        try:
            yield from _filled(book, columns, rows, title, most or ROWS_PER_SHEET)
        finally:
            book.close()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


def _filled(book: Any, columns: Sequence[Column], rows: Iterable[Row], title: str, most: int) -> Iterator[bytes]:
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet, number, sheets = None, 0, 0
    for some in _pieces(rows):
        for row in some:
            if sheet is None or number == most:
                _finish(sheet, number, columns)
                sheets, number = sheets + 1, 0
                sheet = _begin(book, columns, title if sheets == 1 else f"{title} {sheets}", head)
            number += 1
            for place, value in enumerate(row):
                _write(sheet, number, place, value, moment, day)
        yield b""
    _finish(sheet or _begin(book, columns, title, head), number, columns)


def _begin(book: Any, columns: Sequence[Column], title: str, head: Any) -> Any:
    sheet = book.add_worksheet(title[:31])
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.heading, head)
    return sheet


def _finish(sheet: Any, number: int, columns: Sequence[Column]) -> None:
    if sheet is not None:
        sheet.autofilter(0, 0, number, len(columns) - 1)


def _write(sheet: Any, row: int, place: int, value: Any, moment: Any, day: Any) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(row, place, value.astimezone(VIETNAM).replace(tzinfo=None), moment)
    elif isinstance(value, date):
        sheet.write_datetime(row, place, value, day)
    elif isinstance(value, int):
        sheet.write_number(row, place, value)
    elif text := _text(value):
        sheet.write_string(row, place, text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…")


def plain(value: Any) -> Any:
    """``value`` as JSON has it."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


def _text(value: Any) -> str:
    value = plain(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return "" if value is None else str(value)


def _cell(value: Any) -> str:
    text = _text(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(_COMPUTED) else text


def _taken(out: io.StringIO) -> bytes:
    made = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return made


def _pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == ROWS_PER_PIECE:
            yield some
            some = []
    if some:
        yield some

"""``schemas/STANDARDS.md`` claims only what is there."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import ROOT, tracked

TEXT = (ROOT / "schemas" / "STANDARDS.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|\n").split("|"))
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| Clause")
]


def named_files(remark: str) -> list[str]:
    return re.findall(r"`((?:hub|adapters|schemas|alembic|tests)/[^`]+)`", remark)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_claim_names_files_that_exist(row: tuple[str, ...]) -> None:
    assert len(row) == 4, "clause, what, state, where"
    assert row[2] in {"yes", "partial", "no"}
    files = named_files(row[3])
    assert not [path for path in files if path not in tracked()]
    if row[2] == "no":
        assert not files
    else:
        assert files, "a claim without a place"
    if row[2] == "partial":
        assert ";" in row[3], "what is missing is said after a semicolon"


def test_every_standard_of_the_design_is_accounted_for() -> None:
    wanted: tuple[str, ...] = (
        "QCVN 102:2016",
        "XML Signature",
        "RFC 9457",
        "RFC 7515",
        "RFC 8037",
        "RFC 7638",
        "RFC 6749 §4.4",
    )
    wanted += ("RFC 6750", "RFC 9562", "RFC 3339", "Trace Context", "AMQP 0-9-1", "publisher confirms", "RFC 9162")
    assert not [name for name in wanted if name not in TEXT]

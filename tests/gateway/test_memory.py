"""Long documents are not held in memory: the bench's own measurement, with shorter ones."""

from __future__ import annotations

import json
from pathlib import Path

from bench.memory import main


def test_a_long_document_costs_the_gateway_no_more_than_it_may(tmp_path: Path) -> None:
    figures = tmp_path / "memory.json"
    assert main(["--part", "192", "--inline", "32", "--json", str(figures)]) == 0, figures.read_text()
    cases = json.loads(figures.read_text())["cases"]
    assert all(case["above_idle"] <= case["allowed"] for case in cases)
    assert cases[0]["octets"] == 192 << 20

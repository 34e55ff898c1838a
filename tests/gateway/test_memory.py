"""Long documents are not held in memory: the bench's own measurement, with shorter ones."""

from __future__ import annotations

import json
from pathlib import Path

from bench.memory import main

SIZES = ["--part", "128", "--upload", "8", "--inline", "16", "--pdf", "2"]


def test_a_long_document_costs_the_gateway_no_more_than_it_may(tmp_path: Path) -> None:
    figures = tmp_path / "memory.json"
    assert main(["--engine", "embedded", *SIZES, "--json", str(figures)]) == 0, figures.read_text()
    whole = json.loads(figures.read_text())
    cases = {case["case"]: case for case in whole["cases"]}
    assert len(cases) == len(whole["cases"]) == 8
    for case in cases.values():
        assert case["above_idle"] == case["gateway"] + case["workers"]
        assert 0 < case["idle"] < case["peak"]
    assert cases["a part, posted"]["octets"] == 128 << 20
    for goal in whole["goals"]:
        assert goal["figure"] == cases[goal["case"]]["above_idle"]
        assert goal["met"] in ("must", "aim")

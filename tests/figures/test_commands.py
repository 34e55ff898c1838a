"""``lienthong figures``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import build_app
from hub.clock import now
from hub.figures import counting
from hub.figures.tally import month_of
from hub.ledger import Ledger, figures, migration
from hub.ledger.figure_tables import figure_month
from hub.problems import Refused
from tests.figures.story import Story, misremember

APP = build_app()


def said(*arguments: str | Path) -> str:
    """What a command prints; raises what it refuses with. In this process: the entry itself is tried elsewhere."""
    done = CliRunner().invoke(APP, ["figures", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def told(*arguments: str | Path) -> Any:
    return json.loads(said(*arguments, "--json"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A hub with a quarter of exchange that was counted, one month of it wrongly."""
    ledger = Ledger.sqlite(tmp_path / "ledger.sqlite")
    migration.upgrade(ledger)
    Story(seed=5, letters=20).write(ledger)
    counting.count_all(ledger)
    ledger.write_now(misremember, figure_month, "2026-10", sent=700)
    ledger.close()
    return tmp_path


def test_a_month_that_was_counted_wrongly_is_put_right_and_the_log_says_so(data: Path) -> None:
    assert told("show", "2026-10", "--data", data)["figures"]["sent"] == 700
    assert told("rebuild", "2026-10", "--data", data)["corrected"] > 0
    assert told("rebuild", "2026-10", "--data", data)["corrected"] == 0
    right = told("show", "2026-10", "--data", data)
    assert right["figures"]["sent"] < 60
    assert told("rebuild", "--all", "--data", data)["entries"] > 100
    anew = told("show", "2026-10", "--data", data)
    assert (anew["figures"], anew["seconds"]) == (right["figures"], right["seconds"])
    assert "received" in said("show", "2026-10", "--agency", "H33.07", "--own", "--data", data)
    ledger = Ledger.sqlite(data / "ledger.sqlite")
    acts = ledger.read_now(figures.codes, "", "branch", [month_of(now())])
    assert sum(one.entries for one in acts if one.kind == "figures.recounted") == 3
    ledger.close()


def test_a_month_or_everything_is_rebuilt_not_both_or_neither(data: Path) -> None:
    for wrong in (["rebuild"], ["rebuild", "2026-10", "--all"], ["rebuild", "2026-1x"], ["show", "tháng 10"]):
        with pytest.raises(Refused, match="request-invalid"):
            said(*wrong, "--data", data)

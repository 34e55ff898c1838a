"""The letters that benches make by the million are such as the hub makes: references hold and pages show them."""

from __future__ import annotations

import psycopg
import pytest

from bench.growth import Step
from bench.growth_measuring import Laps, Slow
from bench.growth_rows import grow
from hub.ledger import Ledger, agency_tree, migration
from hub.ledger.search import Filters, page

LETTERS = 1_000
DIRECTORY = 1_200
ORPHANS = {
    "delivery": "SELECT count(*) FROM delivery WHERE envelope_id NOT IN (SELECT id FROM envelope)",
    "receipt": "SELECT count(*) FROM receipt WHERE envelope_id NOT IN (SELECT id FROM envelope)",
    "recipient": "SELECT count(*) FROM delivery WHERE recipient_code NOT IN (SELECT code FROM agency)",
    "parent": "SELECT count(*) FROM agency WHERE parent_code NOT IN (SELECT code FROM agency)",
    "entry": "SELECT count(*) FROM audit_entry WHERE envelope_id NOT IN (SELECT id FROM envelope UNION SELECT '')",
    "after figures": "SELECT count(*) FROM audit_entry, figure_state WHERE audit_entry.tx > figure_state.tx",
}


def test_a_made_ledger_holds_together_and_keeps_its_indexes(database_url: str) -> None:
    ledger = Ledger.postgresql(database_url, 2)
    migration.upgrade(ledger)
    indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '^audit_entry_'"
    with psycopg.connect(database_url) as connection:
        before = connection.execute(indexes).fetchone()
        grow(connection, LETTERS, DIRECTORY)
        assert connection.execute(indexes).fetchone() == before
        counted = connection.execute("SELECT count(*), count(DISTINCT id), max(received_at) < now() FROM envelope")
        assert counted.fetchone() == (LETTERS, LETTERS, True)
        assert connection.execute("SELECT count(*) FROM agency").fetchone() == (DIRECTORY,)
        assert {name: connection.execute(query).fetchone() for name, query in ORPHANS.items()} == dict.fromkeys(
            ORPHANS, (0,)
        )
    migration.upgrade(ledger)
    migration.require_head(ledger)
    assert ledger.read_now(page, Filters()).rows
    assert len(ledger.read_now(agency_tree.search, "so y te").rows) == agency_tree.PAGE
    ledger.close()


@pytest.mark.parametrize(("inbox", "slow", "flat", "over"), [(11.9, 199.0, True, 0), (12.1, 201.0, False, 1)])
def test_a_step_is_judged_by_its_ratio_to_the_empty_ledger(inbox: float, slow: float, flat: bool, over: int) -> None:
    def laps(inbox: float) -> Laps:
        return Laps([20.0] * 3, [30.0] * 3, [inbox] * 3, [5.0] * 3, [1.0])

    step = Step(10, 1, laps(inbox), laps(10.0), {}, [Slow("a question", 1.0, slow)])
    assert (step.flat(), len(step.over())) == (flat, over)

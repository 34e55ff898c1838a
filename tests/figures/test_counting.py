"""The figures agree with the log, counted by another program; however they were counted."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from sqlalchemy import insert, select

from hub.audit import Entry, Event
from hub.clock import now
from hub.figures import counting, recounting, spans
from hub.figures.counting import Counting
from hub.ledger import Ledger, Transaction, exchange_log, figure_counting, overdue
from hub.ledger.figure_tables import MEASURES, figure_case, figure_code, figure_month, figure_overdue, figure_time
from hub.ledger.registry_tables import trial
from hub.problems import Refused
from tests.figures.slowly import Slowly, nearest_rank
from tests.figures.story import END, TREE, Story, misremember
from tests.ledger.stage import Store

MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11")
PLACES = [(code, scope) for code, _ in TREE for scope in ("own", "branch")] + [("", "branch")]


def stepped(ledger: Ledger, *sizes: int) -> None:
    """Count in steps of these sizes, over and over."""
    for size in itertools.cycle(sizes):
        if not ledger.write_now(counting.count, size, 7):
            return


def sums(transaction: Transaction) -> dict[tuple[str, str, str], dict[str, int]]:
    rows = transaction.execute(select(figure_month)).mappings()
    return {
        (row["agency_code"], row["scope"], row["month"]): {name: row[name] for name in MEASURES if row[name]}
        for row in rows
    }


def everything(transaction: Transaction) -> list[Any]:
    """All sums and cases; a sum that came to nothing again is as good as none."""
    found = []
    for table in (figure_month, figure_time, figure_code, figure_case):
        keys = list(table.primary_key)
        rows = [tuple(row) for row in transaction.execute(select(table).order_by(*keys))]
        found.append([row for row in rows if any(row[len(keys) :])])
    return found


@pytest.fixture
def story(ledger: Ledger) -> Story:
    made = Story(seed=27)
    made.write(ledger)
    return made


def test_every_figure_of_every_agency_branch_and_month_is_what_the_log_says(ledger: Ledger, story: Story) -> None:
    stepped(ledger, 1, 17, 40)
    counted, slowly = ledger.read_now(sums), Slowly(story, ledger)
    for (code, scope), month in itertools.product(PLACES, MONTHS):
        assert counted.get((code, scope, month), {}) == slowly.measures(code, scope, month), (code, scope, month)
    times = ledger.read_now(lambda transaction: transaction.execute(select(figure_time)).all())
    for (code, scope), month, span in itertools.product(PLACES, MONTHS, ("arrive", "accept", "finish")):
        histogram = {one.bucket: one.letters for one in times if tuple(one)[:4] == (code, scope, month, span)}
        exact = slowly.spans(code, scope, month, span)
        assert sum(histogram.values()) == len(exact)
        for share in (0.5, 0.9):
            if exact:
                wanted = nearest_rank(exact, share)
                assert spans.percentile(histogram, share) == pytest.approx(wanted, rel=spans.ERROR, abs=1)
    total = sum(counted["", "branch", month]["sent"] for month in MONTHS)
    assert total == sum(one["business_type"] in (0, 3) for one in story.envelopes)


def test_what_is_overdue_now_is_what_the_list_of_overdue_ones_shows(ledger: Ledger, story: Story) -> None:
    counting.count_all(ledger)
    ledger.write_now(counting.count_overdue, END)
    rows = {row.agency_code: row for row in ledger.read_now(lambda one: one.execute(select(figure_overdue)).all())}
    assert rows[""].branch == ledger.read_now(overdue.count, END) > 0
    at_sender_too = ledger.read_now(overdue.page, END, limit=1000).rows
    for code in ("H33", "H33.21"):
        below = Slowly(story, ledger).below(code, "branch")
        assert rows[code].branch == sum(one.recipient_code in below for one in at_sender_too)


def test_counting_in_other_steps_or_after_being_killed_gives_the_same(sqlite_store: Store) -> None:
    ledger = sqlite_store.open()
    story = Story(seed=4, letters=25)
    story.write(ledger)
    stepped(ledger, 1000)
    whole = ledger.read_now(everything)
    ledger.write_now(figure_counting.forget)

    def killed(transaction: Transaction) -> None:
        counting.count(transaction, 13)
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            ledger.write_now(killed)
        ledger.write_now(counting.count, 13)
    stepped(ledger, 3, 8)
    assert ledger.read_now(everything) == whole


def test_counting_a_month_anew_finds_nothing_wrong_and_puts_right_what_is(ledger: Ledger, story: Story) -> None:
    counting.count_all(ledger)
    right = ledger.read_now(everything)
    for month in MONTHS:
        assert recounting.recount(ledger, month).differing == 0
    ledger.write_now(misremember, figure_month, "2026-10", sent=999, overdue=-3)
    ledger.write_now(misremember, figure_time, "2026-10", letters=5)
    found = recounting.recount(ledger, "2026-10")
    assert found.differing > 0
    assert found.letters > 0
    assert ledger.read_now(everything) == right
    with pytest.raises(Refused, match="2026-13"):
        recounting.recount(ledger, "2026-13")


def test_test_documents_are_no_figures(sqlite_store: Store) -> None:
    ledger = sqlite_store.open()
    story = Story(seed=1, letters=8)
    story.write(ledger)
    of = {"delivery_id": "", "system_id": "s", "agency_code": "G09", "asked_by": "truc", "asked_at": END}
    tried = [{"envelope_id": one["id"], **of} for one in story.envelopes]
    ledger.write_now(lambda transaction: transaction.execute(insert(trial), tried))
    counting.count_all(ledger)
    assert {name for of in ledger.read_now(sums).values() for name in of} == {"refused"}
    assert [recounting.recount(ledger, month).differing for month in MONTHS] == [0] * len(MONTHS)


def test_an_entry_whose_transaction_commits_late_is_not_passed_over(postgresql_store: Store) -> None:
    ledger, other = postgresql_store.open(), postgresql_store.open()
    first, second = (Entry(Event.ENVELOPE_REFUSED, now(), agency_code="G09", code="form-invalid") for _ in range(2))
    with other.engine.begin() as late:
        exchange_log.append(late, [first])
        ledger.write_now(exchange_log.append, [second])
        assert counting.count_all(ledger) == 0
    assert counting.count_all(ledger) == 2
    assert counting.count_all(ledger) == 0


def test_the_sweep_counts_what_is_there_and_rests_when_nothing_is_left(sqlite_store: Store) -> None:
    ledger = sqlite_store.open()
    Story(seed=9, letters=5).write(ledger)

    async def swept() -> list[int]:
        working = Counting(ledger, entries=20)
        return [await working.step() for _ in range(30)]

    steps = asyncio.run(swept())
    assert sum(steps) > 25
    assert steps[-1] == 0


def test_a_percentile_is_off_by_no_more_than_its_stated_error() -> None:
    for seconds in [*range(5000), *(7**power for power in range(4, 11))]:
        assert spans.middle(spans.bucket(seconds)) == pytest.approx(seconds, rel=spans.ERROR)
    assert spans.percentile({}, 0.5) is None
    assert spans.percentile({spans.bucket(-5): 1}, 0.9) == 0

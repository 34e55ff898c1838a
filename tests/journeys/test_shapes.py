"""The shapes of load run, and their figures add up: seconds of each on the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import uvloop

from bench.letters import Stationery
from bench.shapes.drain import drain
from bench.shapes.ramp import Step, ramp
from bench.shapes.soak import Report, demanded, soak
from bench.shapes.stage import Stage, running
from bench.shapes.tally import Tally
from bench.shapes.verdict import Demand, nothing_lost

pytestmark = pytest.mark.slow
LOST = {demand.what for demand in nothing_lost(Tally())}


@pytest.fixture(scope="module")
def stationery() -> Stationery:
    return Stationery()


@pytest.fixture(scope="module")
def stage(stationery: Stationery) -> Iterator[Stage]:
    with running("embedded", stationery) as one:
        yield one


def held(demands: list[Demand]) -> None:
    """Nothing is lost, whatever the machine; how fast it was is no test's business."""
    left = [demand.line() for demand in demands if demand.what in LOST and not demand.holds]
    assert not left
    assert len([demand for demand in demands if demand.what in LOST]) == len(LOST)


def test_a_ramp_accounts_for_every_letter(stage: Stage, stationery: Stationery) -> None:
    demands, figures = uvloop.run(ramp(stage, stationery, 0.4, (0.5, 2.0)))
    held(demands)
    steps = [Step(**step) for step in figures["steps"]]
    assert [step.share for step in steps] == [0.5, 2.0, 0.5]
    assert figures["peak"] > 0
    assert steps[1].offered > steps[0].offered


def test_what_piles_up_is_drained_in_order(stage: Stage, stationery: Stationery) -> None:
    demands, figures = uvloop.run(drain(stage, stationery, 40))
    held(demands)
    assert [look["waiting"] for look in figures["looks"]][:2] == [0, 5]
    assert figures["looks"][-1]["waiting"] == 0
    assert next(demand for demand in demands if "oldest first" in demand.what).holds


def test_a_soak_reports_and_loses_nothing(stage: Stage, stationery: Stationery) -> None:
    demands, figures = uvloop.run(soak(stage, stationery, 0.01, every=0.3))
    held(demands)
    assert figures["reports"]  # one where the machine is slow, else two
    assert all(report["memory"]["up"] > 10 and report["files"]["up"] > 3 for report in figures["reports"])


def test_growth_and_slowness_are_seen_in_the_reports() -> None:
    def report(minute: int, memory: float, p95: float) -> Report:
        return Report(60.0 * minute, 50, 50, (9, p95, 99), (9, 9, 9), 0, 3, 70, {"up": memory}, {"up": 40})

    flat = [report(minute, 100 + minute % 2, 20) for minute in range(30)]
    assert all(demand.holds for demand in demanded(flat))
    leaking = [report(minute, 100 + minute, 20) for minute in range(30)]
    assert [demand.holds for demand in demanded(leaking)] == [False, True]
    slowing = [report(minute, 100, 5 + 10 * minute) for minute in range(30)]
    assert [demand.holds for demand in demanded(slowing)] == [True, False]


def test_a_letter_that_is_lost_or_shown_twice_is_seen() -> None:
    tally = Tally(offered=2)
    for envelope in ("1", "2"):
        tally.was_accepted(envelope, 0.01)
    tally.was_settled("1")
    tally.was_receipted("1")
    for _ in range(2):
        tally.was_shown("one", "00000000-0000-7000-8000-000000000002")
    tally.was_shown("one", "00000000-0000-7000-8000-000000000001")
    assert [demand.holds for demand in nothing_lost(tally)] == [False, False, True, True]
    assert (tally.backlog, tally.out_of_order, list(tally.open)) == (1, 1, ["2"])

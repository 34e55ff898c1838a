"""The bench itself: it really moves letters through a hub, and its figures add up."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import uvloop

from bench import goals, profile
from bench.goals import Goal
from bench.hubs import Services, running
from bench.letters import FEW, HEADLINE, RECIPIENTS, Kind, Stationery
from bench.measuring import Flow, Intake, Percentiles, open_loop
from bench.pairs import Turn
from bench.underway import Counts, UnderWay

TO_THREE = Kind(HEADLINE.octets, 3)


@pytest.mark.slow
def test_every_letter_that_arrives_is_accepted_seen_settled_and_told() -> None:
    stationery = Stationery(RECIPIENTS[:FEW])
    with ExitStack() as stack, running("embedded", Services(stack), stationery) as hub:
        found = uvloop.run(open_loop(hub, stationery, TO_THREE, 10.0, 0.8))
        assert hub.feed.after, "the sender has read receipts"
    assert found.accept.samples == 8
    assert found.deliverable is not None
    assert found.receipted is not None
    assert found.deliverable.samples == found.receipted.samples == 8 * 3
    assert 0 < found.accept.p50 <= found.accept.p95 <= found.accept.p99
    assert found.receipted.p50 > found.deliverable.p50, "no receipt is there before its delivery was seen"


def test_an_envelope_is_finished_once_all_its_receipts_are_there_in_whatever_order_events_come() -> None:
    counts, finished = Counts(), []
    under_way = UnderWay(2, counts, lambda: finished.append(1))
    for event in (under_way.seen, under_way.settled, under_way.told, under_way.settled, under_way.seen):
        event("envelope")
    under_way.accepted("envelope", 0.0)
    assert not finished
    under_way.told("envelope")
    assert (len(finished), counts.settled, counts.told, counts.deliveries) == (1, 1, 2, 2)
    assert counts.deliverable == [0.0, 0.0], "what was seen before the sender had its answer took no time"


def test_percentiles_are_milliseconds_of_what_was_really_measured() -> None:
    found = Percentiles.of([number / 1000 for number in range(100, 0, -1)])
    assert found == Percentiles(100, 51.0, 96.0, 100.0)
    assert Percentiles.of([]) is None


def _turn(engine: str, rate: float, cpu: dict[str, float]) -> Turn:
    flow = Flow(rate, rate, cpu, 0.5, 0.0)
    accept = Percentiles(1, 1.0, 1.0, 1.0)
    return Turn(engine, HEADLINE, flow, Intake(rate, cpu, accept), None)


def test_goals_are_medians_of_ratios_within_a_round() -> None:
    rates = ((100.0, 200.0), (10.0, 40.0), (90.0, 100.0))
    rounds = [
        {
            ("production", HEADLINE): _turn("production", ours, {"up": 3.0, "PostgreSQL": 1.0}),
            ("floor", HEADLINE): _turn("floor", floors, {"gateway": 2.0}),
        }
        for ours, floors in rates
    ]
    (only,) = goals.from_rounds(rounds, "production")
    assert sorted(only.figures) == [0.25, 0.5, 0.9]
    assert (only.median, only.verdict) == (0.5, "must")
    assert goals.others(rounds)["CPU of all per envelope, production / floor"] == (2.0, 2.0, 2.0)
    assert Goal("less is better", 2.0, 1.0, False, (2.5,)).verdict == "MISSED"


def test_a_profile_counts_a_sample_for_the_innermost_room_of_ours() -> None:
    lines = [
        "main (/place/hub/cli/up.py:3);judge (/place/hub/validation/sequence.py:9);fromstring (lxml/etree.pyx:1) 3",
        "main (/place/hub/cli/up.py:3);run (/usr/lib/python3.11/asyncio/base_events.py:1) 1",
    ]
    samples, by = profile.shares(profile.stacks(lines))
    assert samples == 4
    assert by["rooms"] == {"hub/validation": 3, profile.LOOP: 1}
    assert by["in or below"] == {"judge (hub/validation/sequence.py)": 3}
    assert by["in itself"]["run (asyncio/base_events.py)"] == 1

"""To saturation and back: the peak by a closed loop, then open-loop steps from a fifth of it to beyond it and down."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.letters import Stationery
from bench.processes import cpu_seconds, machine_busy_seconds
from bench.shapes.letters import endless
from bench.shapes.stage import Stage
from bench.shapes.tally import Tally, quantile
from bench.shapes.traffic import Traffic
from bench.shapes.verdict import Demand, finished, nothing_lost

SHARES = (0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0, 2.0, 1.0, 0.5, 0.2)
BEYOND = 2.0  # from here on the hub is far beyond its peak
KEPT = 0.8  # of the peak, at least, when far beyond it
IN_FLIGHT = 128
WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What happened while one rate was offered; rates a second, times in milliseconds."""

    share: float
    offered: float
    accepted: float
    refused: float
    settled: float
    accept_p50: float
    accept_p95: float
    accept_p99: float
    refuse_p99: float
    settle_p95: float
    receipt_p95: float
    backlog: int
    hub_cpu: float
    foreign: float


HEADING = (
    "offered  of peak  accepted/s  refused/s  settled/s  accept ms p50/p95/p99  refusal p99  settle p95  receipt p95"
    "  backlog  hub cores  foreign"
)


def line(step: Step) -> str:
    accept = f"{step.accept_p50:.0f}/{step.accept_p95:.0f}/{step.accept_p99:.0f}"
    return (
        f"{step.offered:7.0f}  {100 * step.share:5.0f} %  {step.accepted:10.0f}  {step.refused:9.0f}"
        f"  {step.settled:9.0f}  {accept:>21}  {step.refuse_p99:11.0f}  {step.settle_p95:10.0f}"
        f"  {step.receipt_p95:11.0f}  {step.backlog:7}  {step.hub_cpu:9.2f}  {100 * step.foreign:5.0f} %"
    )


class Meter:
    """Counts between two looks."""

    def __init__(self, stage: Stage, tally: Tally) -> None:
        self._stage = stage
        self._tally = tally
        self._look()

    def _look(self) -> None:
        tally = self._tally
        self._counts = (tally.offered, tally.accepted, tally.refused, tally.settled)
        self._cpu = sum(cpu_seconds(self._stage.processes).values())
        self._own = time.process_time()
        self._busy = machine_busy_seconds()
        self._at = time.monotonic()
        tally.taken_waits()

    def step(self, share: float) -> Step:
        """What happened since the last look."""
        tally = self._tally
        seconds = time.monotonic() - self._at
        now = (tally.offered, tally.accepted, tally.refused, tally.settled)
        offered, accepted, refused, settled = (
            (new - old) / seconds for new, old in zip(now, self._counts, strict=True)
        )
        waits = tally.taken_waits()
        cpu = sum(cpu_seconds(self._stage.processes).values()) - self._cpu
        foreign = machine_busy_seconds() - self._busy - cpu - (time.process_time() - self._own)
        self._look()
        return Step(
            share,
            offered,
            accepted,
            refused,
            settled,
            1000 * quantile(waits.accept, 0.5),
            1000 * quantile(waits.accept, 0.95),
            1000 * quantile(waits.accept, 0.99),
            1000 * quantile(waits.refuse, 0.99),
            1000 * quantile(waits.settle, 0.95),
            1000 * quantile(waits.receipt, 0.95),
            tally.backlog,
            cpu / seconds,
            max(0.0, foreign / seconds / len(os.sched_getaffinity(0))),
        )


async def peak(traffic: Traffic, seconds: float) -> float:
    """Letters settled a second when nobody posts more than the whole path takes: the median of windows."""
    await traffic.flow(seconds, IN_FLIGHT)
    rates = []
    for _ in range(WINDOWS):
        settled, began = traffic.tally.settled, time.monotonic()
        await traffic.flow(seconds, IN_FLIGHT)
        rates.append((traffic.tally.settled - settled) / (time.monotonic() - began))
    await traffic.until(lambda: not traffic.tally.open, 60.0)
    return statistics.median(rates)


async def ramp(
    stage: Stage, stationery: Stationery, seconds: float, shares: Sequence[float] = SHARES
) -> tuple[list[Demand], dict[str, Any]]:
    """``seconds`` a step, whose rates are ``shares`` of the peak.

    Raises ``AnswerUnusable`` when anything is turned away that takes load away.
    """
    traffic = Traffic(stage.port, stage.systems, endless(stationery, "ramp"))
    tally = traffic.tally
    try:
        await traffic.start()
        await traffic.take()
        best = await peak(traffic, seconds / 2)
        print(f"peak (closed loop, {IN_FLIGHT} under way): {best:.0f} letters/s from post to settlement\n\n{HEADING}")
        meter, steps = Meter(stage, tally), []
        for share in shares:
            await traffic.offer(share * best, seconds)
            steps.append(meter.step(share))
            print(line(steps[-1]), flush=True)
        await finished(traffic, best / 2)
        meter = Meter(stage, tally)
        await traffic.offer(shares[0] * best, seconds)
        steps.append(meter.step(shares[0]))
        print(f"{line(steps[-1])}   (when all was settled)", flush=True)
        await finished(traffic, best / 2)
    finally:
        await traffic.close()
    demands = [*_demands(best, steps), *nothing_lost(tally)]
    return demands, {"peak": best, "steps": [asdict(step) for step in steps]}


def _demands(best: float, steps: list[Step]) -> list[Demand]:
    far = [step for step in steps if step.share >= BEYOND]
    settled = statistics.fmean(step.settled for step in far)
    accepted = statistics.fmean(step.accepted for step in far)
    before, after = steps[0], steps[-1]
    # what other programs took of the machine is not the hub's fault: the rate by its own processor time tells
    worked, at_best = (_by_processor(part) for part in (far, [step for step in steps if step.share == 1.0]))
    return [
        Demand(
            f"beyond {100 * BEYOND:.0f} % of the peak at least {100 * KEPT:.0f} % of it is still settled",
            settled >= KEPT * best,
            f"{settled:.0f}/s of {best:.0f}/s ({100 * settled / best:.0f} %), accepted {accepted:.0f}/s; "
            f"{worked:.0f} settled a second of the hub's processor time, {at_best:.0f} where the peak was offered",
        ),
        Demand(
            "latency is back where it was once all is settled",
            after.accept_p95 <= max(2 * before.accept_p95, before.accept_p95 + 20),
            f"p95 {before.accept_p95:.0f} ms before, {after.accept_p95:.0f} ms after",
        ),
    ]


def _by_processor(steps: list[Step]) -> float:
    return sum(step.settled for step in steps) / max(0.001, sum(step.hub_cpu for step in steps))

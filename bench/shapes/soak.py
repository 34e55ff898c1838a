"""For long at half of the peak: does anything get lost, grow, or become slower?"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.letters import Stationery
from bench.shapes.letters import endless
from bench.shapes.ramp import peak
from bench.shapes.stage import Stage
from bench.shapes.tally import quantile
from bench.shapes.traffic import Traffic
from bench.shapes.verdict import Demand, finished, nothing_lost

SHARE = 0.5
# a slope over fewer reports is noise: it is printed, and demanded from here on
REPORTS = 4
# what the hub remembers of systems, certificates and tokens fills in the first minutes
WARM_UP = 1 / 3
MIB_AN_HOUR = 20.0
# by how much memory moves up and down anyway: what a short run shows is no trend
SWAY_MIB = 8.0
# of the median p95 of the first half, that of the second may be
SLOWER = 1.5


@dataclass(frozen=True, slots=True)
class Report:
    """Since the report before: rates a second, times in milliseconds; MiB and open files by role, MiB stored."""

    seconds: float
    accepted: float
    settled: float
    accept: tuple[float, float, float]
    receipt: tuple[float, float, float]
    refused: int
    backlog: int
    stored: float
    memory: dict[str, float]
    files: dict[str, int]

    def line(self) -> str:
        held = ", ".join(f"{name} {size:.0f} ({self.files[name]})" for name, size in self.memory.items())
        return (
            f"{self.seconds:6.0f} s  {self.accepted:5.0f} accepted/s  {self.settled:5.0f} settled/s  accept ms "
            f"{_shown(self.accept)}  receipt ms {_shown(self.receipt)}  {self.refused} refused  backlog {self.backlog}"
            f"  stored {self.stored:.0f} MiB  memory MiB (files): {held}"
        )


def _shown(times: Sequence[float]) -> str:
    return "/".join(f"{one:.0f}" for one in times)


class Reports:
    """A line now and then."""

    def __init__(self, stage: Stage, traffic: Traffic) -> None:
        self._stage = stage
        self._traffic = traffic
        self._begun = self._at = time.monotonic()
        self._counts = self._counted()
        traffic.tally.taken_waits()
        self.all: list[Report] = []

    def _counted(self) -> tuple[int, int, int]:
        return self._traffic.tally.accepted, self._traffic.tally.settled, self._traffic.tally.refused

    def add(self) -> None:
        now, counts = time.monotonic(), self._counted()
        accepted, settled, refused = (new - old for new, old in zip(counts, self._counts, strict=True))
        seconds = now - self._at
        waits = self._traffic.tally.taken_waits()
        report = Report(
            now - self._begun,
            accepted / seconds,
            settled / seconds,
            _quantiles(waits.accept),
            _quantiles(waits.receipt),
            refused,
            self._traffic.tally.backlog,
            self._stage.stored(),
            self._stage.memory(),
            self._stage.files(),
        )
        self._at, self._counts = now, counts
        self.all.append(report)
        print(report.line(), flush=True)


def _quantiles(values: list[float]) -> tuple[float, float, float]:
    return 1000 * quantile(values, 0.5), 1000 * quantile(values, 0.95), 1000 * quantile(values, 0.99)


async def soak(
    stage: Stage, stationery: Stationery, minutes: float, every: float
) -> tuple[list[Demand], dict[str, Any]]:
    """``minutes`` at half of the peak that is measured first; a report every ``every`` seconds."""
    traffic = Traffic(stage.port, stage.systems, endless(stationery, "soak"))
    try:
        await traffic.start()
        await traffic.take()
        best = await peak(traffic, min(5.0, every))
        print(f"peak {best:.0f} letters/s; {minutes:g} minutes at {SHARE * best:.0f}/s", flush=True)
        reports = Reports(stage, traffic)
        end = time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 0:
            await traffic.offer(SHARE * best, min(every, left))
            await asyncio.sleep(0)
            reports.add()
        await finished(traffic, SHARE * best)
    finally:
        await traffic.close()
    demands = [*demanded(reports.all), *nothing_lost(traffic.tally)]
    return demands, {"peak": best, "reports": [asdict(report) for report in reports.all]}


def demanded(reports: list[Report]) -> list[Demand]:
    """Memory and latency flat, from the end of the warm-up; without a demand while there are too few reports.

    PostgreSQL's cache fills with what is stored, up to its ``shared_buffers``: shown, and not judged.
    """
    warm = reports[int(WARM_UP * len(reports)) :]
    enough = len(warm) >= REPORTS
    hours = (warm[-1].seconds - warm[0].seconds) / 3600
    allowed = SWAY_MIB + MIB_AN_HOUR * hours
    rises = {name: hours * slope([(one.seconds, one.memory[name]) for one in warm]) for name in warm[0].memory}
    risen = ", ".join(f"{name} {rise:+.1f}" for name, rise in rises.items())
    half = len(warm) // 2
    before, after = (
        statistics.median(one.accept[1] for one in part) for part in (warm[: half or 1], warm[half:] or warm)
    )
    few = "" if enough else f" (only {len(warm)} reports: not judged)"
    return [
        Demand(
            f"memory does not grow by {MIB_AN_HOUR:.0f} MiB an hour",
            not enough or all(rise < allowed for name, rise in rises.items() if name != "PostgreSQL"),
            f"MiB in {60 * hours:.0f} minutes, {allowed:.0f} allowed: {risen}{few}",
        ),
        Demand(
            "accepting does not become slower",
            not enough or after <= SLOWER * before,
            f"p95 {before:.0f} ms in the first half, {after:.0f} ms in the second{few}",
        ),
    ]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By the hour, of the line nearest to the points (least squares); 0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    found = statistics.linear_regression([x for x, _ in points], [y for _, y in points])
    return 3600 * found.slope

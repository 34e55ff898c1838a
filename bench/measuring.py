"""One case: a kind of letter on one hub; windows of full flow, then intake alone."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.driver import Load
from bench.letters import Body, Kind
from bench.processes import cpu_seconds, machine_busy_seconds

WARM_UP_SECONDS = 1.5
WINDOWS = 3
WINDOW_SECONDS = 3.0
INTAKE_WARM_UP_SECONDS = 0.3
INTAKE_WINDOW_SECONDS = 0.5
DRAIN_SECONDS = 60.0
# a generous bound on what the fastest case can use up, so that no letter is signed while the clock runs
SMALL_LETTERS = {1: 12000, 26: 4000}
LARGE_LETTERS = {1: 2000, 26: 1000}


def letters_needed(kind: Kind) -> int:
    """How many letters are signed beforehand."""
    return (LARGE_LETTERS if kind.octets >= 1 << 20 else SMALL_LETTERS)[kind.fan_out]


@dataclass(frozen=True, slots=True)
class Hub:
    """A running hub: its port, its systems' credentials, and whose processor time is whose."""

    engine: str
    port: int
    systems: dict[str, tuple[str, str]]
    processes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates are medians over windows, with the lowest and highest beside them; ``cpu_ms`` is per envelope."""

    engine: str
    letter: str
    accepted_per_second: float
    end_to_end_per_second: float
    lowest: float
    highest: float
    deliveries_per_second: float
    median_seconds: float
    slow_seconds: float
    cpu_ms: dict[str, float]
    driver_cpu_ms: float
    foreign_load: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def measure(hub: Hub, kind: Kind, letters: list[Body]) -> Figures:
    """Run the case. Raises ``AnswerUnusable`` when anything but the expected answers comes."""
    half = len(letters) * 3 // 4
    flow = await _flow(hub, kind, letters[:half])
    intake = await _intake(hub, kind, letters[half:])
    return Figures(engine=hub.engine, letter=kind.name, accepted_per_second=intake, **flow)


async def _flow(hub: Hub, kind: Kind, letters: list[Body]) -> dict[str, Any]:
    load = Load(hub.port, hub.systems, kind, letters)
    try:
        await load.start()
        await load.take()
        await load.send()
        await asyncio.sleep(WARM_UP_SECONDS)
        known = len(load.counts.seconds)
        rates, deliveries, spent = await _windows(hub, load)
        load.stop_sending()
        waits = sorted(load.counts.seconds[known:])
        if not await load.drained(DRAIN_SECONDS):
            raise AssertionError(f"{load.counts.accepted - load.counts.settled} envelopes were never settled")
    finally:
        await load.close()
    return {
        "end_to_end_per_second": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
        "deliveries_per_second": statistics.median(deliveries),
        "median_seconds": waits[len(waits) // 2],
        "slow_seconds": waits[len(waits) * 95 // 100],
        **spent,
    }


async def _windows(hub: Hub, load: Load) -> tuple[list[float], list[float], dict[str, Any]]:
    first, began = load.counts.settled, time.monotonic()
    cpu, own, busy = cpu_seconds(hub.processes), time.process_time(), machine_busy_seconds()
    rates, deliveries = [], []
    for _ in range(WINDOWS):
        settled, delivered, start = load.counts.settled, load.counts.deliveries, time.monotonic()
        await asyncio.sleep(WINDOW_SECONDS)
        await load.check()
        seconds = time.monotonic() - start
        rates.append((load.counts.settled - settled) / seconds)
        deliveries.append((load.counts.deliveries - delivered) / seconds)
    after = cpu_seconds(hub.processes)
    used = {name: after[name] - cpu[name] for name in cpu}
    own = time.process_time() - own
    envelopes = max(1, load.counts.settled - first)
    foreign = machine_busy_seconds() - busy - sum(used.values()) - own
    capacity = (time.monotonic() - began) * len(os.sched_getaffinity(0))
    return (
        rates,
        deliveries,
        {
            "cpu_ms": {name: 1000 * seconds / envelopes for name, seconds in used.items()},
            "driver_cpu_ms": 1000 * own / envelopes,
            "foreign_load": max(0.0, foreign / capacity),
        },
    )


async def _intake(hub: Hub, kind: Kind, letters: list[Body]) -> float:
    """Accepted per second while nobody takes; then everything is taken, so that the next case starts empty."""
    load = Load(hub.port, hub.systems, kind, letters)
    load.without_limit()
    try:
        await load.start()
        await load.send()
        await asyncio.sleep(INTAKE_WARM_UP_SECONDS)
        rates = []
        for _ in range(WINDOWS):
            accepted, start = load.counts.accepted, time.monotonic()
            await asyncio.sleep(INTAKE_WINDOW_SECONDS)
            await load.check()
            rates.append((load.counts.accepted - accepted) / (time.monotonic() - start))
        load.stop_sending()
        await load.take()
        if not await load.drained(DRAIN_SECONDS):
            raise AssertionError(f"{load.counts.accepted - load.counts.settled} envelopes were never settled")
    finally:
        await load.close()
    return statistics.median(rates)

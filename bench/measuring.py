"""One case: a kind of letter on one hub. Full flow in a closed loop, intake alone, then arrivals at a fixed rate."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.driver import Load, in_flight
from bench.hubs import Hub
from bench.letters import Kind, Stationery
from bench.processes import cpu_seconds, machine_busy_seconds

DRAIN_SECONDS = 120.0
WARM_UP_SECONDS = 1.0
LONGEST_WARM_UP_SECONDS = 8.0
OPEN_LOOP_SHARE = 0.7  # of the rate that the closed loop reached
# generous bounds on what the fastest can use up in a second, so that no letter is signed while the clock runs
RATE_BOUNDS = ((100 * 1024, 1400.0), (1 << 20, 500.0), (10 << 20, 90.0))
LONG_RATE_BOUND = 12.0
DELIVERIES_BOUND = 4000.0
INTAKE_LETTERS = ((100 * 1024, 400), (1 << 20, 200), (10 << 20, 60))
LONG_INTAKE_LETTERS = 12
# what intake piles up has to be taken afterwards
INTAKE_DELIVERIES = 2000


class NeverSettled(Exception):
    """Accepted envelopes that did not come out at the other end in time: the figures would be worth nothing."""


def rate_bound(kind: Kind) -> float:
    """Envelopes a second that no engine here passes."""
    bound = next((rate for octets, rate in RATE_BOUNDS if kind.octets < octets), LONG_RATE_BOUND)
    return min(bound, DELIVERIES_BOUND / kind.fan_out)


def intake_letters(kind: Kind) -> int:
    """How many are posted to measure intake alone."""
    most = next((count for octets, count in INTAKE_LETTERS if kind.octets < octets), LONG_INTAKE_LETTERS)
    return max(4, min(most, INTAKE_DELIVERIES // kind.fan_out))


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds."""

    samples: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Percentiles | None:
        if not seconds:
            return None
        ranked = sorted(seconds)
        chosen = (ranked[min(len(ranked) - 1, len(ranked) * part // 100)] * 1000 for part in (50, 95, 99))
        return cls(len(ranked), *chosen)


@dataclass(frozen=True, slots=True)
class Flow:
    """A closed loop: envelopes accepted, taken, settled, told to their sender; ``cpu_ms`` per envelope by process."""

    per_second: float
    deliveries_per_second: float
    cpu_ms: dict[str, float]
    driver_cpu_ms: float
    foreign_load: float


@dataclass(frozen=True, slots=True)
class Intake:
    """Letters posted as fast as they are accepted, while nobody takes any; ``cpu_ms`` per accepted envelope."""

    per_second: float
    cpu_ms: dict[str, float]
    accept: Percentiles


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Arrivals at a fixed rate; times from the intended start, then from the acceptance (per delivery)."""

    rate: float
    accept: Percentiles
    deliverable: Percentiles | None
    receipted: Percentiles | None
    late: float  # seconds that the load took longer than planned: near 0, or the rate was not sustained


async def _warm(load: Load, under_way: int) -> None:
    """Until as many envelopes are finished as are under way at once: from then on as many come out as go in."""
    await asyncio.sleep(WARM_UP_SECONDS)
    deadline = time.monotonic() + LONGEST_WARM_UP_SECONDS - WARM_UP_SECONDS
    while load.counts.settled < under_way and time.monotonic() < deadline:
        await load.check()
        await asyncio.sleep(0.02)


async def _drain(load: Load) -> None:
    load.stop_sending()
    if not await load.drained(DRAIN_SECONDS):
        raise NeverSettled(f"{load.counts.accepted - load.counts.settled} of {load.counts.accepted}")


class _Meter:
    """Processor time of everybody between two looks."""

    def __init__(self, hub: Hub) -> None:
        self._processes = hub.processes
        self._began = time.monotonic()
        self._cpu, self._own, self._busy = cpu_seconds(hub.processes), time.process_time(), machine_busy_seconds()

    def read(self, envelopes: float) -> tuple[float, dict[str, float], float, float]:
        """Seconds, milliseconds per envelope by process and of the driver, the share of the machine others took."""
        seconds = time.monotonic() - self._began
        after = cpu_seconds(self._processes)
        used = {name: after[name] - self._cpu[name] for name in after}
        own = time.process_time() - self._own
        foreign = machine_busy_seconds() - self._busy - sum(used.values()) - own
        share = max(0.0, foreign / (seconds * len(os.sched_getaffinity(0))))
        each = 1000 / max(envelopes, 1e-9)
        return seconds, {name: value * each for name, value in used.items()}, own * each, share


async def flow(hub: Hub, stationery: Stationery, kind: Kind, seconds: float) -> Flow:
    """Raises ``AnswerUnusable`` when anything but the expected answers comes, ``NeverSettled``."""
    needed = int(rate_bound(kind) * (seconds + WARM_UP_SECONDS)) + 2 * in_flight(kind)
    load = hub.load(kind, hub.new_letters(stationery, kind, needed))
    try:
        await load.start()
        await load.take()
        await load.send()
        await _warm(load, in_flight(kind))
        told, delivered, meter = load.counts.told, load.counts.deliveries, _Meter(hub)
        await asyncio.sleep(seconds)
        await load.check()
        envelopes = (load.counts.told - told) / kind.fan_out
        took, cpu, own, foreign = meter.read(envelopes)
        deliveries = (load.counts.deliveries - delivered) / took
        await _drain(load)
    finally:
        await load.close()
    return Flow(envelopes / took, deliveries, cpu, own, foreign)


async def intake(hub: Hub, stationery: Stationery, kind: Kind) -> Intake:
    """Afterwards everything is taken, so that the next case starts empty."""
    count = intake_letters(kind)
    load = hub.load(kind, hub.new_letters(stationery, kind, count))
    load.want_all()
    try:
        await load.start()
        meter = _Meter(hub)
        await load.send()
        while load.counts.accepted < count:
            await load.check()
            await asyncio.sleep(0.002)
        took, cpu, _, _ = meter.read(count)
        await load.take()
        await _drain(load)
    finally:
        await load.close()
    accept = Percentiles.of(load.counts.accept)
    assert accept is not None
    return Intake(count / took, cpu, accept)


async def open_loop(hub: Hub, stationery: Stationery, kind: Kind, rate: float, seconds: float) -> OpenLoop:
    """Post at this rate for so long (at least four letters); then wait for the last."""
    seconds = max(seconds, 4.5 / rate)
    load = hub.load(kind, hub.new_letters(stationery, kind, int(rate * seconds)))
    try:
        await load.start()
        await load.take()
        began = time.monotonic()
        await load.arrive(rate, seconds)
        late = time.monotonic() - began - seconds
        await _drain(load)
    finally:
        await load.close()
    counts = load.counts
    accept = Percentiles.of(counts.accept)
    assert accept is not None
    return OpenLoop(rate, accept, Percentiles.of(counts.deliverable), Percentiles.of(counts.receipted), late)


def median_and_range(values: Sequence[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)

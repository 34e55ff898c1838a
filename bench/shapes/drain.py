"""Nobody takes for long, then everybody comes: does the door stay open, and how fast is it all gone?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.letters import Stationery
from bench.shapes.letters import endless
from bench.shapes.stage import Stage
from bench.shapes.tally import quantile
from bench.shapes.traffic import Traffic
from bench.shapes.verdict import Demand, finished, nothing_lost

PARTS = 8
EVERY_SECONDS = 5.0
RELAY_SECONDS = 60.0
TAKE_OVER_SECONDS = 1.0
# more than this for every thousand letters that wait would be holding them in memory
HELD_MIB = 2.0
# of a hub that has just started: caches, threads, connections
WARMTH_MIB = 48.0


@dataclass(frozen=True, slots=True)
class Look:
    """How it stands: letters that wait, rates since the look before, times in milliseconds, MiB by role."""

    phase: str
    seconds: float
    waiting: int
    accepted: float
    settled: float
    accept_p50: float
    accept_p95: float
    stored: float
    memory: dict[str, float]

    def line(self) -> str:
        held = ", ".join(f"{name} {size:.0f}" for name, size in self.memory.items())
        return (
            f"{self.phase:8} {self.seconds:6.0f} s  {self.waiting:7} waiting  {self.accepted:6.0f} accepted/s"
            f"  {self.settled:6.0f} settled/s  accept ms {self.accept_p50:.0f}/{self.accept_p95:.0f}"
            f"  stored {self.stored:.0f} MiB  memory MiB: {held}"
        )


class Looks:
    """A look now and then; the first is of the hub at rest."""

    def __init__(self, stage: Stage, traffic: Traffic) -> None:
        self._stage = stage
        self._traffic = traffic
        self._begun = self._at = time.monotonic()
        self._counts = (0, 0)
        self.all = [self.take("at rest")]

    def take(self, phase: str) -> Look:
        tally, now = self._traffic.tally, time.monotonic()
        seconds = max(0.001, now - self._at)
        waits = tally.taken_waits()
        look = Look(
            phase,
            now - self._begun,
            tally.backlog,
            (tally.accepted - self._counts[0]) / seconds,
            (tally.settled - self._counts[1]) / seconds,
            1000 * quantile(waits.accept, 0.5),
            1000 * quantile(waits.accept, 0.95),
            self._stage.stored(),
            self._stage.memory(),
        )
        self._at, self._counts = now, (tally.accepted, tally.settled)
        print(look.line(), flush=True)
        return look

    def add(self, phase: str) -> None:
        self.all.append(self.take(phase))


async def drain(stage: Stage, stationery: Stationery, letters: int) -> tuple[list[Demand], dict[str, Any]]:
    """Let ``letters`` pile up, then drain them. Raises ``AnswerUnusable`` when anybody is turned away who takes."""
    traffic = Traffic(stage.port, stage.systems, endless(stationery, "drain"))
    tally = traffic.tally
    try:
        await traffic.start()
        looks = Looks(stage, traffic)
        for part in range(1, PARTS + 1):
            await traffic.pile(letters * part // PARTS)
            looks.add("piling")
        behind = time.monotonic()
        relayed = await traffic.relayed(RELAY_SECONDS)
        behind = time.monotonic() - behind
        await asyncio.sleep(TAKE_OVER_SECONDS)
        begun, settled = time.monotonic(), tally.settled
        await traffic.take()
        while tally.settled < tally.accepted:
            if not await traffic.until(lambda: tally.settled == tally.accepted, EVERY_SECONDS):
                before = settled
                settled = tally.settled
                looks.add("draining")
                if settled == before:
                    break  # it stands still; the verdict says what is left
        rate = tally.settled / (time.monotonic() - begun)
        await finished(traffic, 50.0)
        looks.add("drained")
    finally:
        await traffic.close()
    moved = Demand("the relay had kept up", relayed, f"the outbox was empty {behind:.1f} s after the last letter")
    demands = [moved, *_demands(looks.all, rate, letters), _in_order(traffic), *nothing_lost(tally)]
    return demands, {"drained_per_second": rate, "looks": [asdict(look) for look in looks.all]}


def _demands(looks: list[Look], rate: float, letters: int) -> list[Demand]:
    piling = [look for look in looks if look.phase == "piling"]
    first, last = piling[0], piling[-1]
    rest = sum(size for name, size in looks[0].memory.items() if name != "PostgreSQL")
    most = max(sum(size for name, size in look.memory.items() if name != "PostgreSQL") for look in looks)
    allowed = WARMTH_MIB + HELD_MIB * letters / 1000
    return [
        Demand(
            "the door stays open while nobody takes",
            last.accepted >= 0.7 * first.accepted,
            f"{first.accepted:.0f} accepted/s first, {last.accepted:.0f}/s at {last.waiting} waiting",
        ),
        Demand(
            "hub and broker do not hold what waits in memory",
            most - rest <= allowed,
            f"{most - rest:.0f} MiB above rest of {allowed:.0f} allowed",
        ),
        Demand("it drains no slower than it piled up, by half", rate >= last.accepted / 2, f"{rate:.0f} settled/s"),
    ]


def _in_order(traffic: Traffic) -> Demand:
    return Demand(
        "each system was shown the oldest first",
        not traffic.tally.out_of_order,
        f"{traffic.tally.out_of_order} of {traffic.tally.settled} shown after a younger one",
    )

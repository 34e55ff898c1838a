"""``python -m bench.relaying``: the hub's relay beside the same relay that waits for every confirm.

Real outbox rows in PostgreSQL, as acceptance writes them, and RabbitMQ's quorum queues. Both claim the same batches and
mark what was confirmed in the same way. The hub's puts claim checks for one system together and has many confirms
outstanding; the other one publishes one claim check, waits for its confirm, then the next. They take turns on the same
database and broker; the figure is the median of the ratios of neighbours. Leaves with 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench.goals import Goal
from bench.machine import describe
from hub.broker import ClaimCheck, RabbitBroker
from hub.ledger import Ledger, envelopes, outbox
from hub.routing.relay import Relay
from tests.ledger.stage import Stage
from tests.rights import as_application
from tests.services import PostgreSQL, RabbitMQ

MUST, AIM = 4.0, 6.0
ENVELOPES, PAIRS = 1500, 5
RECIPIENTS = ("H33", "H40")  # of one system each: two queues
TOGETHER = 100
CLAIM_SECONDS = 60.0


class OneAtATime:
    """The broker for a publisher that has one confirm outstanding."""

    def __init__(self, broker: RabbitBroker) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        return [held for message in messages for held in await self._broker.publish([message])]


@dataclass(frozen=True, slots=True)
class Figures:
    """Envelopes per second, one figure a pair."""

    envelopes: int
    ours: tuple[float, ...]
    one_at_a_time: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(own / other for own, other in zip(self.ours, self.one_at_a_time, strict=True))


@contextmanager
def stages() -> Iterator[tuple[Stage, str]]:
    """A furnished ledger as the hub's own role, and the broker's address."""
    with PostgreSQL() as postgresql, RabbitMQ() as rabbitmq:
        ledger = Ledger.postgresql(as_application(postgresql.create_database("relaying")))
        try:
            stage = Stage(ledger)
            stage.furnish()
            yield stage, rabbitmq.create_vhost("relaying")
        finally:
            ledger.close()


def fill(stage: Stage, count: int) -> None:
    """Accept so many letters, each to one recipient."""
    letters = [stage.acceptance(RECIPIENTS[number % len(RECIPIENTS)]) for number in range(count)]
    for start in range(0, count, TOGETHER):
        stage.ledger.write_now(envelopes.accept, letters[start : start + TOGETHER])


async def emptied(stage: Stage, relay: Relay, count: int) -> float:
    """Envelopes per second of a relay that empties the outbox."""
    began, moved = time.monotonic(), 0
    while moved < count:
        moved += await relay.step()
    seconds = time.monotonic() - began
    left = await stage.ledger.read(outbox.waiting)
    if moved != count or left:
        raise AssertionError(f"{moved} of {count} were published, {left} wait")
    return count / seconds


async def measure(stage: Stage, url: str, pairs: int, count: int) -> Figures:
    broker = RabbitBroker(url)
    await broker.open()
    try:
        relays = [Relay(stage.ledger, one, CLAIM_SECONDS) for one in (broker, OneAtATime(broker))]
        found: list[list[float]] = [[], []]
        for number in range(pairs + 1):  # the first declares queues and opens connections
            for side in (0, 1) if number % 2 else (1, 0):
                size = count if number else len(RECIPIENTS) * 5
                await asyncio.to_thread(fill, stage, size)
                rate = await emptied(stage, relays[side], size)
                if number:
                    found[side].append(rate)
    finally:
        await broker.close()
    return Figures(count, *(tuple(rates) for rates in found))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.relaying", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    with stages() as (stage, url):
        figures = uvloop.run(measure(stage, url, PAIRS, ENVELOPES))
    goal = Goal("relay vs one confirm at a time", MUST, AIM, at_least=True, figures=figures.ratios)
    spread = f"({min(goal.figures):.1f}-{max(goal.figures):.1f})"
    print(f"envelopes/s, medians of {PAIRS} turns of {ENVELOPES}:")
    print(f"  the hub's relay       {statistics.median(figures.ours):6.0f}")
    print(f"  one confirm at a time {statistics.median(figures.one_at_a_time):6.0f}")
    print(f"{goal.name}: {goal.median:.1f} {spread}, must {MUST:.0f}, aim {AIM:.0f}: {goal.verdict}")
    if chosen.json:
        whole = {"machine": describe(), **asdict(figures), "ratios": figures.ratios}
        chosen.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0 if goal.verdict != "MISSED" else 1


if __name__ == "__main__":
    sys.exit(main())

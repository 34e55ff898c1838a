"""The end of a run: what was demanded, whether it held, and by which figure."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.shapes.tally import Tally
from bench.shapes.traffic import Traffic

SETTLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that the run had to show."""

    what: str
    holds: bool
    figure: str

    def line(self) -> str:
        return f"{'held' if self.holds else 'NOT HELD':9} {self.what}: {self.figure}"


async def finished(traffic: Traffic, rate: float) -> None:
    """Post again what was turned away, then wait for the last settlement and the last receipt, as long as they come."""
    tally = traffic.tally
    await traffic.answered()
    await traffic.repeat(rate, SETTLE_SECONDS)
    last, moved = (-1, -1), time.monotonic()
    while tally.open and time.monotonic() < moved + SETTLE_SECONDS:
        if last != (tally.settled, tally.receipted):
            last, moved = (tally.settled, tally.receipted), time.monotonic()
        await traffic.until(lambda: not tally.open, 1.0)


def nothing_lost(tally: Tally) -> Iterator[Demand]:
    """Every letter was accepted in the end, and every accepted one was shown once, settled once, receipted once."""
    left = f"{tally.accepted} accepted, {tally.settled} settled, {tally.receipted} receipts, {len(tally.open)} open"
    whole = tally.accepted == tally.settled == tally.receipted and not tally.open
    yield Demand("every accepted letter was settled once and its receipt came", whole, left)
    yield Demand("none was shown twice", not tally.shown_again, f"{tally.shown_again} shown again")
    every = not tally.again and tally.accepted == tally.offered
    turned = f"{tally.offered} letters, {tally.refused} times turned away, {len(tally.again)} never accepted"
    yield Demand("what was turned away was accepted when it was repeated", every, turned)
    strange = ", ".join(f"{count} x {what}" for what, count in tally.wrong.most_common(5)) or "none"
    yield Demand("no other answers", not tally.wrong, strange)


def pronounce(demands: Sequence[Demand]) -> int:
    """Print them; the exit code."""
    print()
    for demand in demands:
        print(demand.line())
    sys.stdout.flush()
    return 0 if all(demand.holds for demand in demands) else 1

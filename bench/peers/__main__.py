"""``python -m bench.peers``: letters of 5 KB through the hub, end to end, beside django-pyas2, in turns.

The hub: production engine, posted, verified, delivered, content fetched, settled, the receipt seen by the sender; the
letters are signed before. django-pyas2: built and signed, posted, verified, stored, signed receipt made and verified;
and, in a column of its own, the recipient's half alone with messages signed before. Whoever does not have the turn
stands still. The figure is the median of the ratios of neighbours. Leaves with 1 when the goal is missed; where
the peer cannot be installed it says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from bench import hubs
from bench.goals import Goal
from bench.letters import FEW, HEADLINE, RECIPIENTS, Stationery
from bench.machine import describe
from bench.measuring import flow
from bench.peers import as2
from bench.peers.installing import NotInstalled, installed

MUST, AIM = 8.0, 12.0
PAIRS, SECONDS = 5, 3.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Messages per second: ours, theirs, their recipient's half alone."""

    hub: float
    whole: float
    received: float


def play(python: Path, pairs: int = PAIRS, seconds: float = SECONDS) -> list[Pair]:
    stationery = Stationery(RECIPIENTS[:FEW])
    letter = b"".join(stationery.letters(HEADLINE, 1)[0])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-as2-")))
        peer = stack.enter_context(as2.running(python, directory, letter))
        peer.per_second("whole", 1.0)
        peer.stand_still()
        hub = stack.enter_context(hubs.running("production", hubs.Services(stack), stationery))
        hub.stand_still()
        return [_pair(hub, peer, stationery, seconds) for _ in range(pairs)]


def _pair(hub: hubs.Hub, peer: as2.As2, stationery: Stationery, seconds: float) -> Pair:
    hub.go_on()
    try:
        ours = uvloop.run(flow(hub, stationery, HEADLINE, seconds)).per_second
    finally:
        hub.stand_still()
    peer.go_on()
    try:
        pair = Pair(ours, peer.per_second("whole", seconds), peer.per_second("received", seconds))
    finally:
        peer.stand_still()
    print(f"{pair.hub:10.0f} {pair.whole:14.1f} {pair.received:18.1f} {pair.hub / pair.whole:12.1f}", flush=True)
    return pair


def told(pairs: Sequence[Pair]) -> Goal:
    """Print what it comes to."""
    goal = Goal("end to end vs django-pyas2", MUST, AIM, at_least=True, figures=tuple(p.hub / p.whole for p in pairs))
    half = statistics.median(pair.hub / pair.received for pair in pairs)
    print(f"\n{goal.name}: {goal.median:.1f} ({min(goal.figures):.1f}-{max(goal.figures):.1f}), ", end="")
    print(f"must {MUST:.0f}, aim {AIM:.0f}: {goal.verdict}; against the recipient's half alone: {half:.1f}")
    print(f"{as2.WORKERS} gunicorn workers, {as2.SENDERS} senders, SQLite and files on each side.")
    return goal


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    print(f"{'hub/s':>10} {'django-pyas2/s':>14} {'its recipient/s':>18} {'hub/pyas2':>12}")
    try:
        with installed(*as2.REQUIREMENTS) as python:
            pairs = play(python)
            goal = told(pairs)
    except NotInstalled as reason:
        print(f"django-pyas2 could not be installed, so there is nothing to compare with: {reason}")
        return 0
    if chosen.json:
        whole = {"machine": describe(), "pairs": [asdict(one) for one in pairs], "ratios": goal.figures}
        chosen.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0 if goal.verdict != "MISSED" else 1


if __name__ == "__main__":
    sys.exit(main())

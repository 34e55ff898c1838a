"""What "a second" of processor time is on this machine: limits are of a document, not of its neighbours on the core."""

from __future__ import annotations

import time

TURNS = 150_000
REFERENCE = 0.030  # processor seconds for those turns on the machine that the limits were set on


def second() -> float:
    """Processor seconds in which this machine, as busy as it is now, does the work of one: one to four."""
    started = time.process_time()
    kept = {}
    for turn in range(TURNS):
        kept[turn & 4095] = str(turn).encode()
    return min(4.0, max(1.0, (time.process_time() - started) / REFERENCE))

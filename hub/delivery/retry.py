"""When to try again. Pure: what failed, how often and how urgent it is come in, moments go out.

The wait grows by doubling from ``first`` to ``longest``; the next try is spread evenly over the whole wait ("full
jitter"), so that those who failed together do not come back together. What the other side asked for (Retry-After) is
a floor. Urgent documents are tried tighter. Nothing is tried at or after a delivery's expiry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import clock

# a system that asks for more is asked again earlier: it may have been set up wrongly
LONGEST_ASKED_SECONDS = 24 * 3600.0
# for deliveries that carry no expiry of their own
EXPIRY = timedelta(days=7)
BREAKER_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of the wait, in seconds."""

    first: float
    longest: float


# by priority (QCVN 102:2016 clause 1.11.1); NĐ 30/2020 article 4.2c: urgent ones at once
PACES = (Pace(10.0, 900.0), Pace(5.0, 120.0), Pace(3.0, 60.0), Pace(2.0, 30.0), Pace(2.0, 30.0))
# an urgent document must not wait for long because others found its system down
BREAKER = Pace(5.0, 60.0)


def bound(pace: Pace, failures: int) -> float:
    """The longest wait after so many failures in a row (1 and more), in seconds."""
    return min(pace.longest, pace.first * 2.0 ** min(max(failures, 1) - 1, 32))


def wait(pace: Pace, failures: int, asked: float | None = None) -> float:
    """Seconds until the next try; never less than ``asked`` within reason, never more than the bound above it."""
    floor = min(max(asked or 0.0, 0.0), LONGEST_ASKED_SECONDS)
    # a wait of nothing would try a system again in the same instant
    return floor + clock.jitter(pace.first / 4, bound(pace, failures))


def next_try(at: datetime, failures: int, priority: int, asked: float | None, expires: datetime) -> datetime | None:
    """When to hand over again; None when that would be too late for the document."""
    moment = at + timedelta(seconds=wait(PACES[priority], failures, asked))
    return None if moment >= expires else moment


def breaker_opens(failures: int) -> bool:
    """Whether a system that failed so often in a row is left alone for a while."""
    return failures >= BREAKER_FAILURES


def breaker_until(at: datetime, failures: int, asked: float | None) -> datetime:
    """Until when a system is left alone: what it asked for, and a growing pause once the breaker is open."""
    if breaker_opens(failures):
        return at + timedelta(seconds=wait(BREAKER, failures - BREAKER_FAILURES + 1, asked))
    return at + timedelta(seconds=min(max(asked or 0.0, 0.0), LONGEST_ASKED_SECONDS))

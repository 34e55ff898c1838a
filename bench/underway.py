"""What is under way: of every envelope when it was accepted, seen, settled and told to its sender, in any order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Counts:
    """What has happened so far. ``told``: delivery receipts that the sender has; ``settled``: envelopes with all.

    Times are seconds: ``accept`` from the intended start of a post to its answer; the others from that answer, one per
    delivery for ``deliverable`` and ``receipted``, one per envelope for ``seconds`` (all of it done).
    """

    accepted: int = 0
    deliveries: int = 0
    told: int = 0
    settled: int = 0
    accept: list[float] = field(default_factory=list)
    deliverable: list[float] = field(default_factory=list)
    receipted: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    accepted_at: float | None = None  # events of a letter whose sender has no answer yet count as at once
    settled: int = 0
    told: int = 0


class UnderWay:
    """``done`` is called once for every envelope that is finished."""

    def __init__(self, fan_out: int, counts: Counts, done: Callable[[], None]) -> None:
        self._fan_out = fan_out
        self._counts = counts
        self._done = done
        self._open: dict[str, _Open] = {}

    def accepted(self, envelope: str, began: float) -> None:
        """201 has come; ``began`` is when the post was meant to start (monotonic seconds)."""
        now = time.monotonic()
        self._counts.accepted += 1
        self._counts.accept.append(now - began)
        one = self._open.setdefault(envelope, _Open())
        one.accepted_at = now
        self._finish(envelope, one)

    def seen(self, envelope: str) -> None:
        """A delivery of it came with an inbox's answer."""
        self._counts.deliverable.append(self._since(self._open.setdefault(envelope, _Open())))

    def settled(self, envelope: str) -> None:
        """One recipient's system has settled it."""
        self._counts.deliveries += 1
        one = self._open.setdefault(envelope, _Open())
        one.settled += 1
        self._finish(envelope, one)

    def told(self, envelope: str) -> None:
        """The sender has read one recipient's delivery receipt."""
        one = self._open.setdefault(envelope, _Open())
        one.told += 1
        self._counts.told += 1
        self._counts.receipted.append(self._since(one))
        self._finish(envelope, one)

    def _since(self, one: _Open) -> float:
        return 0.0 if one.accepted_at is None else time.monotonic() - one.accepted_at

    def _finish(self, envelope: str, one: _Open) -> None:
        if one.accepted_at is None or min(one.settled, one.told) < self._fan_out:
            return
        del self._open[envelope]
        self._counts.settled += 1
        self._counts.seconds.append(time.monotonic() - one.accepted_at)
        self._done()

"""What became of every letter: posted, refused, acknowledged, shown, settled, receipted."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import IntFlag

from bench.letters import Body


class Seen(IntFlag):
    """What is known of one envelope. It may be settled before its sender has read the acknowledgement."""

    ACCEPTED = 1
    SETTLED = 2
    RECEIPTED = 4


COMPLETE = Seen.ACCEPTED | Seen.SETTLED | Seen.RECEIPTED


@dataclass
class Waits:
    """Seconds since the last report: from when a letter was due until its answer, and until its receipt was read."""

    accept: list[float] = field(default_factory=list)
    refuse: list[float] = field(default_factory=list)
    settle: list[float] = field(default_factory=list)
    receipt: list[float] = field(default_factory=list)


@dataclass
class Tally:
    """Counts since the start, and every envelope that is not complete; ``again`` holds letters to post once more."""

    offered: int = 0
    accepted: int = 0
    refused: int = 0
    settled: int = 0
    receipted: int = 0
    shown_again: int = 0
    out_of_order: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    waits: Waits = field(default_factory=Waits)
    again: list[tuple[float, Body]] = field(default_factory=list)
    open: dict[str, tuple[Seen, float]] = field(default_factory=dict)
    _shown: set[bytes] = field(default_factory=set)
    _youngest: dict[str, str] = field(default_factory=dict)  # by system, of those shown so far

    @property
    def backlog(self) -> int:
        """Accepted, and not settled yet as far as is known here."""
        return self.accepted - self.settled

    def was_accepted(self, envelope: str, seconds: float) -> None:
        self.accepted += 1
        self.waits.accept.append(seconds)
        self._note(envelope, Seen.ACCEPTED)

    def was_refused(self, body: Body, seconds: float, retry_after: float) -> None:
        self.refused += 1
        self.waits.refuse.append(seconds)
        self.again.append((time.monotonic() + retry_after, body))

    def is_unknown(self, body: Body, why: str) -> None:
        """No answer came: the letter is posted once more, and counts as wrong."""
        self.wrong[why] += 1
        self.again.append((time.monotonic(), body))

    def was_shown(self, system: str, delivery: str) -> None:
        """A delivery's id tells when it was accepted (UUIDv7): the text of an older one is less."""
        key = bytes.fromhex(delivery.replace("-", ""))
        if key in self._shown:
            self.shown_again += 1
        self._shown.add(key)
        youngest = self._youngest.get(system, "")
        if delivery < youngest:
            self.out_of_order += 1
        self._youngest[system] = max(delivery, youngest)

    def was_settled(self, envelope: str) -> None:
        self.settled += 1
        self._note(envelope, Seen.SETTLED)

    def was_receipted(self, envelope: str) -> None:
        self.receipted += 1
        self._note(envelope, Seen.RECEIPTED)

    def _note(self, envelope: str, what: Seen) -> None:
        seen, since = self.open.get(envelope, (Seen(0), time.monotonic()))
        if seen & what:
            self.wrong[f"{what.name} twice"] += 1
        seen |= what
        if seen == COMPLETE:
            self.open.pop(envelope, None)
            if what == Seen.RECEIPTED:
                self.waits.receipt.append(time.monotonic() - since)
        else:
            self.open[envelope] = (seen, since)

    def taken_waits(self) -> Waits:
        """What was measured since the last report."""
        waits, self.waits = self.waits, Waits()
        return waits


def quantile(values: list[float], share: float) -> float:
    """The value below which ``share`` of them lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

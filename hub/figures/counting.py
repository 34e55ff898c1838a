"""Counting the log as it grows: work of the role ``sweep``.

1. One transaction locks the position, reads some entries after it that no running transaction can still precede,
   folds them, adds to the sums and moves the position. Killed in between, nothing was counted; nothing counts twice.
2. A first start over a long log goes on in such steps, and rests as long as each took: intake comes first.
3. Once a minute, what is overdue right now is counted from the cases and summed up for the branches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from hub import clock
from hub.figures.folding import Known, fold
from hub.figures.tally import Tally, rows
from hub.ledger import Ledger, Transaction, figure_counting
from hub.ledger.feed import Cursor
from hub.ledger.figure_counting import Counted
from hub.problems import Deferred

log = structlog.get_logger()

EVERY_SECONDS = 5.0
OVERDUE_EVERY = timedelta(minutes=1)
ENTRIES = 1000
RESTS = 3  # times as long as a step took
# deliveries of the letters in one step; a single letter may have more
DELIVERIES = 20_000


class Counting:
    """``entries`` and ``deliveries``: the most of one step."""

    def __init__(
        self, ledger: Ledger, every: float = EVERY_SECONDS, *, entries: int = ENTRIES, deliveries: int = DELIVERIES
    ) -> None:
        self._ledger = ledger
        self._every = every
        self._entries = entries
        self._deliveries = deliveries
        self._overdue_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled; when the store is away, again after a while."""
        while True:
            try:
                await self._catch_up()
            except Deferred as error:
                log.warning("figures.waiting", reason=str(error))
            await asyncio.sleep(self._every)

    async def _catch_up(self) -> None:
        """Full steps with rests between them, so that letters keep the processor; then what is left, and no more.

        A busy hub always has a few entries more, and a step costs as much as forty of them.
        """
        begun = clock.monotonic()
        while await self.step() >= self._entries:
            await asyncio.sleep(min(self._every, RESTS * (clock.monotonic() - begun)))
            begun = clock.monotonic()
        if not await self.step():
            await self._overdue(clock.now())

    async def step(self) -> int:
        """Count some entries; how many there were."""
        # looking takes no lock and writes nothing: a hub with nothing to do must not keep its disk busy
        if not await self._ledger.read(_news):
            return 0
        return await self._ledger.write(count, self._entries, self._deliveries)

    async def _overdue(self, now: datetime) -> None:
        if self._overdue_at is None or now - self._overdue_at >= OVERDUE_EVERY:
            await self._ledger.write(count_overdue, now)
            self._overdue_at = now


def _news(transaction: Transaction) -> bool:
    after, _ = figure_counting.position(transaction)
    return bool(figure_counting.entries(transaction, after, 1))


def count(transaction: Transaction, most: int = ENTRIES, deliveries: int = DELIVERIES) -> int:
    """Count the next entries in this transaction; how many there were, 0 when none is left."""
    after, _ = figure_counting.position(transaction, lock=True)
    found = _bounded(transaction, figure_counting.entries(transaction, after, most), deliveries)
    if not found:
        return 0
    known = known_of(transaction, found)
    tally = Tally()
    fold(found, known, tally)
    figure_counting.keep_cases(transaction, (known.cases[key] for key in sorted(known.changed)))
    figure_counting.add(transaction, *rows(tally, figure_counting.above(transaction, tally.agencies)))
    figure_counting.move(transaction, Cursor(found[-1].tx, found[-1].seq), found[-1].at)
    return len(found)


def count_all(ledger: Ledger) -> int:
    """Count until nothing is left, for callers without an event loop; how many entries there were."""
    total = 0
    while counted := ledger.write_now(count):
        total += counted
    ledger.write_now(count_overdue, clock.now())
    return total


def count_overdue(transaction: Transaction, now: datetime) -> None:
    """Sum up what is overdue now, per agency and branch, and note that nothing is left to count."""
    figure_counting.position(transaction, lock=True)
    own = figure_counting.overdue_now(transaction, now)
    above = figure_counting.above(transaction, own)
    sums: dict[str, dict[str, int]] = {}
    for code, number in own.items():
        sums.setdefault(code, {"own": 0, "branch": 0})["own"] += number
        for one in above[code]:
            sums.setdefault(one, {"own": 0, "branch": 0})["branch"] += number
    made = [{"agency_code": code, **of} for code, of in sorted(sums.items())]
    figure_counting.keep_overdue(transaction, made, now)


def known_of(transaction: Transaction, found: Sequence[Counted]) -> Known:
    """All that the entries speak of."""
    facts = figure_counting.deliveries(transaction, {one.delivery_id for one in found} - {""})
    envelopes = {one.envelope_id for one in found} | {one.envelope_id for one in facts.values()}
    letters = figure_counting.letters(transaction, envelopes - {""})
    accepted = {one.envelope_id for one in found if one.kind == "envelope.accepted"}
    firsts = figure_counting.first_deliveries(transaction, accepted & letters.keys())
    keys = {(one.envelope_id, one.recipient_code) for one in facts.values()}
    return Known(letters, facts, firsts, figure_counting.cases(transaction, keys))


def _bounded(transaction: Transaction, found: list[Counted], deliveries: int) -> list[Counted]:
    """As many of the entries as bring no more than so many deliveries, and the first in any case."""
    accepted = [one.envelope_id for one in found if one.kind == "envelope.accepted"]
    many = figure_counting.recipients(transaction, set(accepted))
    total = 0
    for place, one in enumerate(found):
        total += many.get(one.envelope_id, 0) if one.kind == "envelope.accepted" else 0
        if total > deliveries and place:
            return found[:place]
    return found

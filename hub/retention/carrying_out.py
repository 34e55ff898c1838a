"""Carrying out confirmed purges, and collecting files that no envelope names: work of the role ``sweep``.

For every batch of envelopes of a purge:

1. One transaction sends them on their way out (``going_at``), after a last look at holds and deliveries. From its
   commit on nobody is given their octets, no hold reaches them and no delivery of them is sent again.
2. Their files are removed, but for those that another envelope names (``hub.ledger.payload_removal``).
3. One transaction writes ``purged_at`` and an entry for each.

A crash after 1 or 2 leaves envelopes on their way out, with which the next round goes on: what is not there counts as
removed. So the log never says of an envelope that its octets went while they did not. A file that came in again within
the last day is left alone, and its envelope waits at 2. Two sweeps at once do no harm: step 3 is counted once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import Ledger, PayloadStore, Transaction, exchange_log, holds, purged, purges
from hub.ledger.payload_removal import Collected, Outcome, Removal
from hub.ledger.payloads import YOUNG
from hub.ledger.purges import Item, PurgeRecord
from hub.problems import Deferred
from hub.retention.purges import QUIET

log = structlog.get_logger()

BATCH = 200
BUCKETS = 256
# every directory is looked at about once a day
BUCKET_SECONDS = 24 * 3600 // BUCKETS


class CarryingOut:
    """``young``: files touched since are left alone."""

    def __init__(
        self,
        ledger: Ledger,
        payloads: PayloadStore,
        every: float = 5.0,
        *,
        young: timedelta = YOUNG,
        batch: int = BATCH,
    ) -> None:
        self._ledger = ledger
        self._payloads = payloads
        self._removal = Removal(payloads, lambda digests: ledger.read_now(purged.needed, digests), young)
        self._every = every
        self._batch = batch

    async def run(self) -> None:
        """Until cancelled."""
        bucket = -1
        while True:
            try:
                await self.step()
                # by the clock, so that a hub that is often started anew does not begin with the first one every time
                now = int(clock.now().timestamp()) // BUCKET_SECONDS % BUCKETS
                if now != bucket:
                    await self.collect(now)
                    bucket = now
            except Deferred as error:
                log.warning("retention.waiting", reason=str(error))
            except OSError as error:
                log.error("retention.payloads_unreachable", reason=str(error))
            await asyncio.sleep(self._every)

    async def step(self) -> int:
        """Carry out what is confirmed, as far as it goes now; returns how many envelopes lost their octets."""
        await asyncio.to_thread(self._removal.settle)
        return sum([await self._carry_out(one) for one in await self._ledger.read(purges.confirmed)])

    async def collect(self, bucket: int) -> Collected:
        """Remove what no envelope names from one of the 256 directories; nothing if the files are another ledger's."""
        newest = await self._ledger.read(purged.newest_envelope)
        knows = partial(self._ledger.read_now, purged.knows)
        if newest is None:
            return Collected()
        if not await asyncio.to_thread(self._removal.is_the_ledgers, newest, knows):
            log.error("payloads.another_ledger", file=str(self._payloads.witness))
            return Collected()
        found = await asyncio.to_thread(self._removal.collect, bucket)
        if found.files or found.drafts:
            log.info("payloads.orphans_removed", files=found.files, octets=found.octets, drafts=found.drafts)
        return found

    async def _carry_out(self, record: PurgeRecord) -> int:
        count, after = 0, ""
        while True:
            items = await self._ledger.read(purges.going, record.id, after, self._batch)
            if items:
                count += await self._remove(record, items)
                after = items[-1].envelope_id
            elif not await self._ledger.write(_claim, record.id, self._batch):
                break
        if await self._ledger.write(purges.close, record.id):
            log.info("purge.done", purge=record.id, envelopes=count)
        return count

    async def _remove(self, record: PurgeRecord, items: Sequence[Item]) -> int:
        digests = list(dict.fromkeys(file.sha256 for item in items for file in item.files))
        outcome = await asyncio.to_thread(self._removal.remove, digests)
        gone = [item for item in items if all(outcome[file.sha256] != "young" for file in item.files)]
        return len(await self._ledger.write(_finish, record, gone, outcome))


def _claim(transaction: Transaction, purge_id: str, most: int) -> int:
    holds.wait_for_turn(transaction)
    at = clock.now()
    return purges.claim(transaction, purge_id, holds.standing(transaction), at - QUIET, at, most)


def _finish(
    transaction: Transaction, record: PurgeRecord, items: Sequence[Item], outcome: dict[str, Outcome]
) -> set[str]:
    at = clock.now()
    new = purges.finish(transaction, record.id, [item.envelope_id for item in items], at)
    entries = [
        Entry(
            Event.PAYLOAD_PURGED,
            at,
            actor=f"person:{record.decided_by}",
            agency_code=item.sender_code,
            envelope_id=item.envelope_id,
            document_id=item.document_id,
            detail={
                "purge": record.id,
                "policy_class": item.policy_class,
                "asked_by": record.asked_by,
                "files": [
                    # not removed: another envelope that was not purged names the same octets
                    {"sha256": file.sha256, "size": file.size, "removed": outcome[file.sha256] == "removed"}
                    for file in item.files
                ],
            },
        )
        for item in items
        if item.envelope_id in new
    ]
    exchange_log.append(transaction, entries)
    return new

"""From a system's queue into its inbox in the ledger: whatever its channel, there a document waits to be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub import clock
from hub.broker.port import ClaimCheck
from hub.ledger import Ledger, Transaction, deliveries
from hub.ledger.group_commit import GroupCommit


class Inbox:
    """Takes claim checks over. Idempotent: a repeated one does nothing. ``arrived`` tells who waits for a system."""

    def __init__(self, ledger: Ledger, *arrived: Callable[[str], None]) -> None:
        self._arrived = arrived
        # the batches of many queues in one transaction
        self._takings: GroupCommit[list[str], None] = GroupCommit(ledger, _take_over, single_statement=True)

    async def hand_over(self, checks: Sequence[ClaimCheck]) -> None:
        """Raises ``Deferred`` when the ledger is away: the queue keeps the claim checks."""
        await self._takings.add([check.delivery_id for check in checks])
        for system_id in {check.system_id for check in checks}:
            for tell in self._arrived:
                tell(system_id)


def _take_over(transaction: Transaction, batches: Sequence[list[str]]) -> list[None]:
    deliveries.take_over(transaction, [one for batch in batches for one in batch], clock.now())
    return [None] * len(batches)

"""The channel port: how a system takes its documents. One file a channel; ``pull`` is the inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hub import clock
from hub.broker.port import ClaimCheck
from hub.ledger import Ledger, Transaction, deliveries
from hub.ledger.group_commit import GroupCommit


class Channel(Protocol):
    """Hands over deliveries of one system. Returning acknowledges the batch; raising gives it back to the queue."""

    async def hand_over(self, checks: Sequence[ClaimCheck]) -> None: ...


class PullChannel:
    """Puts deliveries into the inbox, where the system leases them. Idempotent: a repeated claim check does nothing."""

    def __init__(self, ledger: Ledger, arrived: Callable[[str], None] = lambda _system: None) -> None:
        self._arrived = arrived
        # the batches of many queues in one transaction
        self._takings: GroupCommit[list[str], None] = GroupCommit(ledger, _take_over)

    async def hand_over(self, checks: Sequence[ClaimCheck]) -> None:
        """Raises ``Deferred`` when the ledger is away: the queue keeps the claim checks."""
        await self._takings.add([check.delivery_id for check in checks])
        for system_id in {check.system_id for check in checks}:
            self._arrived(system_id)


def _take_over(transaction: Transaction, batches: Sequence[list[str]]) -> list[None]:
    deliveries.take_over(transaction, [one for batch in batches for one in batch], clock.now())
    return [None] * len(batches)

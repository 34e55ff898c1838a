"""The channel port: how a system takes its documents. One file a channel; ``pull`` is the inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from hub import clock
from hub.broker.port import ClaimCheck
from hub.ledger import Ledger, deliveries


class Channel(Protocol):
    """Hands over deliveries of one system. Returning acknowledges the batch; raising gives it back to the queue."""

    async def hand_over(self, checks: Sequence[ClaimCheck]) -> None: ...


class PullChannel:
    """Puts deliveries into the inbox, where the system leases them. Idempotent: a repeated claim check does nothing."""

    def __init__(self, ledger: Ledger, arrived: Callable[[str], None] = lambda _system: None) -> None:
        self._ledger = ledger
        self._arrived = arrived

    async def hand_over(self, checks: Sequence[ClaimCheck]) -> None:
        """Raises ``Deferred`` when the ledger is away: the queue keeps the claim checks."""
        await self._ledger.write(deliveries.take_over, [check.delivery_id for check in checks], clock.now())
        for system_id in {check.system_id for check in checks}:
            self._arrived(system_id)

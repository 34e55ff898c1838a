"""The feed of receipts for one system: a gap-free page, or a wait for the first receipt."""

from __future__ import annotations

from hub import clock
from hub.ledger import Ledger, receipts
from hub.ledger.bell import Bell
from hub.ledger.feed import Cursor
from hub.ledger.receipts import ReceiptRecord

# the bell is a hint: a receipt whose transaction committed late is found by looking again now and then
LOOK_SECONDS = 2.0


class Feed:
    """Pages after a cursor. One per process: all its waiting requests share one look at the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._newest = -1
        self._bell = Bell(self._look)

    async def _look(self, _waiting: list[str]) -> set[str]:
        if self._newest < 0:
            self._newest = await self._ledger.read(receipts.newest)
        self._newest, systems = await self._ledger.read(receipts.arrived, self._newest)
        return systems

    def close(self) -> None:
        """Answer waiting requests now."""
        self._bell.close()

    async def next(
        self, system_id: str, after: Cursor | None, limit: int, deadline: float
    ) -> tuple[list[ReceiptRecord], Cursor | None]:
        """Receipts after the cursor; waits for the first until ``deadline`` (monotonic seconds)."""
        while True:
            event = self._bell.expect(system_id)
            found, last = await self._ledger.read(receipts.feed, system_id, after, limit)
            left = deadline - clock.monotonic()
            if found or left <= 0 or self._bell.closed:
                return found, last
            await self._bell.wait(event, min(left, LOOK_SECONDS))

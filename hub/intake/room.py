"""How much is judged at once: long documents wait for each other, so that many of them do not fill the memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# shorter ones need no turn: what they take together is bounded by the number of connections
SHORT = 256 * 1024


class Room:
    """Room for ``octets`` of documents; whoever needs more than is left waits its turn, first come, first served."""

    def __init__(self, octets: int) -> None:
        self._size = self._left = octets
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, octets: int) -> AsyncIterator[None]:
        """Hold room for a document of this length; one longer than the whole room takes all of it."""
        if octets <= SHORT:
            yield
            return
        needed = min(octets, self._size)
        await self._take(needed)
        try:
            yield
        finally:
            self._give(needed)

    async def _take(self, octets: int) -> None:
        if not self._waiting and octets <= self._left:
            self._left -= octets
            return
        turn = asyncio.get_running_loop().create_future()
        entry = (octets, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._give(0)
            else:  # its turn came at the same moment
                self._give(octets)
            raise

    def _give(self, octets: int) -> None:
        self._left += octets
        while self._waiting and self._waiting[0][0] <= self._left:
            needed, turn = self._waiting.popleft()
            self._left -= needed
            if turn.cancelled():
                self._left += needed
            else:
                turn.set_result(None)

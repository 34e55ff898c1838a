"""The log's own watch: slowly, round and round, it hashes again what was sealed, and looks for what never was.

The sealer sees that the signed tree still stands; only this sees that an entry or a receipt behind a leaf was changed,
taken away, or slipped in without one. What it finds stays on show until people have dealt with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog

from hub.problems import Deferred

log = structlog.get_logger()
# tiles of 256 leaves in one step: at one step in five seconds, nine million leaves in a day
TILES = 2
EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What one step saw. ``wrong``: in words, empty when all is well; ``round_ended``: it starts anew."""

    leaves: int
    wrong: tuple[str, ...]
    round_ended: bool


class WatchedStore(Protocol):
    """Where the log is kept, and how far the watch has come."""

    async def look(self, tiles: int) -> Looked:
        """Look at the next tiles, remember how far, and note what is wrong. Raises ``Deferred``."""
        ...


class Watch:
    """Runs until cancelled."""

    def __init__(self, store: WatchedStore, every: float = EVERY_SECONDS) -> None:
        self._store = store
        self._every = every

    async def run(self) -> None:
        while True:
            try:
                await self.step()
            except Deferred as error:
                log.warning("watch.waiting", reason=str(error))
            await asyncio.sleep(self._every)

    async def step(self) -> Looked:
        """Look at a part of the log."""
        looked = await self._store.look(TILES)
        for one in looked.wrong:
            log.critical("log.rewritten", reason=one)
        return looked

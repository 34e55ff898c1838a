"""Keeping bodies off the event loop: few threads, each making several bodies durable in one hop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from hub.ledger.batching import Batches
from hub.ledger.journal import Journal
from hub.ledger.payloads import PayloadWriter, keep_all

# two, so that a long body does not hold up short ones
THREADS = 2
MOST = 16


class Keeper(Batches[PayloadWriter, str]):
    """``add(body)`` returns the digest once the body is durable. Raises ``OSError`` when it cannot be."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._threads = ThreadPoolExecutor(THREADS, "payload-keep")
        super().__init__(self._keep, most=MOST, workers=THREADS)

    async def _keep(self, bodies: list[PayloadWriter]) -> Sequence[str | Exception]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, keep_all, bodies, self._journal)

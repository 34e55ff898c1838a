"""The sealer: numbers committed entries and receipts into the Merkle tree and signs checkpoints.

It works behind the traffic and never in its way: what is committed is sealed a moment later, in order, once. The store
holds the lock, so any number of sealers may run; a batch is sealed wholly with its checkpoint, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from hub.audit.note import Checkpoint, NoteSigner, signed
from hub.problems import Deferred

log = structlog.get_logger()
BATCH = 2000
# by when the hub promises that a receipt is in the log (RFC 9162 §4.8 calls it the maximum merge delay)
PROMISED_SECONDS = 24 * 3600


class Rewritten(Exception):
    """The stored tree is not the one that was signed: nothing may be signed on top of it."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one step sealed. ``leaves`` is 0 when there was nothing; ``more`` when it did not take all."""

    size: int
    leaves: int
    more: bool


class Signing:
    """The log's name and keys: all sign every checkpoint (two while one takes over from the other)."""

    def __init__(self, signers: Sequence[NoteSigner]) -> None:
        self.signers = tuple(signers)
        self.origin = signers[0].log_key.name

    def note(self, size: int, root: bytes) -> str:
        """The signed checkpoint of a tree."""
        return signed(Checkpoint(self.origin, size, root), self.signers)


class SealingStore(Protocol):
    """Where leaves and checkpoints are kept."""

    async def seal(self, signing: Signing, most: int) -> Sealed:
        """Seal up to ``most`` entries and receipts in one transaction.

        Raises ``Rewritten`` when the tree is not the one signed last, ``Deferred`` when the store is away.
        """
        ...

    async def alarm(self, detail: str) -> None:
        """Say for all to see that the log was rewritten."""
        ...


class Sealer:
    """Runs until cancelled: a batch at a time while there is something, else every ``every`` seconds."""

    def __init__(self, store: SealingStore, signing: Signing, every: float = 1.0) -> None:
        self._store = store
        self._signing = signing
        self._every = every

    async def run(self) -> None:
        while True:
            try:
                again = await self.step()
            except Deferred as error:
                log.warning("sealer.waiting", reason=str(error))
                again = False
            if not again:
                await asyncio.sleep(self._every)

    async def step(self) -> bool:
        """Seal one batch; whether there is more to do at once."""
        try:
            sealed = await self._store.seal(self._signing, BATCH)
        except Rewritten as error:
            log.critical("log.rewritten", reason=str(error))
            await self._store.alarm(str(error))
            return False
        return sealed.more

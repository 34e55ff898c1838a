"""Upkeep: answers are had again before they end, and what was accepted as pending is settled when an answer comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from cryptography import x509

from hub import clock
from hub.problems import Deferred
from hub.signatures.chain import Link, TrustStore
from hub.signatures.revocation.judging import Revocation
from hub.signatures.revocation.port import Due, Store, When
from hub.signatures.revocation.sources import Source
from hub.signatures.revocation.standing import Standing

log = structlog.get_logger()
AT_ONCE = 8
# an answer that nobody judged by for so long is left to end
UNUSED = timedelta(days=2)
# answers that end within this are had again, but not more often than that: a new one may come out at the last moment
AHEAD = timedelta(minutes=2)
AGAIN = timedelta(seconds=30)


class Pending(Protocol):
    """Envelopes accepted before their signer's standing was known."""

    async def questions(self) -> Sequence[tuple[x509.Certificate, x509.Certificate]]:
        """Certificates, with their issuers', that envelopes wait for."""

    async def settle(self, found: Standing, at: datetime) -> int:
        """Record what is known now for a batch of envelopes; how many, 0 when none is left."""


class Upkeep:
    """Runs until cancelled, every ``every`` seconds.

    ``refresh``: an answer in use is asked for again after so many seconds even when it has not ended, because that is
    how long a revocation may go unnoticed.
    """

    def __init__(
        self,
        revocation: Revocation,
        store: Store,
        pending: Pending,
        trust: Callable[[], Awaitable[TrustStore]],
        *,
        every: float = 5.0,
        refresh: float = 3600.0,
    ) -> None:
        self._revocation = revocation
        self._store = store
        self._pending = pending
        self._trust = trust
        self._every = every
        self._refresh = timedelta(seconds=refresh)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.renew()
                await self.settle()
            except Deferred as error:
                log.warning("revocation.waiting", reason=str(error))

    async def renew(self) -> int:
        """Ask again for what is about to end or was asked long ago; how many answers came. Raises ``Deferred``."""
        asking = self._revocation.asking
        if asking is None:
            return 0
        now = clock.now()
        ends_before = now + max(AHEAD, timedelta(seconds=4 * self._every))
        due = await self._store.due(When(now - self._refresh, ends_before, now - AGAIN, now - UNUSED))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Due) -> bool:
            async with gate:
                reason = await asking.renew(Link(row.certificate, row.issuer), Source(row.kind, row.source))
            if reason:
                log.warning("revocation.not_renewed", source=row.source, reason=reason)
            return reason == ""

        return sum(await asyncio.gather(*map(one, due)))

    async def settle(self) -> int:
        """Settle what can be told now; how many envelopes. Raises ``Deferred``."""
        settled = 0
        trust = await self._trust()
        for certificate, issuer in await self._pending.questions():
            found = await self._revocation.judge(Link(certificate, issuer), trust, clock.now())
            if found.status not in ("good", "revoked"):
                continue
            count = 0
            while batch := await self._pending.settle(found, clock.now()):
                count += batch
            level = log.error if found.status == "revoked" else log.info
            level("revocation.settled", certificate=found.subject, status=found.status, envelopes=count)
            settled += count
        return settled

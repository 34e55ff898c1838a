"""The cached directory. Every answer belongs to one revision of the registry.

A change in any process raises the revision; this cache compares it at most once a second and forgets everything when it
moved. A suspension therefore takes hold everywhere within about a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from hub import clock
from hub.registry.model import Agency, Override, System
from hub.signatures.chain import TrustStore

COMPARE_SECONDS = 1.0
MAX_ENTRIES = 50_000


class DirectorySource(Protocol):
    """Where the directory reads; implemented over the ledger by wiring."""

    async def revision(self) -> int: ...

    async def agencies(self, codes: list[str]) -> dict[str, Agency]:
        """Agencies by the code or alias asked for; unknown ones are absent."""

    async def holders(self, sha256: str) -> frozenset[str]:
        """Codes of the agencies for which this certificate is registered and not withdrawn."""

    async def system_by_client(self, client_id: str) -> System | None: ...

    async def trust(self) -> TrustStore: ...

    async def overrides(self) -> tuple[Override, ...]:
        """What rules mean otherwise than the profile says; ended ones may be among them."""


class Directory:
    """Read-through cache over a ``DirectorySource``."""

    def __init__(self, source: DirectorySource) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._compared_at = float("-inf")
        self._revision = -1
        self._forget()

    def _forget(self) -> None:
        self._agencies: dict[str, Agency | None] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._clients: dict[str, System | None] = {}
        self._trust: TrustStore | None = None
        self._overrides: tuple[Override, ...] | None = None

    async def refresh(self, *, now: bool = False) -> None:
        """Compare revisions if the last comparison is older than a second, or ``now``."""
        if not now and clock.monotonic() - self._compared_at < COMPARE_SECONDS:
            return
        async with self._lock:
            if not now and clock.monotonic() - self._compared_at < COMPARE_SECONDS:
                return
            revision = await self._source.revision()
            if revision != self._revision or len(self._agencies) > MAX_ENTRIES:
                self._forget()
                self._revision = revision
            self._compared_at = clock.monotonic()

    async def agencies(self, codes: Iterable[str]) -> dict[str, Agency]:
        """Agencies by code or alias as asked; unknown ones are absent. One query for all that is not cached."""
        await self.refresh()
        wanted = dict.fromkeys(codes)
        # taken before the query: another request may forget everything meanwhile, and nobody may become unknown by that
        known = {code: self._agencies[code] for code in wanted if code in self._agencies}
        missing = [code for code in wanted if code not in known]
        if missing:
            revision = self._revision
            found = await self._source.agencies(missing)
            asked = {code: found.get(code) for code in missing}
            if revision == self._revision:
                self._agencies.update(asked)
            known |= asked
        return {code: agency for code, agency in known.items() if agency is not None}

    async def holders(self, sha256: str) -> frozenset[str]:
        await self.refresh()
        if sha256 not in self._holders:
            revision = self._revision
            holders = await self._source.holders(sha256)
            if not holders or revision != self._revision:
                return holders  # strangers' certificates are not worth memory
            self._holders[sha256] = holders
        return self._holders[sha256]

    async def system_by_client(self, client_id: str) -> System | None:
        await self.refresh()
        if client_id not in self._clients:
            revision = self._revision
            system = await self._source.system_by_client(client_id)
            if system is None or revision != self._revision:
                return system  # what was read before a change must not be remembered after it
            self._clients[client_id] = system
        return self._clients[client_id]

    async def trust(self) -> TrustStore:
        await self.refresh()
        if self._trust is None:
            revision = self._revision
            trust = await self._source.trust()
            if revision != self._revision:
                return trust
            self._trust = trust
        return self._trust

    async def overrides(self) -> tuple[Override, ...]:
        await self.refresh()
        if self._overrides is None:
            revision = self._revision
            overrides = await self._source.overrides()
            if revision != self._revision:
                return overrides
            self._overrides = overrides
        return self._overrides

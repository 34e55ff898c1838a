"""The current answers in memory, over those in the store; other processes' renewals are noticed within seconds."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from cryptography import x509

from hub import clock
from hub.signatures.chain import Link
from hub.signatures.revocation.answers import Held
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.ocsp import OcspAnswer
from hub.signatures.revocation.port import Kept, Store, Subject

COMPARE_SECONDS = 5.0
# answers of a process that was slow to commit, or whose clock differs
OVERLAP = timedelta(seconds=60)
MAX_ENTRIES = 50_000
# above this, reading a list holds up other requests longer than a thread hop
OFFLOAD_BYTES = 64 * 1024


class Shelf:
    """Read-through over a ``Store``; without one it remembers for this process only.

    What was concluded from answers holds as long as their ``version`` is the same.
    """

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self._versions: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], Held] = {}
        self._lock = asyncio.Lock()
        self._compared_at = clock.monotonic()
        self._compared = clock.now()

    async def compare(self) -> None:
        """Forget what another process replaced. At most one question every few seconds."""
        if self.store is None or clock.monotonic() - self._compared_at < COMPARE_SECONDS:
            return
        async with self._lock:
            if clock.monotonic() - self._compared_at < COMPARE_SECONDS:
                return
            now = clock.now()
            changed = await self.store.changed(self._compared - OVERLAP)
            self._compared_at, self._compared = clock.monotonic(), now
        replaced = [
            (authority, serial)
            for authority, serial, sha256 in changed
            if (held := self._held.get((authority, serial))) is None or held.answer.sha256 != sha256
        ]
        for key in replaced:
            self._held.pop(key, None)
            self._raise(key)

    async def get(self, link: Link, serial: str) -> Held | None:
        """The current list of the link's authority (``serial`` empty), or the current OCSP answer."""
        held = self._held.get((link.authority, serial))
        if held is None and self.store is not None:
            kept = await self.store.current(link.authority, serial, clock.now())
            held = None if kept is None else await read(kept, link)
            if held is not None:
                self._remember((link.authority, serial), held)
        return held

    async def put(self, about: Subject, held: Held) -> bool:
        """Make an answer the current one; false when a newer one is."""
        key = (about.authority, about.serial)
        known = self._held.get(key)
        if known is not None and goes_back(held, known):
            return False
        if self.store is not None and not await self.store.keep(about, held, clock.now()):
            self._held.pop(key, None)  # another process has a newer one
            return False
        self._remember(key, held)
        self._raise(key)
        return True

    def version(self, link: Link) -> tuple[int, int]:
        """Raised with every change of the link's list and of its OCSP answer."""
        return self._versions.get((link.authority, ""), 0), self._versions.get((link.authority, link.serial), 0)

    def _raise(self, key: tuple[str, str]) -> None:
        self._versions[key] = self._versions.get(key, 0) + 1

    def _remember(self, key: tuple[str, str], held: Held) -> None:
        if len(self._held) >= MAX_ENTRIES:
            self._held.clear()
        self._held[key] = held


def goes_back(new: Held, known: Held) -> bool:
    """Whether taking ``new`` would make an older answer the current one."""
    if isinstance(new.answer, RevocationList) and isinstance(known.answer, RevocationList):
        return new.answer.goes_back_behind(known.answer)
    return new.answer.this_update < known.answer.this_update


async def read(kept: Kept, link: Link) -> Held | None:
    """The answer in octets from the store, its signature checked again; None when it is no answer about the link."""
    try:
        if kept.kind == "ocsp":
            return Held(OcspAnswer.load(kept.der, link.certificate, link.issuer), kept.source)
        return Held(await load_list(kept.der, link.issuer), kept.source)
    except ValueError:
        return None  # as if it were not there: it is asked for again


async def load_list(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """A list that the issuer signed and that may be relied on. Raises ``ValueError`` that says what is wrong."""
    if len(der) < OFFLOAD_BYTES:
        return _load_list(der, issuer)
    return await asyncio.to_thread(_load_list, der, issuer)


def _load_list(der: bytes, issuer: x509.Certificate) -> RevocationList:
    found = RevocationList.load(der)
    if found.defect:
        raise ValueError(found.defect)
    if not found.signed_by(issuer):
        raise ValueError("not signed by the certificate's own issuer")
    return found

"""The standing of every certificate of a path, from memory if possible, from the store, else from its issuer.

1. What is remembered and still holds costs nothing: no round trip, no cryptography.
2. Else everything in hand is weighed: configured lists, lists and answers in the store.
3. Else the addresses in the certificate are asked, each answer by one request however many wait for it. What could not
   be had is not asked for again at once: an unreachable responder costs one envelope its time-out, not every envelope.
4. What cannot be told is said so; ``hub.validation.revocation`` decides what comes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from hub import clock
from hub.signatures.chain import Link, Path, TrustStore, common_name, fingerprint
from hub.signatures.revocation.answers import SKEW, Held, Weighed, weigh
from hub.signatures.revocation.asking import Asking
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.ocsp import OcspAnswer
from hub.signatures.revocation.port import Fetch, Store
from hub.signatures.revocation.shelf import Shelf
from hub.signatures.revocation.sources import sources
from hub.signatures.revocation.standing import Standing, standing

REMEMBERED = 50_000
UNKNOWN_SECONDS = 30
CONFIGURED = "configured"
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

Choice = Literal["defer", "pending"]


@dataclass(frozen=True, slots=True)
class _Remembered:
    standing: Standing
    since: datetime  # holds for moments from here
    until: datetime  # to here
    forget_at: float  # monotonic; what is not known is looked for again
    version: tuple[int, int]  # of the answers it was concluded from


class Revocation:
    """``unavailable``: what comes of a certificate whose sources give no fresh answer; ``unsourced``: of one without.

    ``max_age``: an answer older than this is stale even before its nextUpdate. Without ``fetch`` issuers are not
    asked, without ``store`` answers are forgotten with the process.
    """

    def __init__(
        self,
        store: Store | None = None,
        fetch: Fetch | None = None,
        *,
        unavailable: Choice = "defer",
        unsourced: Choice = "pending",
        max_age: timedelta | None = None,
        patience: float = 8.0,
    ) -> None:
        self.unavailable = unavailable
        self.unsourced = unsourced
        self.max_age = max_age
        self._shelf = Shelf(store)
        self.asking = None if fetch is None else Asking(fetch, self._shelf, max_age=max_age, patience=patience)
        self._remembered: dict[tuple[str, str, int], _Remembered] = {}
        self._kept: set[tuple[str, ...]] = set()

    async def standings(self, path: Path, trust: TrustStore, at: datetime) -> tuple[Standing, ...]:
        """Leaf first, without the anchor. Raises ``Deferred('ledger-unavailable')`` when the store is away."""
        await self._shelf.compare()
        found = [self._recall(link, trust.revision, at) for link in path.links]
        if None in found:
            found = list(await asyncio.gather(*(self.judge(link, trust, at) for link in path.links)))
        standings = tuple(one for one in found if one is not None)
        if self._shelf.store is not None:
            await self._keep_evidence(self._shelf.store, path, standings, trust)
        return standings

    def _recall(self, link: Link, revision: int, at: datetime) -> Standing | None:
        kept = self._remembered.get((link.sha256, link.authority, revision))
        if kept is None or kept.version != self._shelf.version(link) or not kept.since <= at <= kept.until:
            return None
        return None if clock.monotonic() > kept.forget_at else kept.standing

    async def judge(self, link: Link, trust: TrustStore, at: datetime) -> Standing:
        """One certificate, from everything in hand and, where that does not tell, from its issuer."""
        version = self._shelf.version(link)
        configured, reason = _configured(link, trust)
        retry_after = UNKNOWN_SECONDS
        weighed = self._weigh(link, [*configured, *await self._in_hand(link)], at)
        named = sources(link.certificate)
        if weighed.revoked is None and not weighed.fresh and named:
            if self.asking is None:
                reason = reason or "issuers are not asked here"
            else:
                asked, retry_after = await self.asking.ask(link, named)
                reason = "; ".join(one for one in (reason, asked) if one)
                version = self._shelf.version(link)
                weighed = self._weigh(link, [*configured, *await self._in_hand(link)], at)
        issuer, subject = fingerprint(link.issuer), common_name(link.certificate)
        judged = standing(link.sha256, issuer, subject, weighed, reason, retry_after)
        self._remember(link, trust.revision, judged, at, version)
        return judged

    async def _in_hand(self, link: Link) -> list[Held]:
        return [held for serial in ("", link.serial) if (held := await self._shelf.get(link, serial)) is not None]

    def _weigh(self, link: Link, found: list[Held], at: datetime) -> Weighed:
        return weigh(from_good_responders(found), link.certificate.serial_number, at, self.max_age)

    def _remember(self, link: Link, revision: int, judged: Standing, at: datetime, version: tuple[int, int]) -> None:
        (since, until), forget_at = _EVER, float("inf")
        if judged.status == "good":
            assert judged.this_update is not None, "good is said by an answer"
            assert judged.next_update is not None, "good is said by an answer"
            since, until = judged.this_update - SKEW, judged.next_update
            if self.max_age is not None:
                until = min(until, judged.this_update + self.max_age)
        elif judged.status != "revoked":
            since, until = at, at + timedelta(seconds=UNKNOWN_SECONDS)
            forget_at = clock.monotonic() + judged.retry_after
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[link.sha256, link.authority, revision] = _Remembered(judged, since, until, forget_at, version)

    async def _keep_evidence(
        self, store: Store, path: Path, standings: tuple[Standing, ...], trust: TrustStore
    ) -> None:
        """Before anything is accepted on the strength of it: the chain, and the configured lists that were used."""
        key = (*path.sha256s, *(one.evidence for one in standings))
        if key in self._kept:
            return
        used = {one.evidence for one in standings}
        lists = [Held(one, CONFIGURED) for one in trust.lists if one.sha256 in used]
        await store.keep_evidence(path.certificates, lists, clock.now())
        if len(self._kept) >= REMEMBERED:
            self._kept.clear()
        self._kept.add(key)


def _configured(link: Link, trust: TrustStore) -> tuple[list[Held], str]:
    """The configured lists of the link's issuer; and why one of its name is of no use, if one is not."""
    name = link.issuer.subject.public_bytes()
    named = [one for one in trust.lists if one.issuer == name]
    usable = [Held(one, CONFIGURED) for one in named if not one.defect and one.signed_by(link.issuer)]
    return usable, next((f"configured list: {one.defect}" for one in named if one.defect), "")


def from_good_responders(found: list[Held]) -> Iterable[Held]:
    """Without the answers of a responder that a list of the same issuer calls revoked (RFC 6960 §4.2.2.2.1)."""
    lists = [one.answer for one in found if isinstance(one.answer, RevocationList)]
    for held in found:
        answer = held.answer
        delegated = answer.responder.serial_number if isinstance(answer, OcspAnswer) and answer.delegated else None
        if delegated is None or not any(one.revoked(delegated) for one in lists):
            yield held

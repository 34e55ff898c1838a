"""Handing a pack out: who may have which, made on the spot, entered in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub import clock
from hub.audit import Entry, Event
from hub.evidence.container import MEDIA_TYPE, Member, length, stream
from hub.evidence.names import ASIC_MANIFEST
from hub.evidence.packing import Lies, pack
from hub.evidence.proving import Published
from hub.evidence.seal import Seal
from hub.ledger import Ledger, exchange_log
from hub.ledger.case import Case, Reader, collect
from hub.problems import Refused

# packs made at once, in each process: every one reads the whole document for its digest
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that is ready to go. ``size``: octets; iterating gives them in pieces."""

    name: str
    size: int
    members: Sequence[Member]

    media_type = MEDIA_TYPE

    def __iter__(self) -> Iterator[bytes]:
        return stream(self.members)


class Evidence:
    """``lies``: where stored octets are; ``checks``: names of the checks that an accepted document passed."""

    def __init__(
        self, ledger: Ledger, lies: Lies, published: Published, seal: Seal, checks: Sequence[str], scratch: Path
    ) -> None:
        self._ledger = ledger
        self._lies = lies
        self._published = published
        self.seal = seal
        self._checks = tuple(checks)
        self._scratch = scratch
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def take(self, envelope_id: str, reader: Reader, actor: str) -> Pack:
        """The pack of an envelope, and an entry that it was handed out. ``actor`` as in the log.

        Raises ``Refused('not-found')`` where the reader may not see the envelope, ``Deferred`` when octets are away.
        """
        async with self._turns:
            case = await self._ledger.read(collect, envelope_id, reader)
            if case is None:
                raise Refused("not-found", envelope_id)
            at = clock.now()
            arguments = (self._published, self.seal, self._lies, self._checks, at, self._scratch)
            members = await asyncio.to_thread(pack, case, *arguments)
            made = Pack(f"{envelope_id}.asice", length(members), members)
        await self._ledger.write(exchange_log.append, [_taken(case, made, reader, actor, at)])
        return made


def _taken(case: Case, made: Pack, reader: Reader, actor: str, at: datetime) -> Entry:
    """``manifest``: the digest by which this very pack is known again."""
    manifest = next(one.sha256 for one in made.members if one.name == ASIC_MANIFEST)
    detail = {"complete": case.whole, "size": made.size, "manifest": manifest}
    letter = case.letter
    return Entry(
        Event.EVIDENCE_TAKEN,
        at,
        actor,
        agency_code=reader.agency or "",
        envelope_id=letter.id,
        document_id=letter.document_id,
        detail=detail,
    )

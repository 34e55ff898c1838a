"""What changes, told to open pages as it happens (Server-Sent Events, HTML Living Standard §9.2).

Only that something changed is told, never what: the page then asks for itself, with its reader's rights. One look at
the ledger serves everybody who listens at this process.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from hub import clock
from hub.ledger import Ledger, marks
from hub.ledger.bell import Bell

LOOK_SECONDS = 1.0
# proxies close what is silent for long; a session that ended is noticed as often
BEAT_SECONDS = 10.0
# an EventSource that was cut off comes back after so many milliseconds
BACK_AFTER = 5000
_ANY = "any"


class Live:
    """Those who listen at this process: at most ``most``, of one person at most ``each``."""

    def __init__(self, most: int = 200, each: int = 6, beat: float = BEAT_SECONDS) -> None:
        self._most = most
        self._each = each
        self._beat = beat
        self._listeners: Counter[str] = Counter()
        self._versions: dict[str, str] = {}
        self._bell: Bell | None = None
        self._closed = False

    def close(self) -> None:
        """The process is stopping: everybody listens elsewhere from now on."""
        self._closed = True
        if self._bell is not None:
            self._bell.close()

    def has_room(self, person_id: str) -> bool:
        return not self._closed and self._listeners.total() < self._most and self._listeners[person_id] < self._each

    async def events(
        self, ledger: Ledger, person_id: str, still_open: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[str]:
        """``changed`` events as ``{"region": …, "version": …}`` until the session ends: first how it stands."""
        self._listeners[person_id] += 1
        try:
            async for event in self._told(self._bell_over(ledger), still_open):
                yield event
        finally:
            self._listeners[person_id] -= 1
            if not self._listeners[person_id]:
                del self._listeners[person_id]

    async def _told(self, bell: Bell, still_open: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        told: dict[str, str] = {}
        yield f"retry: {BACK_AFTER}\n\n"
        asked_at = clock.monotonic()
        while not self._closed:
            event = bell.expect(_ANY)
            fresh = {region: one for region, one in self._versions.items() if told.get(region) != one}
            yield "".join(_changed(region, version) for region, version in fresh.items()) or ": here\n\n"
            told |= fresh
            await bell.wait(event, self._beat)
            if clock.monotonic() - asked_at >= self._beat:
                if not await still_open():
                    return
                asked_at = clock.monotonic()

    def _bell_over(self, ledger: Ledger) -> Bell:
        if self._bell is None:

            async def look(_waiting: list[str]) -> set[str]:
                found = {region: _version(mark) for region, mark in (await ledger.read(marks.read)).items()}
                changed, self._versions = found != self._versions, found
                return {_ANY} if changed else set()

            self._bell = Bell(look, LOOK_SECONDS)
        return self._bell


def _version(mark: str) -> str:
    """The same at every process, and no number from which a reader could tell how much is exchanged."""
    return hashlib.sha256(mark.encode()).hexdigest()[:12]


def _changed(region: str, version: str) -> str:
    return f"event: changed\ndata: {json.dumps({'region': region, 'version': version})}\n\n"

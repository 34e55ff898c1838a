"""When systems last got a token and last looked into their inboxes, to the minute: what operators ask first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import structlog

from hub import clock
from hub.ledger import Ledger, system_state
from hub.problems import Deferred

log = structlog.get_logger()

EVERY_SECONDS = 60.0
REMEMBERED = 10_000


class Sightings:
    """Writes one in a minute, for each system and process."""

    def __init__(self) -> None:
        self._noted: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def note(self, ledger: Ledger, system_id: str, what: Literal["token_at", "inbox_at"]) -> None:
        """Never fails: that a system came is worth less than what it came for."""
        now, known = clock.monotonic(), self._noted.get((system_id, what))
        if known is not None and now - known < EVERY_SECONDS:
            return
        self._noted[system_id, what] = now
        while len(self._noted) > REMEMBERED:
            self._noted.popitem(last=False)
        try:
            await ledger.write(system_state.saw, system_id, what, clock.now())
        except Deferred as error:
            log.warning("sighting.not_kept", system=system_id, reason=str(error))

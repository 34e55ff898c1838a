"""The alarm: looks, keeps alerts, sends notices. Work of the role ``sweep``; several at once do no harm.

Incidents and what intake alerted to are looked at in every round, all the rest once in ``LOOK``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from hub import clock
from hub.alerts.keeping import Keeper
from hub.alerts.notices import BATCH, Post
from hub.alerts.watches import CERTIFICATE_DAYS, COVERED, URGENT, Limits, Look, Probes, urgent, wanted
from hub.ledger import Ledger, Transaction, alarm_readings, incidents
from hub.ledger.alarm_readings import State
from hub.problems import Deferred

log = structlog.get_logger()

LOOK = timedelta(seconds=60)
_AHEAD = timedelta(days=CERTIFICATE_DAYS[0])


class Alarm:
    """``probe`` asks what the ledger does not know, once for each whole look."""

    def __init__(
        self,
        ledger: Ledger,
        keeper: Keeper,
        post: Post,
        probe: Callable[[], Awaitable[Probes]],
        limits: Limits,
        every: float = 5.0,
    ) -> None:
        self._ledger = ledger
        self._keeper = keeper
        self._post = post
        self._probe = probe
        self._limits = limits
        self._every = every

    async def run(self) -> None:
        """Looking and sending each go on while the other one waits, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._often(self.step), name="alarm")
                tasks.create_task(self._often(self.send), name="alarm notices")
        finally:
            await self._post.close()

    async def _often(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Deferred as error:
                log.warning("alarm.waiting", reason=str(error))
            await asyncio.sleep(self._every)

    async def send(self) -> None:
        """Bring all that is due. Raises ``Deferred``."""
        while await self._post.step() == BATCH:
            pass

    async def step(self, *, whole: bool = False) -> None:
        """One look; ``whole``: at everything, although somebody did so a moment ago. Raises ``Deferred``."""
        before = await self._ledger.read(alarm_readings.looked_at)
        now = clock.now()
        if whole or before is None or not before <= now < before + LOOK:
            probes = await self._probe()
            state = await self._ledger.read(alarm_readings.read, now, now + _AHEAD)
            await self._ledger.write(self._keep, Look(now, state, probes, self._limits), whole=True)
        else:
            state = State(incidents=await self._ledger.read(incidents.unclosed))
            await self._ledger.write(self._keep, Look(now, state), whole=False)

    def _keep(self, transaction: Transaction, look: Look, *, whole: bool) -> None:
        turn = alarm_readings.take_turn(transaction, look.now)
        seen, cursor = alarm_readings.seen(transaction, turn.cursor)
        if seen:
            self._keeper.note(transaction, seen, look.now)
        if not whole:
            self._keeper.keep(transaction, urgent(look), URGENT, look.now)
        elif turn.looked_at < look.now:
            # else another sweep looked later than this one
            self._keeper.keep(transaction, wanted(look), COVERED, look.now)
            self._keeper.repeat(transaction, look.now)
        if cursor != turn.cursor or whole:
            alarm_readings.end_turn(transaction, cursor, max(turn.looked_at, look.now) if whole else turn.looked_at)

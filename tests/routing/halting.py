"""Stopping real components at a seam, as a kill would: a call is reached, nothing after it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hub.broker import Broker, ClaimCheck
from hub.ledger import Ledger


class HaltingLedger:
    """A real ledger whose caller never gets past the work of this name: before it is done, or after it committed."""

    def __init__(self, ledger: Ledger, work: str, *, before: bool) -> None:
        self._ledger = ledger
        self._work = work
        self._before = before
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._halting(self._ledger.write, work, *args, **kwargs)

    async def statement(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._halting(self._ledger.statement, work, *args, **kwargs)

    async def _halting(self, run: Callable[..., Any], work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if work.__name__ != self._work:
            return await run(work, *args, **kwargs)
        answer = None if self._before else await run(work, *args, **kwargs)
        self.reached.set()
        await asyncio.Event().wait()
        return answer


class HaltingBroker:
    """A real broker whose publisher never gets past ``publish``: before anything is sent, or after the confirms."""

    def __init__(self, broker: Broker, *, before: bool) -> None:
        self._broker = broker
        self._before = before
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        confirmed = [] if self._before else await self._broker.publish(messages)
        self.reached.set()
        await asyncio.Event().wait()
        return confirmed


class RefusingBroker:
    """A real broker that does not confirm what ``refuses`` says; that is not published."""

    def __init__(self, broker: Broker, refuses: Callable[[ClaimCheck], bool]) -> None:
        self._broker = broker
        self.refuses = refuses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(self, messages: Sequence[ClaimCheck]) -> list[bool]:
        sent = [message for message in messages if not self.refuses(message)]
        confirmed = dict(zip((one.delivery_id for one in sent), await self._broker.publish(sent), strict=True))
        return [confirmed.get(message.delivery_id, False) for message in messages]


async def killed_at(reached: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Run ``work`` until it reaches the seam, then kill it there."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(reached.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert reached.is_set(), f"the seam was never reached: {task}"
    task.cancel()
    waiting.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)

"""Group commit: what many requests want written at the same moment goes into one transaction.

Each item is answered on its own. When a batch fails, its items are tried one by one, so that one bad item cannot
fail its neighbours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from hub.ledger.engine import Ledger, Transaction
from hub.problems import Deferred

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class GroupCommit(Generic[Item, Answer]):
    """``work(transaction, items)`` returns one answer an item, in order. An answer may be an exception to raise."""

    def __init__(
        self,
        ledger: Ledger,
        work: Callable[[Transaction, Sequence[Item]], Sequence[Answer | Exception]],
        *,
        single_statement: bool = False,
        most: int = 64,
        writers: int = 2,
    ) -> None:
        self._run = ledger.statement if single_statement else ledger.write
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._free = writers if ledger.dialect == "postgresql" else 1
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: Item) -> Answer:
        """Write ``item`` in some transaction soon; returns once that has committed."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._write(batch)
        finally:
            self._free += 1

    async def _write(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers: Sequence[Any] = await self._run(self._work, [item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, Deferred):
                answers = [error] * len(batch)
            else:
                for one in batch:
                    await self._write([one])
                return
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # the request was cancelled; its row is committed all the same
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

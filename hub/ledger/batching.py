"""Batches: what many ask for at the same moment is done by one worker, one after the other.

A thread hop costs more than most of what is done there, and threads that take turns at the interpreter cost each other
more still. A lone item does not wait: the first one starts a batch of one, and what comes meanwhile is the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches(Generic[Item, Answer]):
    """``run(items)`` answers once an item, in order; an answer may be an exception to raise.

    When ``run`` raises and ``shared(error)`` is false, its items are tried one by one, so that one bad item cannot
    fail its neighbours.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        most: int,
        workers: int,
        shared: Callable[[Exception], bool] = lambda _error: False,
    ) -> None:
        self._run = run
        self._most = most
        self._shared = shared
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._free = workers
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: Item) -> Answer:
        """Do ``item`` in some batch soon; returns its answer once that batch is done."""
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
                await self._work(batch)
        finally:
            self._free += 1

    async def _work(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers: Sequence[Any] = await self._run([item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or self._shared(error):
                answers = [error] * len(batch)
            else:
                for one in batch:
                    await self._work([one])
                return
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # the request was cancelled; its item is done all the same
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

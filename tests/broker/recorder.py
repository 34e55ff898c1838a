"""A handler that writes down what it was given, and claim checks to give it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from hub import clock
from hub.broker import ClaimCheck


def claims(system_id: str, count: int) -> list[ClaimCheck]:
    """Distinct claim checks; ``priority`` and ``attempt`` vary so that a mixed-up field shows."""
    return [
        ClaimCheck(
            delivery_id=clock.new_id(),
            envelope_id=clock.new_id(),
            system_id=system_id,
            recipient=f"H33.{number}",
            priority=number % 5,
            attempt=1 + number % 3,
            traceparent=f"00-{number:032x}-{number:016x}-01" if number % 2 else "",
        )
        for number in range(count)
    ]


class Recorder:
    """Keeps every batch; ``fail_first`` batches are refused after they were written down."""

    def __init__(self, fail_first: int = 0) -> None:
        self.batches: list[list[ClaimCheck]] = []
        self.failures_left = fail_first
        self.accepted: list[ClaimCheck] = []

    async def __call__(self, batch: Sequence[ClaimCheck]) -> None:
        self.batches.append(list(batch))
        if self.failures_left:
            self.failures_left -= 1
            raise RuntimeError("the handler was told to fail")
        self.accepted += batch

    @property
    def seen(self) -> set[str]:
        return {claim.delivery_id for claim in self.accepted}

    async def has(self, wanted: Sequence[ClaimCheck], seconds: float = 15.0) -> None:
        """Wait until every one of ``wanted`` was accepted; fails with the number that is missing."""
        missing = {claim.delivery_id for claim in wanted}
        deadline = time.monotonic() + seconds
        while missing - self.seen:
            assert time.monotonic() < deadline, f"{len(missing - self.seen)} of {len(wanted)} never arrived"
            await asyncio.sleep(0.02)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait until ``condition`` holds, or fail."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.05)

"""The same driver for the floor: it posts as to a hub; what is finished is what the floor's recipient says it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bench.driver import Load
from bench.letters import SENDING_SYSTEM, Body, Kind

LOOK_SECONDS = 0.005


class FloorLoad(Load):
    """``taken``: deliveries that the recipient has recorded and acknowledged since it started."""

    def __init__(self, port: int, kind: Kind, letters: list[Body], taken: Callable[[], int]) -> None:
        super().__init__(port, {}, kind, letters)
        self._taken = taken

    async def start(self) -> None:
        self._authorization[SENDING_SYSTEM] = b""
        self._known = self._taken()

    async def take(self) -> None:
        self._polls.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        """Letters are told apart by their number alone, so that no waiting time is counted for each."""
        while not self._ended:
            self.counts.deliveries = self.counts.told = self._taken() - self._known
            finished = self.counts.deliveries // self._kind.fan_out
            for _ in range(finished - self.counts.settled):
                self.counts.settled += 1
                self._in_flight.release()
            await asyncio.sleep(LOOK_SECONDS)

    def _accepted(self, envelope: str, began: float) -> None:
        self.counts.accepted += 1
        self.counts.accept.append(time.monotonic() - began)

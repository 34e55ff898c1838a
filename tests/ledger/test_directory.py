"""The cached directory over a real ledger: fast answers, and none that outlives a change of the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from hub import clock
from hub.ledger import agencies, tables
from hub.ledger.agencies import NewAgency
from hub.registry.directory import Directory
from hub.wiring import LedgerDirectory
from tests.ledger.stage import Stage


class Counting:
    """A source that counts what it is asked, and can hold an answer back after it was read."""

    def __init__(self, source: LedgerDirectory) -> None:
        self._source = source
        self.asked: list[str] = []
        self.hold: asyncio.Event | None = None
        self.holding = asyncio.Event()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*arguments: Any) -> Any:
            self.asked.append(name)
            answer = await getattr(self._source, name)(*arguments)
            if self.hold is not None and name != "revision":
                self.holding.set()
                await self.hold.wait()
            return answer

        return ask


@pytest.fixture
def source(stage: Stage) -> Counting:
    return Counting(LedgerDirectory(stage.ledger))


def suspend(stage: Stage, system_id: str) -> None:
    def change(transaction: Any) -> None:
        transaction.execute(update(tables.system).where(tables.system.c.id == system_id).values(active=False))
        agencies.raise_revision(transaction)

    stage.ledger.write_now(change)


async def test_known_answers_cost_nothing_within_a_second(source: Counting) -> None:
    directory = Directory(source)
    for _ in range(50):
        found = await directory.agencies(["H33", "H40", "none"])
        assert set(found) == {"H33", "H40"}
        assert (await directory.system_by_client("client-h33")) is not None
    assert sorted(source.asked) == ["agencies", "revision", "system_by_client"]


async def test_a_suspension_takes_hold_at_the_next_comparison(stage: Stage, source: Counting) -> None:
    directory = Directory(source)
    assert (await directory.agencies(["H33"]))["H33"].active
    before = await directory.system_by_client("client-h33")
    assert before is not None
    assert before.active
    suspend(stage, "h33")
    await directory.refresh(now=True)
    after = await directory.system_by_client("client-h33")
    assert after is not None
    assert not after.active
    assert not (await directory.agencies(["H33"]))["H33"].active


async def test_a_new_agency_is_found_although_it_was_asked_for_before(stage: Stage, source: Counting) -> None:
    directory = Directory(source)
    assert await directory.agencies(["H41"]) == {}
    stage.ledger.write_now(agencies.add, NewAgency("H41", "Cơ quan mới", "h40"), clock.now())
    await directory.refresh(now=True)
    assert set(await directory.agencies(["H41"])) == {"H41"}


@pytest.mark.parametrize("question", ["system_by_client", "agencies", "trust"])
async def test_an_answer_read_before_a_change_is_not_remembered_after_it(
    stage: Stage, source: Counting, question: str
) -> None:
    """A slow read begins, the registry changes and is compared, the slow read ends: it must not fill the cache."""
    directory = Directory(source)
    ask: dict[str, Callable[[], Awaitable[Any]]] = {
        "system_by_client": lambda: directory.system_by_client("client-h33"),
        "agencies": lambda: directory.agencies(["H33"]),
        "trust": directory.trust,
    }
    await directory.refresh(now=True)
    source.hold = asyncio.Event()
    slow = asyncio.create_task(ask[question]())
    await source.holding.wait()
    suspend(stage, "h33")
    await directory.refresh(now=True)
    source.hold.set()
    await slow
    source.hold = None
    asked = len(source.asked)
    answer = await ask[question]()
    assert source.asked[asked:] == [question], "asked again, not remembered"
    if question == "system_by_client":
        assert not answer.active


async def test_nobody_becomes_unknown_while_another_request_forgets(stage: Stage, source: Counting) -> None:
    directory = Directory(source)
    assert set(await directory.agencies(["H33"])) == {"H33"}
    source.hold = asyncio.Event()
    asking = asyncio.create_task(directory.agencies(["H33", "H40"]))
    await source.holding.wait()
    stage.ledger.write_now(agencies.raise_revision)
    await directory.refresh(now=True)
    source.hold.set()
    assert set(await asking) == {"H33", "H40"}

"""Long documents wait for each other; short ones for nobody."""

from __future__ import annotations

import asyncio

import pytest

from hub.intake.room import SHORT, Room

LONG = SHORT * 4


class Work:
    """Documents under judgement, each until it is told to end."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ends: dict[str, asyncio.Event] = {}

    async def begin(self, name: str, octets: int) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._judge(name, octets))
        await asyncio.sleep(0)

    async def _judge(self, name: str, octets: int) -> None:
        async with self.room.taken(octets):
            self.begun.append(name)
            await self.ends[name].wait()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)

    async def give_up(self, name: str) -> None:
        self.tasks[name].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.tasks[name]
        await asyncio.sleep(0)


@pytest.fixture
def work() -> Work:
    return Work(Room(2 * LONG))


async def test_more_than_there_is_room_for_wait_in_their_order(work: Work) -> None:
    for name in ("one", "two", "three", "four"):
        await work.begin(name, LONG)
    assert work.begun == ["one", "two"]
    await work.end("two")
    assert work.begun == ["one", "two", "three"]
    await work.end("one")
    assert work.begun == ["one", "two", "three", "four"]


async def test_a_short_document_passes_those_that_wait(work: Work) -> None:
    await work.begin("long", 2 * LONG)
    await work.begin("waiting", LONG)
    await work.begin("short", SHORT)
    assert work.begun == ["long", "short"]


async def test_one_longer_than_the_room_takes_all_of_it_when_its_turn_comes(work: Work) -> None:
    await work.begin("one", LONG)
    await work.begin("longest", 50 * LONG)
    await work.begin("after", LONG)
    assert work.begun == ["one"], "nobody overtakes the longest, or it would wait for ever"
    await work.end("one")
    assert work.begun == ["one", "longest"]
    await work.end("longest")
    assert work.begun == ["one", "longest", "after"]


async def test_who_gives_up_leaves_no_hole(work: Work) -> None:
    await work.begin("one", 2 * LONG)
    await work.begin("gone", 2 * LONG)
    await work.begin("next", LONG)
    await work.give_up("gone")
    await work.end("one")
    assert work.begun == ["one", "next"]
    await work.give_up("next")
    await work.begin("all", 2 * LONG)
    assert work.begun == ["one", "next", "all"]
    await work.end("all")


async def test_who_gives_up_at_the_moment_of_its_turn_gives_its_room_back(work: Work) -> None:
    await work.begin("one", 2 * LONG)
    await work.begin("gone", 2 * LONG)
    work.ends["one"].set()
    await work.tasks["one"]
    work.tasks["gone"].cancel()
    await asyncio.gather(work.tasks["gone"], return_exceptions=True)
    await work.begin("all", 2 * LONG)
    assert work.begun[-1] == "all"
    await work.end("all")

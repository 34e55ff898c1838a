"""Who is let in, who waits and who is sent away: the line by itself, then the door of a whole hub."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import clock, wiring
from hub.gateway import admission, metrics
from hub.gateway.admission import Admission
from hub.intake.room import SHORT
from hub.problems import Deferred
from tests.gateway.edge import problem
from tests.world import World

# system, turns of the loop that its work takes, turns until its client goes away (0: it stays)
Arrival = tuple[str, int, int]
ARRIVALS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 5), st.sampled_from([0, 0, 0, 1, 7, 40])), max_size=30
)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def submit(door: Admission, arrival: Arrival, begun: list[str], most: list[int]) -> None:
    system, work, _ = arrival
    async with door.turn(system, 1):
        begun.append(system)
        most.append(most[-1] + 1)
        await turns(work)
        most.append(most[-1] - 1)


@given(ARRIVALS)
@settings(max_examples=60, deadline=None)
def test_all_that_stay_get_their_turn_and_nothing_is_left_behind(arrivals: list[Arrival]) -> None:
    async def run() -> tuple[list[str], list[int], set[str]]:
        door, begun, most = Admission(), [], [0]
        tasks = [asyncio.create_task(submit(door, one, begun, most)) for one in arrivals]
        for task, (_, _, patience) in zip(tasks, arrivals, strict=True):
            if patience:
                await turns(patience)
                task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        for system in "ABC":
            door.check(system)
        async with asyncio.timeout(20), door.turn("D", 1):
            pass
        return begun, most, {one for one, _, patience in arrivals if not patience}

    begun, most, stayed = asyncio.run(run())
    for system in stayed:
        assert begun.count(system) >= sum(1 for one, _, patience in arrivals if one == system and not patience)
    assert max(most) <= admission.AT_ONCE
    assert metrics.IN_LINE._value.get() == metrics.BEING_JUDGED._value.get() == 0


def test_a_system_that_sends_many_does_not_hold_up_one_that_sends_one() -> None:
    async def run() -> list[str]:
        door, begun, most = Admission(), [], [0]
        arrivals = [("many", 3, 0)] * 200 + [("one", 3, 0)]
        await asyncio.gather(*(submit(door, one, begun, most) for one in arrivals))
        return begun

    assert asyncio.run(run()).index("one") <= admission.AT_ONCE + 1


def test_no_more_are_at_work_than_may_be_and_the_next_begins_when_one_ends() -> None:
    async def run() -> None:
        door, entered, ends = Admission(), [], asyncio.Event()

        async def hold() -> None:
            async with door.turn("A", 1):
                entered.append(1)
                await ends.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(admission.AT_ONCE + 1)]
        await turns(2 * admission.AT_ONCE)
        assert len(entered) == admission.AT_ONCE
        ends.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert len(entered) == admission.AT_ONCE + 1

    asyncio.run(run())


def test_of_those_in_line_one_begins_in_each_turn_of_the_loop() -> None:
    async def run() -> int:
        door, begun, most = Admission(), list[str](), [0]
        steps = 0

        async def relay() -> None:
            nonlocal steps
            while len(begun) < 10:
                steps += 1
                await asyncio.sleep(0)

        async with AsyncExitStack() as stack:
            await fill(stack, door)
            waiting = [asyncio.create_task(submit(door, ("A", 0, 0), begun, most)) for _ in range(10)]
            await turns(2)
        other = asyncio.create_task(relay())
        await asyncio.gather(*waiting, other)
        return steps

    assert asyncio.run(run()) >= 9


async def fill(stack: AsyncExitStack, door: Admission) -> None:
    """Be at work as often as may be."""
    for _ in range(admission.AT_ONCE):
        await stack.enter_async_context(door.turn("busy", 1))


def test_who_has_waited_too_long_lets_nobody_in_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)

    async def run() -> None:
        nonlocal now
        door = Admission()
        async with AsyncExitStack() as stack:
            await fill(stack, door)
            waiting = asyncio.create_task(submit(door, ("A", 0, 0), [], [0]))
            await turns(2)
            door.check("A")
            now += admission.PATIENCE_SECONDS
            with pytest.raises(Deferred) as caught:
                door.check("A")
            assert caught.value.code == "hub-busy"
            least, most = admission.RETRY_AFTER_SECONDS
            assert least <= caught.value.retry_after <= most
            with pytest.raises(Deferred):
                await door.turn("A", 1).__aenter__()
            door.check("B")
            async with door.turn("A", SHORT + 1):
                pass  # it has come over the line already, and waits in the room of the long ones
        await waiting
        door.check("A")

    asyncio.run(run())


def test_the_line_is_only_so_long_and_shared_by_those_in_it() -> None:
    async def run() -> None:
        door, begun = Admission(), list[str]()
        async with AsyncExitStack() as stack:
            await fill(stack, door)
            tasks = []
            for number in range(admission.MOST_IN_LINE // 2):
                tasks.append(asyncio.create_task(submit(door, ("many", 0, 0), begun, [0])))
                if not number:
                    tasks.append(asyncio.create_task(submit(door, ("one", 0, 0), begun, [0])))
            await turns(2)
            with pytest.raises(Deferred):
                door.check("many")
            door.check("one")
        await asyncio.wait_for(asyncio.gather(*tasks), 20)

    asyncio.run(run())


async def test_a_hub_at_its_limit_sends_submissions_away_and_nothing_else(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        sender, recipient = world.office(), world.office()
        letters = [sender.letter(recipient.code) for _ in range(3)]
        hub = wiring.build(world.settings)
        door: Admission = hub.application.state.gateway.admission
        transport = httpx.ASGITransport(hub.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            form = {"grant_type": "client_credentials", "client_id": sender.client_id, "client_secret": sender.secret}
            token = (await client.post("/oauth2/token", data=form)).json()["access_token"]
            client.headers = httpx.Headers({"Authorization": f"Bearer {token}", "Content-Type": "application/xml"})
            async with AsyncExitStack() as stack:
                await fill(stack, door)
                first = asyncio.create_task(client.post("/v1/envelopes", content=letters[0]))
                await asyncio.sleep(admission.PATIENCE_SECONDS + 0.3)
                assert not first.done()
                away = await client.post("/v1/envelopes", content=letters[1])
                problem(away, "hub-busy")
                assert int(away.headers["Retry-After"]) >= 1
                problem(await client.post("/v1/envelopes:check", content=letters[1]), "hub-busy")
                for path in ("/v1/inbox", "/v1/receipts", "/livez", "/metrics"):
                    assert (await client.get(path)).status_code == 200
                scraped = (await client.get("/metrics")).text
                assert "hub_submissions_in_line 1.0" in scraped
                assert 'hub_problems_total{code="hub-busy"}' in scraped
            assert (await first).status_code == 201
            assert (await client.post("/v1/envelopes", content=letters[1])).status_code == 201
        hub.inspector.close()
        hub.ledger.close()

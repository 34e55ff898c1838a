"""How many round trips to PostgreSQL an envelope costs, on a hub of four roles, each counted apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import uvloop

from bench.goals import Goal
from bench.hubs import Hub, Services, running
from bench.letters import HEADLINE, Stationery
from bench.measuring import DRAIN_SECONDS, NeverSettled
from bench.roundtrips import counting

ACCEPTED = 1000
FINISHED = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """Statements per envelope by role: accepting alone, and from the post to the last receipt read."""

    accepting: dict[str, float]
    finishing: dict[str, float]


def measure(services: Services, stationery: Stationery, accepted: int = ACCEPTED, finished: int = FINISHED) -> Asked:
    with running("roles", services, stationery) as hub:
        return uvloop.run(_measure(hub, stationery, accepted, finished))


async def _measure(hub: Hub, stationery: Stationery, accepted: int, finished: int) -> Asked:
    await _send(hub, stationery, 50, taken=True)  # connections made, statements prepared
    accepting = await _send(hub, stationery, accepted, taken=False)
    return Asked(accepting, await _send(hub, stationery, finished, taken=True))


async def _send(hub: Hub, stationery: Stationery, count: int, *, taken: bool) -> dict[str, float]:
    """Post so many as fast as they are accepted; the statements until the last answer, or the last receipt."""
    assert hub.postgresql is not None
    own = {name: hub.processes[name] for name in hub.own}
    load = hub.load(HEADLINE, hub.new_letters(stationery, HEADLINE, count))
    load.want_all(limited=taken)
    try:
        await load.start()
        if taken:
            await load.take()
        with counting(hub.postgresql, own) as statements:
            await load.send()
            while (load.counts.settled if taken else load.counts.accepted) < count:
                await load.check()
                await asyncio.sleep(0.005)
        if not taken:
            await load.take()
        if not await load.drained(DRAIN_SECONDS):
            raise NeverSettled(f"{load.counts.accepted - load.counts.settled} of {count}")
    finally:
        await load.close()
    return {name: value / count for name, value in statements.by.items()}


def shown(asked: Asked) -> str:
    def line(what: str, by: dict[str, float]) -> str:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in by.items())
        return f"{what:<44} {sum(by.values()):6.2f}: {parts}"

    return "\n".join(
        (
            "statements sent to PostgreSQL per envelope, 5 KB to 1 (what the server logged, idle polling included)",
            line("while letters are accepted and nobody takes", asked.accepting),
            line("from the post until the receipt is read", asked.finishing),
        )
    )


def goal(asked: Asked) -> Goal:
    """Of the gateway, amortised: letters that come at the same moment share a statement."""
    return Goal("SQL round trips per accepted envelope (gateway)", 2.0, 1.0, False, (asked.accepting["serve"],))

"""Rounds in which hubs and the floor take turns on the same services; figures that count are ratios within one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop

from bench.hubs import Hub, Services, running
from bench.letters import HEADLINE, Kind, Stationery
from bench.measuring import OPEN_LOOP_SHARE, Flow, Intake, OpenLoop, flow, intake, open_loop

SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One hub's turn within a round."""

    engine: str
    kind: Kind
    flow: Flow
    intake: Intake
    open_loop: OpenLoop | None  # of the production engines, with the headline's letters


Round = dict[tuple[str, Kind], Turn]
Contestant = tuple[str, Kind]


def play(
    contestants: Sequence[Contestant],
    rounds: int,
    services: Services,
    stationery: Stationery,
    show: Callable[[Turn], None],
    seconds: float = SECONDS,
) -> list[Round]:
    """Every round in the opposite order of the one before. ``show`` is called after each turn."""
    with ExitStack() as stack:
        hubs: dict[str, Hub] = {}
        for engine, _ in contestants:
            if engine not in hubs:
                hubs[engine] = stack.enter_context(running(engine, services, stationery))
                hubs[engine].stand_still()
        played = []
        for number in range(rounds):
            order = contestants if number % 2 == 0 else tuple(reversed(contestants))
            played.append(
                {(engine, kind): _turn(hubs[engine], stationery, kind, seconds, show) for engine, kind in order}
            )
        return played


def _turn(hub: Hub, stationery: Stationery, kind: Kind, seconds: float, show: Callable[[Turn], None]) -> Turn:
    hub.go_on()
    try:
        turn = uvloop.run(_measured(hub, stationery, kind, seconds))
    finally:
        hub.stand_still()
    show(turn)
    return turn


async def _measured(hub: Hub, stationery: Stationery, kind: Kind, seconds: float) -> Turn:
    flowing = await flow(hub, stationery, kind, seconds)
    accepting = await intake(hub, stationery, kind)
    opened = None
    if kind == HEADLINE and hub.engine.startswith(("production", "roles")):
        opened = await open_loop(hub, stationery, kind, OPEN_LOOP_SHARE * flowing.per_second, seconds)
    return Turn(hub.engine, kind, flowing, accepting, opened)

"""The table's cases: one kind of letter on one hub, by all three loads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvloop

from bench.hubs import Hub, Services, running
from bench.letters import Kind, Stationery
from bench.measuring import OPEN_LOOP_SHARE, Flow, Intake, OpenLoop, flow, intake, open_loop
from bench.processes import forget_peaks, peak_mib

# long letters and wide circulars are few a second: their windows are longer, and still hold few of them
LONG_WINDOW = 1.5
OPEN_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Case:
    """``peak_mib``: resident memory at most, by process with its children, while the case ran."""

    engine: str
    kind: Kind
    flow: Flow
    intake: Intake
    open_loop: OpenLoop
    peak_mib: dict[str, float]


def run(
    chosen: Sequence[tuple[str, Sequence[Kind]]],
    services: Services,
    stationery: Stationery,
    seconds: float,
    show: Callable[[Case], None],
) -> None:
    """Every engine with its kinds, each engine on a hub of its own; ``show`` is called after each case."""
    for engine, kinds in chosen:
        with running(engine, services, stationery) as hub:
            for kind in kinds:
                show(measure(hub, stationery, kind, seconds))
                stationery.forget(kind)


def measure(hub: Hub, stationery: Stationery, kind: Kind, seconds: float) -> Case:
    """Raises ``AnswerUnusable`` when anything but the expected answers comes, ``NeverSettled``."""
    return uvloop.run(_measure(hub, stationery, kind, seconds))


async def _measure(hub: Hub, stationery: Stationery, kind: Kind, seconds: float) -> Case:
    window = seconds * (LONG_WINDOW if kind.octets * kind.fan_out > 1 << 20 else 1)
    forget_peaks(hub.processes)
    flowing = await flow(hub, stationery, kind, window)
    accepting = await intake(hub, stationery, kind)
    rate = OPEN_LOOP_SHARE * flowing.per_second
    opened = await open_loop(hub, stationery, kind, rate, min(window, OPEN_SECONDS))
    return Case(hub.engine, kind, flowing, accepting, opened, peak_mib(hub.processes))

"""``python -m bench``: every engine and kind of letter, or one case; a table, and with ``--json FILE`` the figures."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

from bench.letters import KINDS, Kind, Stationery
from bench.machine import describe
from bench.measuring import Figures, Hub, letters_needed, measure
from bench.table import heading, notes, row
from tests.services import PostgreSQL, RabbitMQ
from tests.world import ROLES, World

ENGINES = ("embedded", "production", "roles", "roles, 2 serve")


class Services:
    """PostgreSQL and RabbitMQ, started for the first engine that needs them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: tuple[PostgreSQL, RabbitMQ] | None = None

    def get(self) -> tuple[PostgreSQL, RabbitMQ]:
        if self._running is None:
            self._running = self._stack.enter_context(PostgreSQL()), self._stack.enter_context(RabbitMQ())
        return self._running


@contextmanager
def running_hub(engine: str, services: Services, stationery: Stationery) -> Iterator[Hub]:
    """A fresh hub on one engine, with all parties registered."""
    environment: dict[str, str] = {}
    processes: dict[str, int] = {}
    if engine != "embedded":
        postgresql, rabbitmq = services.get()
        name = f"bench_{ENGINES.index(engine)}"
        environment["LIENTHONG_DATABASE_URL"] = postgresql.create_database(name)
        environment["LIENTHONG_BROKER_URL"] = rabbitmq.create_vhost(name)
        environment["LIENTHONG_SHARE_PORT"] = "true"
        assert postgresql.pid is not None
        assert rabbitmq.pid is not None
        processes = {"PostgreSQL": postgresql.pid, "RabbitMQ": rabbitmq.pid}
    directory = Path(tempfile.mkdtemp(prefix="lienthong-bench-"))
    try:
        with World(directory, environment) as world:
            systems = stationery.register(world.ledger)
            world.start(*(ROLES if engine.startswith("roles") else ("up",)))
            if engine == "roles, 2 serve":
                world.processes["serve 1"] = world.processes.pop("serve")
                world.start("serve")
            own = {role: process.pid for role, process in world.processes.items()}
            yield Hub(engine, world.port, systems, {**own, **processes})
    finally:
        shutil.rmtree(directory)


def run(engines: list[str], kinds: list[Kind], show: Callable[[Figures], None]) -> list[Figures]:
    """Measure every kind on every engine; ``show`` is called after each."""
    stationery = Stationery()
    results = []
    with ExitStack() as stack:
        services = Services(stack)
        for engine in engines:
            with running_hub(engine, services, stationery) as hub:
                for kind in kinds:
                    letters = stationery.letters(kind, letters_needed(kind))
                    figures = uvloop.run(measure(hub, kind, letters))
                    results.append(figures)
                    show(figures)
    return results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="again for more; all by default")
    parser.add_argument("--size", choices=["5k", "1m"], help="size of the letters; both by default")
    parser.add_argument("--fan-out", type=int, choices=[1, 26], help="recipients of a letter; both by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    sizes = {"5k": 5 * 1024, "1m": 1 << 20}
    kinds = [
        kind
        for kind in KINDS
        if (chosen.size is None or kind.octets == sizes[chosen.size]) and chosen.fan_out in (None, kind.fan_out)
    ]
    machine = describe()
    for name, value in machine.items():
        print(f"{name + ':':12} {value}")
    print("\n" + heading(), flush=True)
    results = run(chosen.engine or list(ENGINES), kinds, lambda figures: print(row(figures), flush=True))
    print("\n" + notes())
    if chosen.json:
        figures = {"machine": machine, "cases": [result.as_json() for result in results]}
        chosen.json.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

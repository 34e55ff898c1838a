"""``python -m tests.chaos``: the long form. Prints the counts; exit code 1 when a promise was broken."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from tests.chaos import faults, scenarios
from tests.chaos.books import Tally
from tests.chaos.stage import Stage, raised_stage
from tests.services import PostgreSQL, RabbitMQ

Scenario = tuple[str, Callable[[Stage], Tally]]


def chosen(seed: int, rounds: int, outage: float, only: str) -> list[Scenario]:
    """Name and work of every scenario, those of ``only`` when it is given."""
    listed: list[Scenario] = []
    for number in range(rounds):
        role = scenarios.role_of(seed, number)
        listed.append((f"kill -9 {role}", lambda stage, n=number, r=role: scenarios.kill_a_role(stage, seed + n, r)))
    listed += [
        (f"broker away {outage:.0f} s", lambda stage: scenarios.stop_the_broker(stage, seed, outage)),
        ("broker wiped", lambda stage: scenarios.wipe_the_broker(stage, seed, 100)),
        ("database away 10 s", lambda stage: scenarios.restart_the_database(stage, seed, 10)),
        ("database kill -9", lambda stage: scenarios.restart_the_database(stage, seed, 2, crash=True)),
        ("networks cut", lambda stage: faults.bad_networks(stage, seed, {"cut": 5}, 60)),
        # longer than both ends keep a connection that says nothing
        ("networks half-open", lambda stage: faults.bad_networks(stage, seed, {"half-open": 40}, 60)),
        ("networks slow", lambda stage: faults.bad_networks(stage, seed, {"slow": 10}, 60)),
        ("death at a window", lambda stage: faults.deaths(stage, seed, 10)),
        ("two of each", lambda stage: faults.two_of_each(stage, seed, 100)),
    ]
    return [one for one in listed if only in one[0]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=10, help="kills, a role each in turn")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds without the broker")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    results: list[tuple[str, Tally]] = []
    failures = []
    with (
        tempfile.TemporaryDirectory(prefix="lienthong-chaos-") as directory,
        PostgreSQL() as postgresql,
        RabbitMQ() as rabbitmq,
        raised_stage(Path(directory), postgresql, rabbitmq, "chaos", linked=True) as stage,
    ):
        for name, run in chosen(arguments.seed, arguments.rounds, arguments.outage, arguments.only):
            began = time.monotonic()
            counts = run(stage)
            results.append((name, counts))
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
            try:
                counts.verify()
            except AssertionError as error:
                failures.append(f"{name}: {error}")
    print("\n" + table(results))
    for failure in failures:
        print(f"BROKEN {failure}")
    return 1 if failures else 0


def table(results: list[tuple[str, Tally]]) -> str:
    """One column a scenario kind, one row a count; the last column is the sum."""
    columns: dict[str, Tally] = {}
    for name, counts in results:
        columns[name] = columns.get(name, Tally()) + counts
    columns["all"] = sum((counts for _, counts in results), Tally())
    labels = [one.name for one in fields(Tally) if one.name != "remarks"]
    wide = max(map(len, labels))
    lines = [" " * wide + "".join(f"  {name:>18}" for name in columns)]
    for label in labels:
        cells = "".join(f"  {getattr(counts, label):>18}" for counts in columns.values())
        lines.append(f"{label.replace('_', ' '):<{wide}}{cells}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

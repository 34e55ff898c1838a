"""``python -m bench.volume``: large shapes on PostgreSQL and RabbitMQ: many queues, a large directory, a circular.

Prints one line a figure; ``--only NAME`` for one of them. Starts its own services; leaves nothing.
"""

from __future__ import annotations

import argparse
import csv
import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from bench import resident
from bench.machine import describe
from bench.processes import cpu_seconds
from hub.ledger import Transaction, agencies, agency_tree, registration
from hub.ledger.tables import agency, delivery
from tests.services import PostgreSQL, RabbitMQ
from tests.world import World, eventually

SYSTEMS = 1_000
ENTRIES = 120_000
RECIPIENTS = 5_000
IDLE_SECONDS = 10.0
PATIENCE = 600.0


class Trial:
    """A hub of one process with its services."""

    def __init__(self, world: World, postgresql: PostgreSQL, rabbitmq: RabbitMQ) -> None:
        self.world = world
        self._services = {"PostgreSQL": postgresql.pid, "RabbitMQ": rabbitmq.pid}

    def say(self, what: str, value: float, unit: str) -> None:
        print(f"{what:<58} {value:10.1f} {unit}", flush=True)

    def timed(self, what: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        self.say(what, time.monotonic() - began, "s")

    def at_rest(self) -> None:
        """Processor and memory of those who have nothing to do."""
        everyone = {"hub": self.world.processes["up"].pid, **{name: pid or 0 for name, pid in self._services.items()}}
        before = cpu_seconds(everyone)
        time.sleep(IDLE_SECONDS)
        after = cpu_seconds(everyone)
        for name in everyone:
            self.say(f"  {name}, idle", 100 * (after[name] - before[name]) / IDLE_SECONDS, "% of a core")
        for name in ("hub", "RabbitMQ"):
            self.say(f"  {name}, resident", resident.resident(everyone[name]) or 0.0, "MiB")

    def in_state(self, *states: str) -> int:
        counted = select(func.count()).select_from(delivery).where(delivery.c.state.in_(states))
        found: int = self.world.ledger.read_now(lambda transaction: transaction.execute(counted).scalar_one())
        return found


def registered(world: World, count: int, systems: int) -> list[str]:
    """So many agencies, served by so many systems in turn."""
    codes = [f"V{number:05d}" for number in range(count)]

    def every(transaction: Transaction) -> None:
        for number in range(systems):
            registration.add_system(transaction, f"volume {number}", "pull")
        for number, code in enumerate(codes):
            registration.add_agency(transaction, code, f"Cơ quan {code}", f"volume {number % systems}")

    world.ledger.write_now(every)
    return codes


def queues(trial: Trial) -> None:
    """Every system of a country has a queue; one courier consumes all of them."""
    world = trial.world
    world.start("up")
    sender = world.office()
    print("one system:")
    trial.at_rest()
    codes = registered(world, SYSTEMS, SYSTEMS)
    print(f"{SYSTEMS} systems:")
    began = time.monotonic()
    sender.client.post_envelope(sender.letter(*codes))
    eventually(lambda: trial.in_state("ready") == SYSTEMS, PATIENCE, every=0.2)
    trial.say(f"  a letter to all, from the post until {SYSTEMS} inboxes", time.monotonic() - began, "s")
    trial.at_rest()


def circular(trial: Trial) -> None:
    """One letter to thousands."""
    world = trial.world
    world.start("up")
    sender = world.office()
    letter = sender.letter(*registered(world, RECIPIENTS, 20))
    sender.client.post_envelope(sender.letter("V00000"))
    trial.timed(f"a circular to {RECIPIENTS}, accepted", lambda: sender.client.post_envelope(letter))
    trial.timed(
        f"  and then in {RECIPIENTS} inboxes",
        lambda: eventually(lambda: trial.in_state("ready") == RECIPIENTS + 1, PATIENCE, every=0.1),
    )


def directory(trial: Trial) -> None:
    """Every agency of a country, imported by the command line."""
    world = trial.world
    world.system("volume")
    file = world.directory / "agencies.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["code", "name", "system", "parent", "aliases", "certificate"])
        for number in range(ENTRIES):
            parent = f"W{number // 100 - 1:06d}" if number >= 100 else ""
            writer.writerow([f"W{number:06d}", f"Cơ quan số {number}", "volume", parent, "", ""])
    command = [sys.executable, "-m", "hub", "agency", "import", str(file), "--data", str(world.settings.data_dir)]
    trial.timed(f"{ENTRIES} agencies imported", lambda: subprocess.run(command, env=world.environment, check=True))
    read = world.ledger.read_now
    assert (
        read(lambda transaction: transaction.execute(select(func.count()).select_from(agency)).scalar_one()) == ENTRIES
    )

    def listing() -> None:
        after, seen = None, 0
        while page := read(agencies.page, after, None, 1000):
            after, seen = (page[-1].revision, page[-1].code), seen + len(page)
        assert seen == ENTRIES

    trial.timed("  listed, 1,000 a page", listing)
    newest = read(agencies.revision)
    trial.timed(
        "  what is new: nothing, asked 100 times", lambda: [read(agencies.page, (newest, "Z")) for _ in range(100)]
    )
    trial.timed(
        "  26 looked up, 100 times",
        lambda: [
            read(agencies.find, [f"W{(start * 997 + step) % ENTRIES:06d}" for step in range(26)])
            for start in range(100)
        ],
    )
    trial.timed(
        "  a part of a name looked for, 10 times",
        lambda: [read(agencies.page, None, f"số {one}99") for one in range(10)],
    )
    for words in ("co quan so", "so 1199", "khong co"):
        trial.timed(f"  {words!r} looked for, 10 times", functools.partial(_ten_times, read, words))


def _ten_times(read: Callable[..., object], words: str) -> None:
    for _ in range(10):
        read(agency_tree.search, words)


CASES: dict[str, Callable[[Trial], None]] = {"circular": circular, "queues": queues, "directory": directory}


@contextmanager
def raised(name: str) -> Iterator[Trial]:
    with (
        tempfile.TemporaryDirectory(prefix="lienthong-volume-") as place,
        PostgreSQL() as postgresql,
        RabbitMQ() as node,
    ):
        environment = {
            "LIENTHONG_DATABASE_URL": postgresql.create_database(name),
            "LIENTHONG_BROKER_URL": node.create_vhost(name),
        }
        with World(Path(place), environment) as world:
            yield Trial(world, postgresql, node)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.volume", description=__doc__)
    parser.add_argument("--only", choices=CASES, action="append")
    for name, value in describe().items():
        print(f"{name + ':':12} {value}")
    for name in parser.parse_args().only or CASES:
        with raised(name) as trial:
            CASES[name](trial)
    return 0


if __name__ == "__main__":
    sys.exit(main())

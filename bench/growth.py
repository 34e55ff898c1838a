"""``python -m bench.growth``: accepting, inbox, auditor's search and pages from 0 to 10 million envelopes.

Makes a PostgreSQL ledger of each size (``bench/growth_rows.py``), runs a hub over the empty one and one over the
full one at the same time, and sends real signed letters through both in turn, so that what else the machine does
meets both alike. Prints the curve, each step as a ratio to the empty ledger, and the verdicts: flat within 20 %,
pages under 200 ms. Starts its own services; leaves nothing. 10 million take some 35 GB and the better part of an hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.audit import percentile
from bench.growth_measuring import Laps, Site, Slow, questions, screens, shuffled, site
from bench.growth_rows import DIRECTORY, grow
from bench.machine import describe
from hub.ledger import Ledger, migration
from tests.services import PostgreSQL, RabbitMQ

STEPS = (0, 100_000, 1_000_000, 3_000_000, 10_000_000)
ROUNDS = 6
FLAT = 0.20
LIMIT_MS = 200.0
OPERATIONS = ("accept", "deliverable", "inbox", "settle")


@dataclass
class Step:
    """One size of ledger: its laps and, of the same rounds, the empty ledger's."""

    letters: int
    size: int  # octets of the database
    laps: Laps
    empty: Laps
    idle: dict[str, float]
    questions: list[Slow] = field(default_factory=list)
    screens: list[Slow] = field(default_factory=list)

    def ratio(self, operation: str, share: float) -> float:
        return percentile(getattr(self.laps, operation), share) / percentile(getattr(self.empty, operation), share)

    def flat(self) -> bool:
        """At the median, where the noise of a shared machine does not decide."""
        return all(self.ratio(operation, 0.5) <= 1 + FLAT for operation in ("accept", "inbox"))

    def over(self) -> list[Slow]:
        return [one for one in (*self.questions, *self.screens) if one.p95 > LIMIT_MS]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "flat": self.flat(), "over_limit": [one.what for one in self.over()]}


class Curve:
    """A PostgreSQL server and a broker; one database for each size of ledger."""

    def __init__(self, stack: ExitStack, address: str, pid: int, directory: int) -> None:
        self._stack = stack
        self._address = address
        self._pid = pid
        self._directory = directory
        self._broker = stack.enter_context(RabbitMQ())
        self._empty: Site | None = None

    def database(self, letters: int, name: str = "") -> str:
        """The URL of a filled ledger; made now if the server has none of this size."""
        name = name or f"growth_{letters}"
        url = f"{self._address.rpartition('/')[0]}/{name}"
        with psycopg.connect(self._address, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                return url
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        ledger = Ledger.postgresql(url, 2)
        migration.upgrade(ledger)
        began = time.monotonic()
        with psycopg.connect(url) as connection:
            grow(connection, letters, self._directory)
        print(f"{letters:>10,} letters made in {time.monotonic() - began:.0f} s", flush=True)
        migration.upgrade(ledger)  # transactions go on from behind the newest entry
        ledger.close()
        return url

    def _site(self, stack: ExitStack, url: str) -> Site:
        ledger = Ledger.postgresql(url, 2)
        migration.upgrade(ledger)
        ledger.close()
        with psycopg.connect(url) as connection:
            # of a run before this one, where the server is kept
            connection.execute("UPDATE system SET name = name || id WHERE name = 'auditor'")
        vhost = self._broker.create_vhost(url.rpartition("/")[2])
        environment = {"LIENTHONG_DATABASE_URL": url, "LIENTHONG_BROKER_URL": vhost}
        return stack.enter_context(site(environment, self._pid))

    def empty(self) -> Site:
        """The ledger without history beside which every step is measured."""
        if self._empty is None:
            self._empty = self._site(self._stack, self.database(0, "growth_empty"))
        return self._empty

    def step(self, letters: int, rounds: int, *, look: bool) -> Step:
        """A hub over so many letters beside one over none, in turn; then questions and pages with no hub running."""
        with ExitStack() as stack:
            pair = self._site(stack, self.database(letters)), self.empty()
            for one in pair:
                one.start()
                stack.callback(one.stop)
            for _ in range(rounds):
                for one in shuffled(pair):
                    one.lap()
            pair[1].stop()
            found = Step(letters, self._size(letters), pair[0].laps, pair[1].laps, pair[0].idle())
        if look:
            found.questions, found.screens = questions(self.database(letters)), screens(self.database(letters))
        return found

    def _size(self, letters: int) -> int:
        with psycopg.connect(self.database(letters)) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])


def heading() -> str:
    names = "".join(f"{name + ' p50':>17}{'p95':>8}{'ratio':>7}" for name in OPERATIONS)
    return f"{'letters':>10}{'GB':>7}{names}{'db cpu':>9}{'ratio':>7}   idle: hub, database"


def row(step: Step) -> str:
    shown = f"{step.letters:>10,}{step.size / 1e9:>7.1f}"
    for name in OPERATIONS:
        times = getattr(step.laps, name)
        shown += f"{percentile(times, 0.5):>17.1f}{percentile(times, 0.95):>8.1f}{step.ratio(name, 0.5):>7.2f}"
    median = statistics.median(step.laps.database)
    shown += f"{median:>9.2f}{median / statistics.median(step.empty.database):>7.2f}"
    return f"{shown}   {step.idle['hub']:.0f} %, {step.idle['PostgreSQL']:.0f} %"


def verdicts(steps: Sequence[Step]) -> list[str]:
    """What the curve says, and every question or page that is too slow."""
    said = []
    for step in steps:
        slow = sorted((*step.questions, *step.screens), key=lambda one: -one.p95)
        said.append(f"{step.letters:>10,}: {'flat' if step.flat() else 'NOT FLAT'} within {FLAT:.0%} of the empty one")
        if slow:
            counted = f"{len(step.questions)} kinds of question, {len(step.screens)} pages; over {LIMIT_MS:.0f} ms"
            said.append(f"            {counted} at p95: {len(step.over())}; the slowest:")
            said += [
                f"            {one.p95:7.0f} ms (p50 {one.p50:.0f})  {one.what}"
                for one in slow[: max(5, len(step.over()))]
            ]
    return said


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--steps", default=",".join(map(str, STEPS)), help="sizes, in letters")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of either ledger, in turn")
    parser.add_argument("--directory", type=int, default=DIRECTORY, help="agencies in the directory")
    parser.add_argument("--no-pages", action="store_true", help="without questions and pages")
    parser.add_argument("--server", metavar="URL", help="a PostgreSQL server, whose databases are kept")
    parser.add_argument("--pid", type=int, default=0, help="of that server, for its processor time")
    parser.add_argument("--fill-only", action="store_true", help="make the ledgers and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    machine = describe()
    print("\n".join(f"{name + ':':12} {value}" for name, value in machine.items()), flush=True)
    sizes = [int(one) for one in chosen.steps.split(",")]
    with ExitStack() as stack:
        if chosen.server is None:
            server = stack.enter_context(PostgreSQL())
            chosen.server, chosen.pid = server.url, server.pid
        curve = Curve(stack, chosen.server, chosen.pid, chosen.directory)
        for letters in sizes:
            curve.database(letters)
        if chosen.fill_only:
            return 0
        print(heading(), flush=True)
        steps = []
        for letters in sizes:
            steps.append(curve.step(letters, chosen.rounds, look=not chosen.no_pages))
            print(row(steps[-1]), flush=True)
    print("\n".join(verdicts(steps)))
    if chosen.json:
        figures = {"machine": machine, "steps": [step.as_json() for step in steps]}
        chosen.json.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(not all(step.flat() and not step.over() for step in steps))


if __name__ == "__main__":
    sys.exit(main())

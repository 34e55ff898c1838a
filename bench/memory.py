"""``python -m bench.memory``: what long documents cost the gateway in memory, beside the goals; ``--json FILE``.

A real hub in processes of its own, on the production engine by default. Before each case the kernel's peak of the
resident set (``VmHWM``) is put back to what it is now; after the case the difference to the idle hub is what the case
took at most. The gateway's children, which look into PDFs, are told apart and are in the sum. Leaves with 1 when a goal
is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.machine import describe
from bench.resident import Family
from bench.uploads import MIB, Uploads
from tests.services import PostgreSQL, RabbitMQ
from tests.world import ROLES, World

AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """Octets: an attachment as a part, one of ten at once, a document with its attachment inside, a long such one."""

    part: int = 1024 * MIB
    upload: int = 200 * MIB
    inline: int = 64 * MIB
    pdf: int = 48 * MIB


@dataclass(frozen=True, slots=True)
class Goal:
    """Most MiB above idle. ``cases``: those that it is about, by name; the worst of them is the figure."""

    name: str
    must: float
    aim: float
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One case; memory in MiB. ``gateway`` and ``workers`` are above idle, ``above_idle`` is their sum."""

    case: str
    octets: int
    idle: float
    peak: float
    gateway: float
    workers: float
    above_idle: float
    seconds: float


PART, TAKEN = "a part, posted", "the same, taken"
PARTS, INSIDES = f"{AT_ONCE} parts at once", f"{AT_ONCE} documents at once"
EXPLAINED, INSIDE = "inside, explained", "inside, posted"
GOALS = (
    Goal("an attachment as a part", 64, 16, (PART, TAKEN)),
    Goal(f"{AT_ONCE} uploads at once", 400, 250, (PARTS, INSIDES)),
    # the aim says flat: what a part may cost at most
    Goal("an attachment inside", 400, 64, (EXPLAINED, INSIDE)),
)


def run(uploads: Uploads, family: Family, sizes: Sizes) -> list[Figures]:
    """Every case, each shown as it is done."""
    found: list[Figures] = []

    def measure(case: str, octets: int, work: Callable[[], None]) -> None:
        taken = family.during(work)
        found.append(
            Figures(
                case,
                octets,
                family.idle,
                taken.peak,
                taken.gateway,
                taken.workers,
                taken.gateway + taken.workers,
                taken.seconds,
            )
        )
        print(row(found[-1]), flush=True)
        uploads.empty_inbox()

    path = uploads.file(sizes.part)
    measure(PART, sizes.part, lambda: uploads.send_part(path))
    uploads.send_part(path)
    measure(TAKEN, sizes.part, lambda: uploads.take(path))
    path.unlink()
    shorter = uploads.file(sizes.upload)
    measure(PARTS, sizes.upload, lambda: uploads.send_parts(shorter, AT_ONCE))
    shorter.unlink()
    letter = uploads.inline(sizes.inline)
    measure(EXPLAINED, letter.stat().st_size, lambda: uploads.explain(letter))
    measure(INSIDE, letter.stat().st_size, lambda: uploads.post(letter))
    uploads.post(uploads.inline(sizes.inline))
    measure("inside, taken", sizes.inline, uploads.take)
    letters = [uploads.inline(sizes.upload) for _ in range(AT_ONCE)]
    measure(INSIDES, letters[0].stat().st_size, lambda: uploads.post_all(letters))
    pdf = uploads.pdf(sizes.pdf)  # last, for a worker keeps some of what it read
    measure("a PDF as a part, posted", sizes.pdf, lambda: uploads.send_part(pdf, "application/pdf"))
    return found


def judged(found: Sequence[Figures]) -> list[dict[str, object]]:
    """Each goal with the worst of its cases."""
    results: list[dict[str, object]] = []
    for goal in GOALS:
        worst = max((one for one in found if one.case in goal.cases), key=lambda one: one.above_idle)
        met = "aim" if worst.above_idle <= goal.aim else "must" if worst.above_idle <= goal.must else "missed"
        results.append(
            {
                "goal": goal.name,
                "must": goal.must,
                "aim": goal.aim,
                "figure": worst.above_idle,
                "case": worst.case,
                "met": met,
            }
        )
    return results


def heading() -> str:
    columns = f"{'gateway':>8} {'workers':>8} {'above':>6} {'time':>8}"
    return f"{'case':<26} {'octets each':>12} {'idle':>6} {'peak':>6} {columns}"


def row(figures: Figures) -> str:
    return (
        f"{figures.case:<26} {figures.octets / MIB:>8.1f} MiB {figures.idle:>6.0f} {figures.peak:>6.0f} "
        f"{figures.gateway:>8.1f} {figures.workers:>8.1f} {figures.above_idle:>6.1f} {figures.seconds:>6.1f} s"
    )


def goal_row(result: dict[str, object]) -> str:
    return (
        f"{result['goal']:<26} {result['figure']:>6.1f} MiB (must {result['must']:.0f}, aim {result['aim']:.0f}): "
        f"{result['met']}, by {result['case']}"
    )


@contextmanager
def running_hub(engine: str, sizes: Sizes) -> Iterator[tuple[World, str]]:
    """A fresh hub and the name of its process that takes documents in.

    The limits of a document and of an attachment are raised where the sizes go beyond them, and nothing else is set.
    """
    environment = {
        # base64 takes four octets for three, the document's head a few thousand
        "LIENTHONG_MAX_ENVELOPE_BYTES": str(max(64 * MIB, sizes.inline, sizes.upload * 4 // 3 + MIB)),
        "LIENTHONG_MAX_ATTACHMENT_BYTES": str(max(1024 * MIB, sizes.part)),
    }
    directory = Path(tempfile.mkdtemp(prefix="lienthong-memory-"))
    try:
        with ExitStack() as stack:
            if engine == "production":
                environment["LIENTHONG_DATABASE_URL"] = stack.enter_context(PostgreSQL()).create_database("memory")
                environment["LIENTHONG_BROKER_URL"] = stack.enter_context(RabbitMQ()).create_vhost("memory")
            world = stack.enter_context(World(directory, environment))
            roles = ROLES if engine == "production" else ("up",)
            world.start(*roles)
            yield world, roles[0]
    finally:
        shutil.rmtree(directory)


def main(arguments: Sequence[str] | None = None) -> int:
    default = Sizes()
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--engine", choices=("production", "embedded"), default="production")
    for name, text in (
        ("part", "the attachment sent as a part"),
        ("upload", f"one of {AT_ONCE} at once"),
        ("inline", "the document with its attachment inside"),
        ("pdf", "the attachment that is looked into"),
    ):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name) // MIB, metavar="MIB", help=text)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args(arguments)
    sizes = Sizes(*(getattr(chosen, name) * MIB for name in ("part", "upload", "inline", "pdf")))
    machine = describe()
    print("\n".join(f"{name + ':':12} {value}" for name, value in machine.items()) + "\n\n" + heading(), flush=True)
    with running_hub(chosen.engine, sizes) as (world, role):
        uploads = Uploads(world)
        uploads.warm_up()
        found = run(uploads, Family(world.processes[role].pid), sizes)
    goals = judged(found)
    print("\n" + "\n".join(map(goal_row, goals)))
    if chosen.json:
        whole = {"machine": machine, "engine": chosen.engine, "goals": goals, "cases": [asdict(one) for one in found]}
        chosen.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(any(goal["met"] == "missed" for goal in goals))


if __name__ == "__main__":
    sys.exit(main())

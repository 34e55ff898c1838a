"""``python -m bench.profile``: where each role's time goes under load, as text; needs py-spy and leave to trace.

Starts a hub of four roles on PostgreSQL and RabbitMQ, lets 5 KB letters flow to one recipient each, samples every
role (waiting excluded) and adds up by room, by file and by function. py-spy traces processes that are not its own
children: as root, or where ``kernel.yama.ptrace_scope`` is 0.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench.hubs import Hub, Services, running
from bench.letters import FANNED, HEADLINE, Kind, Stationery
from bench.machine import describe
from bench.measuring import WARM_UP_SECONDS, rate_bound

HERTZ = 100
MOST = 12
# what is below everything says nothing of where time goes
OUTERMOST = ("hub/cli/", "hub/__main__.py")
THROUGH = (*OUTERMOST, "hub/ledger/engine.py", "hub/gateway/trace.py", "hub/gateway/patience.py")
LOOP = "servers, event loop, threads between two pieces of work"
Stack = tuple[list[str], int]
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)$")


class NotAllowed(Exception):
    """py-spy is missing or may not look into another process here."""


def recorder() -> str:
    """The program, beside the interpreter that runs this. Raises ``NotAllowed``."""
    program = Path(sys.executable).parent / "py-spy"
    if not program.exists():
        raise NotAllowed("py-spy is not installed beside this interpreter (make bench installs it)")
    return str(program)


async def sample(hub: Hub, stationery: Stationery, kind: Kind, seconds: int, directory: Path) -> None:
    """Record every role of the hub, to a file by its name, while letters flow. Raises ``NotAllowed``."""
    load = hub.load(kind, hub.new_letters(stationery, kind, int(rate_bound(kind) * (seconds + 6))))
    try:
        await load.start()
        await load.take()
        await load.send()
        await asyncio.sleep(WARM_UP_SECONDS)
        await asyncio.gather(*(_record(hub.processes[role], seconds, directory / role) for role in hub.own))
        await load.check()
        load.stop_sending()
        await load.drained(60)
    finally:
        await load.close()


async def _record(pid: int, seconds: int, file: Path) -> None:
    command = [recorder(), "record", "-p", str(pid), "-d", str(seconds), "-r", str(HERTZ), "-F", "--nonblocking"]
    command += ["--full-filenames", "-f", "raw", "-o", str(file)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, said = await process.communicate()
    if process.returncode:
        raise NotAllowed(f"py-spy may not look into process {pid}: {said.decode()[-300:].strip()}")


def stacks(lines: Iterable[str]) -> list[Stack]:
    """Frames, outermost first, as ``function (file)``, with how often they were seen."""
    found = []
    for line in lines:
        frames, _, count = line.rpartition(" ")
        found.append(([_frame(one) for one in frames.split(";")], int(count)))
    return found


def _frame(text: str) -> str:
    match = _FRAME.match(text)
    if match is None:
        return text
    return f"{match['function']} ({_short(match['file'])})"


def _short(file: str) -> str:
    """From the top package on: ``hub/ledger/engine.py``, ``lxml/…``, ``asyncio/…``."""
    for mark in ("/site-packages/", "/python3."):
        if mark in file:
            rest = file.rpartition(mark)[2]
            return rest.partition("/")[2] if mark == "/python3." else rest
    parts = Path(file).parts
    return "/".join(parts[parts.index("hub") :]) if "hub" in parts else file


def _room(frames: Sequence[str]) -> str:
    """The innermost of our rooms: what called the library that runs."""
    for frame in reversed(frames):
        file = frame.rpartition("(")[2].rstrip(")")
        if file.startswith("hub/") and not file.startswith(OUTERMOST):
            return "/".join(file.split("/")[:2])
    return LOOP


def _says_something(frame: str) -> bool:
    file = frame.rpartition("(")[2]
    return file.startswith("hub/") and not file.startswith(THROUGH)


def shares(found: Sequence[Stack]) -> tuple[int, dict[str, Counter[str]]]:
    """Samples in all; how many fell on each room (innermost of ours), function (in or below it), function (in it)."""
    rooms, inclusive, own = Counter[str](), Counter[str](), Counter[str]()
    for frames, count in found:
        rooms[_room(frames)] += count
        own[frames[-1]] += count
        for frame in {one for one in frames if _says_something(one)}:
            inclusive[frame] += count
    return sum(rooms.values()), {"rooms": rooms, "in or below": inclusive, "in itself": own}


def summary(role: str, found: Sequence[Stack], seconds: int) -> str:
    samples, by = shares(found)
    lines = [f"{role}: {samples} samples in {seconds} s"]
    for name, counted in by.items():
        lines.append(f"  {name}")
        lines += [
            f"    {100 * count / samples:5.1f} %  {what}"
            for what, count in counted.most_common(MOST)
            if count * 100 >= samples
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--engine", choices=("roles", "production", "embedded"), default="roles")
    parser.add_argument("--fan-out", type=int, choices=(HEADLINE.fan_out, FANNED.fan_out), default=HEADLINE.fan_out)
    parser.add_argument("--seconds", type=int, default=10)
    chosen = parser.parse_args(arguments)
    kind = HEADLINE if chosen.fan_out == HEADLINE.fan_out else FANNED
    print("; ".join(f"{name} {value}" for name, value in describe().items()) + f"\n{kind.name}, {chosen.engine}")
    stationery = Stationery()
    with ExitStack() as stack:
        hub = stack.enter_context(running(chosen.engine, Services(stack), stationery))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-profile-")))
        try:
            uvloop.run(sample(hub, stationery, kind, chosen.seconds, directory))
        except NotAllowed as error:
            print(error, file=sys.stderr)
            return 1
        for role in hub.own:
            found = stacks((directory / role).read_text().splitlines())
            print("\n" + summary(role, found, chosen.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m bench.memory``: what long documents cost the gateway in memory; a table, ``--json FILE`` the figures.

A real hub in a process of its own. Before each case the kernel's peak of its resident set (``VmHWM``) is put back to
what it is now; after the case the difference is what the case took at most. Leaves with 1 when a case takes more than
it may.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from adapters.client import HubClient, beside
from bench.machine import describe
from hub.envelope.writing import OutgoingAttachment
from tests.world import Office, World, eventually

MIB = 1 << 20
LINE = b"Van ban thu nghiem, khong co gia tri phap ly. 0123456789\n"
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """One case; memory in MiB."""

    case: str
    octets: int
    idle: float
    peak: float
    above_idle: float
    allowed: float | None
    seconds: float


class Gateway:
    """The hub's one process, as the kernel sees it."""

    def __init__(self, pid: int) -> None:
        self._directory = Path(f"/proc/{pid}")

    def resident(self) -> float:
        return self._field("VmRSS")

    def peak(self) -> float:
        return self._field("VmHWM")

    def forget_peak(self) -> None:
        (self._directory / "clear_refs").write_text("5")  # proc(5)

    def _field(self, name: str) -> float:
        found = re.search(rf"^{name}:\s*(\d+) kB", (self._directory / "status").read_text(), re.MULTILINE)
        assert found is not None, f"the kernel tells {name}"
        return int(found.group(1)) / 1024


class Trial:
    """A hub with one sender and one recipient; every case is measured above what the hub takes when it rests."""

    def __init__(self, directory: Path, world: World) -> None:
        self.directory = directory
        self.world = world
        self.sender, self.recipient = world.office(), world.office()
        self.gateway = Gateway(world.processes["up"].pid)
        for _ in range(20):
            self.sender.client.post_envelope(self.sender.letter(self.recipient.code))
        self.empty_inbox()
        time.sleep(1)
        self.idle = self.gateway.resident()

    def empty_inbox(self) -> None:
        client = self.recipient.client
        while taken := client.inbox(limit=100, wait=1):
            for one in taken:
                client.settle(one["delivery"])

    def measure(self, case: str, octets: int, allowed: float | None, work: Callable[[], None]) -> Figures:
        self.gateway.forget_peak()
        began = time.monotonic()
        work()
        seconds = time.monotonic() - began
        peak = self.gateway.peak()
        figures = Figures(case, octets, self.idle, peak, peak - self.idle, allowed, seconds)
        print(row(figures), flush=True)
        return figures

    def file(self, octets: int) -> Path:
        path = self.directory / f"{octets}.txt"
        with path.open("wb") as out:
            block = LINE * (MIB // len(LINE))
            left = octets
            while left:
                left -= out.write(block[:left])
        return path

    def send_part(self, path: Path) -> None:
        listed, part = beside(path, "text/plain")
        self.sender.client.post_envelope(self.sender.letter(self.recipient.code, attachments=(listed,)), [part])

    def take_files(self, path: Path) -> None:
        (delivery,) = eventually(lambda: self.recipient.client.inbox(limit=1, wait=5))
        folder = self.directory / "taken"
        folder.mkdir()
        files = self.recipient.client.content_files(delivery["envelope"], folder)
        if path.suffix == ".txt":
            (part,) = files.parts.values()
            with path.open("rb") as original:
                assert part.sha256 == hashlib.file_digest(original, "sha256").hexdigest(), "not what was sent"
        assert files.document.sha256 == delivery["sha256"]
        self.recipient.client.settle(delivery["delivery"])
        shutil.rmtree(folder)

    def explained(self, letter: bytes) -> None:
        report = self.sender.client.check_envelope(letter)
        assert report["verdict"] == "accepted", report

    def inline(self, octets: int) -> bytes:
        """A letter of about so many octets with its attachment inside."""
        content = LINE * ((octets - 8192) * 3 // 4 // len(LINE))
        attachment = OutgoingAttachment("van-ban.txt", content, "text/plain")
        return self.sender.letter(self.recipient.code, attachments=(attachment,))


def post(world: World, office: Office, letter: bytes) -> None:
    with HubClient(world.url, office.client_id, office.secret) as client:
        client.post_envelope(letter)


def run(trial: Trial, part: int, inline: int) -> list[Figures]:
    inside = 400 * inline / (64 * MIB)  # grows with the document, which stands in a tree
    path = trial.file(part)
    letter = trial.inline(inline)
    figures = [
        trial.measure("attachment as a part, posted", part, 64, lambda: trial.send_part(path)),
        trial.measure("the same, taken by its recipient", part, 64, lambda: trial.take_files(path)),
        trial.measure("attachment inside, explained", len(letter), inside, lambda: trial.explained(letter)),
        trial.measure(
            "attachment inside, posted", len(letter), inside, lambda: post(trial.world, trial.sender, letter)
        ),
        trial.measure("the same, taken by its recipient", len(letter), 64, lambda: trial.take_files(Path("inside"))),
    ]
    shorter = [trial.inline(inline // 4) for _ in range(AT_ONCE)]

    def all_at_once() -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(post, trial.world, trial.sender, one) for one in shorter]:
                done.result()

    figures.append(trial.measure(f"{AT_ONCE} at once, inside", len(shorter[0]), 1.5 * inside, all_at_once))
    return figures


def row(figures: Figures) -> str:
    allowed = "" if figures.allowed is None else f"of {figures.allowed:.0f}"
    return (
        f"{figures.case:<36} {figures.octets / MIB:>7.0f} MiB {figures.idle:>6.0f} {figures.peak:>6.0f} "
        f"{figures.above_idle:>6.0f} {allowed:<7} {figures.seconds:>6.1f} s"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--part", type=int, default=1024, metavar="MIB", help="the attachment sent as a part")
    parser.add_argument("--inline", type=int, default=64, metavar="MIB", help="the document with it inside")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args(arguments)
    machine = describe()
    print("\n".join(f"{name + ':':12} {value}" for name, value in machine.items()) + "\n")
    print(f"{'case':<36} {'octets':>11} {'idle':>6} {'peak':>6} {'above':>6} {'(MiB)':<7} {'time':>8}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="lienthong-memory-"))
    try:
        with World(directory / "world") as world:
            world.start("up")
            figures = run(Trial(directory, world), chosen.part * MIB, chosen.inline * MIB)
    finally:
        shutil.rmtree(directory)
    if chosen.json:
        whole = {"machine": machine, "cases": [asdict(one) for one in figures]}
        chosen.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return int(any(one.allowed is not None and one.above_idle > one.allowed for one in figures))


if __name__ == "__main__":
    sys.exit(main())

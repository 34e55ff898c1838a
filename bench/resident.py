"""What a process and its children hold in memory at most, as the kernel counts it (proc(5))."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.02  # seconds between two looks at children, which may end before the case does


@dataclass(frozen=True, slots=True)
class Taken:
    """MiB: ``peak`` of process and children together; what the process and its children took above idle."""

    peak: float
    gateway: float
    workers: float
    seconds: float


class Family:
    """A process that rests at the moment, with the children that it has now or starts later."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._at_rest = {one: resident(one) or 0.0 for one in (pid, *children(pid))}

    @property
    def idle(self) -> float:
        """MiB of process and children at rest."""
        return sum(self._at_rest.values())

    def during(self, work: Callable[[], None]) -> Taken:
        """The peaks of each while ``work`` runs. They need not fall together: their sum is no less than the truth."""
        for pid in (self._pid, *children(self._pid)):
            (Path(f"/proc/{pid}") / "clear_refs").write_text("5")
        peaks: dict[int, float] = {}
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(peaks, done))
        began = time.monotonic()
        watch.start()
        try:
            work()
        finally:
            seconds = time.monotonic() - began
            done.set()
            watch.join()
        above = {pid: peak - self._at_rest.get(pid, 0.0) for pid, peak in peaks.items()}
        gateway = above.pop(self._pid)
        return Taken(sum(peaks.values()), gateway, sum(above.values()), seconds)

    def _watch(self, peaks: dict[int, float], done: threading.Event) -> None:
        last = False
        while not last:
            last = done.wait(_EVERY)
            for pid in (self._pid, *children(self._pid)):
                found = peak(pid)
                if found is not None:
                    peaks[pid] = found


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text().split()]
    return found


def resident(pid: int) -> float | None:
    """MiB now; None for a process that has ended."""
    return _field(pid, "VmRSS")


def peak(pid: int) -> float | None:
    """MiB at most since the start or since the kernel was told to forget; None for a process that has ended."""
    return _field(pid, "VmHWM")


def _field(pid: int, name: str) -> float | None:
    try:
        text = (Path(f"/proc/{pid}") / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else None

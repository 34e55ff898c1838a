"""Processor time and memory of processes with all their children, from ``/proc`` (proc(5): ``stat``, ``status``)."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_KILOBYTES = re.compile(r"^(VmHWM|RssFile|RssShmem):\s*(\d+) kB", re.MULTILINE)
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system seconds so far of each root process and of all that descends from it, ended children included."""
    parents, used = _table()
    return {name: sum(used.get(pid, 0.0) for pid in _family(root, parents)) for name, root in roots.items()}


def descendants(root: int) -> list[int]:
    """The process and all that descend from it."""
    return _family(root, _table()[0])


def _family(root: int, parents: Mapping[int, int]) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in parents.items():
        children[parent].append(pid)
    found, stack = [], [root]
    while stack:
        pid = stack.pop()
        found.append(pid)
        stack += children[pid]
    return found


def forget_peaks(roots: Mapping[str, int]) -> None:
    """Put the kernel's peak of resident memory back to what it is now (proc(5), ``clear_refs``)."""
    for pid in (pid for root in roots.values() for pid in descendants(root)):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            (Path(f"/proc/{pid}") / "clear_refs").write_text("5")


def peak_mib(roots: Mapping[str, int]) -> dict[str, float]:
    """Peak resident memory (``VmHWM``) since ``forget_peaks`` of each root and its children.

    Pages that several of them map, PostgreSQL's buffers above all, are counted once: as many as one of them has.
    """
    totals = {}
    for name, root in roots.items():
        found = [one for one in map(_memory, descendants(root)) if one is not None]
        totals[name] = sum(own for own, _ in found) + max((shared for _, shared in found), default=0.0)
    return totals


def _memory(pid: int) -> tuple[float, float] | None:
    """MiB at most that are its own, and that it shares (files and shared memory, now); None when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = {name: int(value) / 1024 for name, value in _KILOBYTES.findall(status)}
    if "VmHWM" not in fields:
        return None  # it is ending
    shared = fields["RssFile"] + fields["RssShmem"]
    return max(0.0, fields["VmHWM"] - shared), shared


def _table() -> tuple[dict[int, int], dict[int, float]]:
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile; its parent has its time
        fields = text.rpartition(")")[2].split()
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(map(int, fields[11:15])) / _TICK
    return parents, used


def machine_busy_seconds() -> float:
    """What all processors together have worked since the start of the machine (``/proc/stat``), for foreign load."""
    fields = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / _TICK

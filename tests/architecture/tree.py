"""The files that the rules look at, and the shape of what a rule finds."""

from __future__ import annotations

import ast
import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("hub", "adapters")


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One place that breaks one rule."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@functools.cache
def tracked() -> tuple[str, ...]:
    """Paths, relative to the root, of all files that are committed or would be."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, check=True, capture_output=True).stdout
    names = {name for name in listing.decode("utf-8").split("\0") if name}
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


@functools.cache
def octets(path: str) -> bytes:
    return (ROOT / path).read_bytes()


def text(path: str) -> str | None:
    """The file as text; None when it is not text."""
    content = octets(path)
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


@functools.cache
def parsed(path: str) -> ast.Module:
    return ast.parse(octets(path), filename=path)


def python_files(*tops: str) -> list[str]:
    """Tracked Python files, of the given top-level directories only when any is given."""
    return [path for path in tracked() if path.endswith(".py") and (not tops or path.split("/")[0] in tops)]


def report(breaches: list[Breach]) -> str:
    return "\n" + "\n".join(str(breach) for breach in sorted(breaches))

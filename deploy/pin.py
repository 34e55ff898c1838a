"""Write the exact pins: ``constraints.txt`` (run time and build) and ``deploy/constraints-dev.txt`` (tests and checks).

Reads ``pyproject.toml``, lets pip resolve it for this interpreter, then asks pip which file it would take on every
other platform of ``PLATFORMS`` and notes the SHA-256 of each. Pins that still satisfy ``pyproject.toml`` are kept
unless ``--upgrade`` is given. Writes names, versions and hashes only: never an address. Needs pip 23 or later.

    .venv/bin/python deploy/pin.py [--upgrade]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "constraints.txt"
DEVELOPMENT = ROOT / "deploy" / "constraints-dev.txt"
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "linux-x86_64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "linux-aarch64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "macosx-arm64": ("macosx_14_0_arm64", "macosx_11_0_arm64"),
}
"""Platform tags offered to pip, best first; deploy/setup demands hashes on exactly these platforms."""

HEADER = """\
# {title}
# Exact versions with the SHA-256 of their wheels for CPython {pythons}
# on {platforms}.
# Written by deploy/pin.py from pyproject.toml; do not edit.
"""


@dataclass(slots=True)
class Pin:
    """One distribution at one version, and the SHA-256 (hex) of each of its wheels that may be installed."""

    name: str
    version: str
    everywhere: bool
    hashes: set[str] = field(default_factory=set)

    def lines(self) -> str:
        return " \\\n    ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{h}" for h in sorted(self.hashes))])


def canonical(name: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ask_pip(requirements: list[str], *options: str) -> list[Pin]:
    """What pip would install, as pins with one hash each; raises ``CalledProcessError`` when it cannot resolve."""
    with tempfile.TemporaryDirectory() as directory:
        wanted, report = Path(directory, "wanted.txt"), Path(directory, "report.json")
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary=:all:", "--report", str(report), *options, "-r", str(wanted)]
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own arguments
        chosen: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    pins = []
    for item in chosen:
        file = item["download_info"]["url"].rsplit("/", 1)[-1]
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        metadata = item["metadata"]
        pins.append(Pin(canonical(metadata["name"]), metadata["version"], file.endswith("-none-any.whl"), {digest}))
    return sorted(pins, key=lambda pin: pin.name)


def kept() -> list[str]:
    """The pins of the present files, as requirement lines without hashes."""
    text = "".join(file.read_text(encoding="utf-8") for file in (RUNTIME, DEVELOPMENT) if file.exists())
    return re.findall(r"^[a-z0-9-]+==[^\s\\]+", text, re.MULTILINE)


def resolve(requirements: list[str], fixed: list[str]) -> list[Pin]:
    """Resolve for this interpreter, holding on to ``fixed`` where that is possible."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as held:
        held.write("\n".join(fixed) + "\n")
        held.flush()
        return ask_pip(requirements, "--constraint", held.name)


def add_other_platforms(pins: list[Pin]) -> None:
    """Add the hashes of the wheels that pip would take elsewhere; pure wheels are the same everywhere."""
    bound = {pin.name: pin for pin in pins if not pin.everywhere}
    if not bound:
        return
    lines = [f"{pin.name}=={pin.version}" for pin in bound.values()]
    for python in PYTHONS:
        for platform, tags in PLATFORMS.items():
            options = ["--no-deps", "--python-version", python, "--implementation", "cp"]
            options += [option for tag in tags for option in ("--platform", tag)]
            with tempfile.TemporaryDirectory() as target:
                found = ask_pip(lines, "--target", target, *options)
            for pin in found:
                bound[pin.name].hashes |= pin.hashes
            sys.stdout.write(f"{platform} {python}: {len(found)} wheels\n")


def write(file: Path, title: str, pins: list[Pin]) -> None:
    header = HEADER.format(title=title, pythons=", ".join(PYTHONS), platforms=", ".join(PLATFORMS))
    file.write_text(header + "".join(pin.lines() + "\n" for pin in pins), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    fixed = [] if parser.parse_args().upgrade else kept()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # editables is asked for by hatchling only when it builds an editable wheel, so no metadata names it
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"]
    runtime = resolve(needed, fixed)
    both = resolve([*(f"{pin.name}=={pin.version}" for pin in runtime), *project["dependency-groups"]["dev"]], fixed)
    names = {pin.name for pin in runtime}
    development = [pin for pin in both if pin.name not in names]
    add_other_platforms([*runtime, *development])
    write(RUNTIME, "What runs and builds lienthong.", runtime)
    write(DEVELOPMENT, "What tests and checks lienthong, beside constraints.txt.", development)
    sys.stdout.write(f"{len(runtime)} distributions to run, {len(development)} more to develop\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

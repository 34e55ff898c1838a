"""A virtual environment with a peer in it, for as long as it is measured."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 600


class NotInstalled(Exception):
    """The peer could not be had; the text says why."""


@contextmanager
def installed(*requirements: str) -> Iterator[Path]:
    """The interpreter that has these. Raises ``NotInstalled``: no network, no wheel for this machine."""
    with tempfile.TemporaryDirectory(prefix="lienthong-peer-") as directory:
        run([sys.executable, "-m", "venv", directory])
        python = Path(directory, "bin", "python")
        options = ["--disable-pip-version-check", "--no-input", "--quiet", "--only-binary=:all:"]
        run([str(python), "-m", "pip", "install", *options, *requirements])
        yield python


def run(command: list[str]) -> None:
    """Raises ``NotInstalled`` with the last line that the command said."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines() or ["it said nothing"]
        raise NotInstalled(lines[-1]) from error
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"no end after {SECONDS} s") from error

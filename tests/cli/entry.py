"""The installed command ``lienthong``: run to its end, or kept running until it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.cli.command import Outcome, environment

ENTRY = Path(sys.executable).with_name("lienthong")


def run(*arguments: str | Path, **changes: str) -> Outcome:
    """One command to its end; environment variables as keywords."""
    done = subprocess.run(
        [str(ENTRY), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**environment(), **changes},
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr)


class Running:
    """A role that runs until it is told to stop."""

    def __init__(self, arguments: list[str], log: Path, changes: dict[str, str]) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [str(ENTRY), *arguments], stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment(**changes)
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_ready(self, address: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not _answers(f"{address}/readyz"):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Exit code and how many seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - started


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (HTTPError, URLError, OSError):
        return False


@contextmanager
def running(*arguments: str | Path, log: Path, **changes: str) -> Iterator[Running]:
    made = Running([str(one) for one in arguments], log, changes)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()

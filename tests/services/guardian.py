"""Outlives a test run that was killed, and ends the services that it left behind.

Run as a program: ``guardian.py DIRECTORY``. Reads lines ``watch PID SIGNAL`` and ``forget PID`` from standard input;
at its end (the caller closed it, or died in whatever way) signals what is still watched and removes DIRECTORY.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

PATIENCE_SECONDS = 5.0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end(watched: dict[int, int]) -> None:
    for pid, signal_number in watched.items():
        if _alive(pid):
            os.killpg(pid, signal_number)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(map(_alive, watched)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in filter(_alive, watched):
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    watched: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["watch", pid, signal_number]:
                watched[int(pid)] = int(signal_number)
            case ["forget", pid]:
                watched.pop(int(pid), None)
    _end(watched)
    shutil.rmtree(sys.argv[1], ignore_errors=True)  # the owner may have removed it already


if __name__ == "__main__":
    main()

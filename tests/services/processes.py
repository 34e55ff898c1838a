"""Starting foreign programs so that none survives its owner: ports, directories, accounts, process groups."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

# Below Linux's ephemeral range (32768-60999): while a service is down on purpose, no outgoing connection of another
# process can be given its port.
PORTS = range(20_000, 32_000)


class ComponentMissing(RuntimeError):
    """A program that the tests need is not installed; the message says which and how to get it."""


class ServiceFailed(RuntimeError):
    """A program was found but did not do what it should; the message ends with the tail of its log."""


def find_program(name: str, directories: Iterable[Path], package: str) -> Path:
    """The first executable ``name`` in ``directories`` or on PATH; raises ``ComponentMissing``."""
    for directory in directories:
        if os.access(directory / name, os.X_OK):
            return directory / name
    if found := shutil.which(name):
        return Path(found)
    raise ComponentMissing(f"{name} is not installed; on Debian: apt-get install --no-install-recommends {package}")


def free_port() -> int:
    """A loopback TCP port that nobody listens on at the moment."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceFailed("no free loopback port found")


def unprivileged_account(*names: str) -> pwd.struct_passwd | None:
    """The first existing account of ``names`` when we are root; None when we are not (then we run as ourselves)."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ComponentMissing(f"running as root, and no unprivileged account ({', '.join(names)}) exists")


def private_directory(prefix: str, owner: pwd.struct_passwd | None = None) -> Path:
    """A new temporary directory that ``owner`` can reach and write; the caller removes it."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    reachable = [path for path in candidates if owner is None or _everyone_may_enter(path)]
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=(reachable or candidates)[0]))
    if owner is not None:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    return directory


def _everyone_may_enter(path: Path) -> bool:
    return path.is_dir() and all(part.stat().st_mode & 0o001 for part in (path, *path.resolve().parents))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll ``condition`` until it holds or the time is over; says which."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Household:
    """The processes and the directory of one service; all of it goes when the owner goes, however that happens."""

    def __init__(self, directory: Path, account: pwd.struct_passwd | None = None) -> None:
        self.directory = directory
        self.account = account
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("guardian.py")), str(directory)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C at the terminal must not reach it
        )
        atexit.register(self.close)

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Run to its end; raises ``ServiceFailed`` with the output when it fails."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if done.returncode:
            raise ServiceFailed(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")

    def spawn(
        self,
        command: Sequence[str | Path],
        log: IO[bytes],
        environment: Mapping[str, str] | None = None,
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> subprocess.Popen[bytes]:
        """Start in its own process group; ``last_signal`` is what it gets if we die before it."""
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        self._tell(f"watch {process.pid} {int(last_signal)}")
        return process

    def end(self, process: subprocess.Popen[bytes], signal_number: signal.Signals, patience: float = 30.0) -> None:
        """Signal the process, wait for it, and kill what is left of its group."""
        if process.poll() is None:
            process.send_signal(signal_number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(patience)
        with contextlib.suppress(ProcessLookupError):  # the usual case: its children went with it
            os.killpg(process.pid, signal.SIGKILL)
        self._tell(f"forget {process.pid}")

    def close(self) -> None:
        """End the guardian, which signals whatever is still watched and removes the directory."""
        atexit.unregister(self.close)
        if self._guardian.poll() is None:
            self._guardian.communicate(timeout=30)

    def _tell(self, line: str) -> None:
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(line + "\n")
        self._guardian.stdin.flush()


def tail(path: Path, octets: int = 3000) -> str:
    """The end of a log, for a failure's message."""
    return path.read_bytes()[-octets:].decode(errors="replace") if path.exists() else "(no log)"

"""A private clamd: own signatures only (no freshclam, no network), own directory, a Unix socket and a loopback port."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.processes import (
    ComponentMissing,
    Household,
    ServiceFailed,
    find_program,
    free_port,
    private_directory,
    tail,
    unprivileged_account,
    wait_until,
)

PACKAGE = "clamav-daemon"
START_SECONDS = 30.0
TESTFILES = Path("/usr/share/clamav-testfiles")

# octets that nothing but our own signature knows; harmless, and found wherever clamd unpacks them
MARKER = b"lien-thong-malware-test-marker-7d1e"
MARKER_NAME = "LienThong.Test.Marker.UNOFFICIAL"
CLAM_NAME = "LienThong.Test.ClamExe.UNOFFICIAL"

CONFIGURATION: Mapping[str, str] = {
    "Foreground": "yes",
    "TCPAddr": "127.0.0.1",
    "AlertExceedsMax": "yes",
    "MaxThreads": "4",
    "ReadTimeout": "30",
    "SelfCheck": "0",
}


def specimens() -> list[Path]:
    """Debian's clamav-testfiles: one harmless program in 44 containers. Raises ``ComponentMissing``."""
    found = sorted(TESTFILES.glob("clam*"))
    if not found:
        raise ComponentMissing("clamav-testfiles is not installed; on Debian: apt-get install clamav-testfiles")
    return found


class Clamd:
    """One daemon; starts when made, ``close()`` (or ``with``) removes every trace. ``options`` go into clamd.conf.

    ``stop``, ``freeze`` and ``start`` keep socket and port, so that clients can find it again.
    """

    def __init__(self, **options: str) -> None:
        self._program = find_program("clamd", (Path("/usr/sbin"), Path("/usr/local/sbin")), PACKAGE)
        account = unprivileged_account("clamav", "nobody")
        self._household = Household(private_directory("lienthong-clamd-", account), account)
        self._log = self._household.directory / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = self._household.directory / "clamd.sock"
        self.port = free_port()
        try:
            self._write_signatures()
            self.configure(**options)
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def unix(self) -> str:
        return f"unix:{self.socket}"

    @property
    def tcp(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def configure(self, **options: str) -> None:
        """Write clamd.conf; counts from the next ``start``."""
        directory = self._household.directory
        places = {
            "LocalSocket": str(self.socket),
            "TCPSocket": str(self.port),
            "DatabaseDirectory": str(directory / "signatures"),
            "TemporaryDirectory": str(directory),
        }
        lines = [f"{name} {value}\n" for name, value in {**CONFIGURATION, **places, **options}.items()]
        (directory / "clamd.conf").write_text("".join(lines), encoding="utf-8")

    def start(self) -> None:
        """Start with the same signatures; returns once it answers."""
        with self._log.open("ab") as log:
            self._process = self._household.spawn(
                [self._program, f"--config-file={self._household.directory / 'clamd.conf'}"], log
            )
        if not wait_until(lambda: self._ended() or self._answers(), START_SECONDS) or self._ended():
            self.stop()
            raise ServiceFailed(f"clamd did not start:\n{tail(self._log)}")

    def stop(self) -> None:
        if self._process is not None:
            self._household.end(self._process, signal.SIGTERM)
            self._process = None

    def freeze(self) -> None:
        """Hold it still, as a hung daemon is: connections are made by the kernel and nothing answers. Then ``thaw``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.stop()
        self._household.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_signatures(self) -> None:
        """The marker anywhere in a file, and the digest of the program in Debian's test files."""
        signatures = self._household.directory / "signatures"
        signatures.mkdir()
        program = (TESTFILES / "clam.exe").read_bytes() if specimens() else b""
        digest = hashlib.sha256(program).hexdigest()
        names = MARKER_NAME.removesuffix(".UNOFFICIAL"), CLAM_NAME.removesuffix(".UNOFFICIAL")
        (signatures / "local.ndb").write_text(f"{names[0]}:0:*:{MARKER.hex()}\n", encoding="ascii")
        (signatures / "local.hsb").write_text(f"{digest}:{len(program)}:{names[1]}:73\n", encoding="ascii")

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.sendall(b"zPING\0")
                return probe.recv(16) == b"PONG\0"
            except OSError:
                return False

"""django-pyas2 end to end: two installations, SQLite and files each, the recipient behind gunicorn.

Signed messages and signed synchronous receipts (RFC 4130), SHA-256, RSA-2048, certificates checked to their anchor.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox.pki import Pki
from tests.world import eventually, free_port

SCRIPT = Path(__file__).with_name("their_as2.py")
REQUIREMENTS = ("django-pyas2", "gunicorn")
WORKERS = SENDERS = 2  # as many as processors; senders too, so that the recipient always has work


class As2:
    """The recipient's server and its senders, each of which answers a line with a line."""

    def __init__(self, server: subprocess.Popen[bytes], senders: list[subprocess.Popen[str]]) -> None:
        self._groups = [server.pid, *(sender.pid for sender in senders)]
        self._senders = senders
        for sender in senders:
            self._line(sender)

    def per_second(self, way: str, seconds: float) -> float:
        """Messages per second, all senders together. ``way``: ``whole`` or ``received``."""
        for sender in self._senders:
            assert sender.stdin is not None, "it was asked for"
            sender.stdin.write(f"{way} {seconds}\n")
            sender.stdin.flush()
        answers = [self._line(sender).split() for sender in self._senders]
        return sum(int(count) / float(spent) for count, spent in answers)

    def _line(self, sender: subprocess.Popen[str]) -> str:
        assert sender.stdout is not None, "it was asked for"
        line = sender.stdout.readline()
        if not line:
            raise AssertionError("a message did not get through; the program has said why")
        return line

    def stand_still(self) -> None:
        self._tell(signal.SIGSTOP)

    def go_on(self) -> None:
        self._tell(signal.SIGCONT)

    def _tell(self, number: signal.Signals) -> None:
        for group in self._groups:
            os.killpg(group, number)


@contextmanager
def running(python: Path, directory: Path, letter: bytes) -> Iterator[As2]:
    """Both installations, ready to send ``letter``; ``python`` has what ``REQUIREMENTS`` names."""
    port = free_port()
    keys = _keys(directory)
    (directory / "letter.xml").write_bytes(letter)
    for own, other in (("sender", "recipient"), ("recipient", "sender")):
        names = [own, keys[own], other, keys[f"{other} certificate"], keys["anchor"]]
        url = f"http://127.0.0.1:{port}/pyas2/as2receive"
        command = [str(python), str(SCRIPT), "prepare", str(directory / own), *names, url]
        subprocess.run(command, check=True)
    with ExitStack() as stack:
        gunicorn = [str(python), "-m", "gunicorn", "--workers", str(WORKERS), "--chdir", str(SCRIPT.parent)]
        gunicorn += ["--log-level", "error", "--bind", f"127.0.0.1:{port}", f"{SCRIPT.stem}:application"]
        server = subprocess.Popen(gunicorn, env=_environment(directory / "recipient"), start_new_session=True)
        stack.callback(_end, server)
        eventually(lambda: _listening(port), 60)
        senders = []
        for _ in range(SENDERS):
            senders.append(_sender(python, directory))
            stack.callback(_end, senders[-1])
        yield As2(server, senders)


def _keys(directory: Path) -> dict[str, str]:
    """Files: a key with its certificate for each side, that certificate alone, the anchors."""
    pki = Pki.create()
    files = {"anchor": pki.anchor_pem + pki.issuing.certificate_pem}
    for number, name in enumerate(("sender", "recipient"), 1):
        identity = pki.issue(f"B0{number}.01", name, key="rsa2048")
        certificate = identity.certificate.public_bytes(Encoding.PEM)
        files |= {name: identity.key_pem + certificate, f"{name} certificate": certificate}
    for name, content in files.items():
        (directory / f"{name}.pem").write_bytes(content)
    return {name: str(directory / f"{name}.pem") for name in files}


def _sender(python: Path, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(python), str(SCRIPT), "send", str(directory / "letter.xml")],
        env=_environment(directory / "sender"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _environment(directory: Path) -> dict[str, str]:
    return {**os.environ, "AS2_DIRECTORY": str(directory)}


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """The whole group: it was started as one."""
    os.killpg(process.pid, signal.SIGCONT)
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)

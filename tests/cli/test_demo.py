"""``lienthong demo`` as a newcomer meets it: sign, send, take, report, read the receipts; stop it; go on."""

from __future__ import annotations

import hashlib
import json
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.client import Profile
from adapters.sandbox.documents import simple_pdf
from hub.audit.note import NoteSigner
from tests.cli.command import PROGRAM, environment, lienthong

pytestmark = pytest.mark.timeout(240)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Demo:
    """A running demo, known by what it printed."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        arguments = ["demo", "--listen", f"127.0.0.1:{port}", "--data", str(directory), "--json"]
        self.log = (directory.parent / f"demo-{port}.log").open("wb")
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments], env=environment(), stdout=subprocess.PIPE, stderr=self.log
        )
        self.printed: dict[str, Any] = json.loads(self._first_value())

    def _first_value(self) -> str:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.decode())
            if line.rstrip() == b"}":
                return "".join(lines)
        self.process.wait(timeout=30)
        raise AssertionError(f"the demo ended before it was ready: {Path(self.log.name).read_text()[-3000:]}")

    def profile(self, code: str) -> Path:
        return self.directory / "profiles" / f"{code}.toml"

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()


@contextmanager
def running(directory: Path) -> Iterator[Demo]:
    demo = Demo(directory, free_port())
    try:
        yield demo
    finally:
        demo.close()


def until(seconds: float, what: str, look: Any) -> Any:
    """The first true answer of ``look``; fails when none came in time."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.5)
    return answer


def take(demo: Demo, code: str, directory: Path, wait: int = 20) -> list[dict[str, Any]]:
    outcome = lienthong("inbox", "--as", demo.profile(code), "--take", directory, "--wait", str(wait), "--json")
    assert outcome.code == 0, outcome.err
    taken: list[dict[str, Any]] = outcome.json
    return taken


def receipts(demo: Demo, code: str, envelope: str) -> set[tuple[str, str, str, str]]:
    outcome = lienthong("receipts", envelope, "--as", demo.profile(code), "--json")
    assert outcome.code == 0, outcome.err
    return {
        (row["kind"], row["code"] or "", row["recipient"] or "", row["description"] or "")
        for row in outcome.json["receipts"]
    }


def prove(demo: Demo, code: str, envelope: str, directory: Path) -> None:
    """The receipts are in the log, with the hub and without it; the log's key is in the profiles of the demo."""
    arguments = ("receipts", envelope, "--as", demo.profile(code), "--proofs")

    def sealed() -> list[dict[str, Any]] | None:
        outcome = lienthong(*arguments, "--json")
        assert outcome.code == 0, outcome.err
        rows: list[dict[str, Any]] = outcome.json["receipts"]
        return rows if all(row["included"] for row in rows) else None

    row = until(30, "receipts in the log", sealed)[0]
    (directory / "receipt.jws").write_text(row["jws"])
    (directory / "receipt.tlog-proof").write_text(row["log"]["proof"])
    offline = ("verify", directory / "receipt.jws", "--proof", directory / "receipt.tlog-proof")
    [key] = Profile.load(demo.profile(code)).log_keys
    outcome = lienthong(*offline, "--log-key", key, "--json")
    assert outcome.json["included"] == row["included"]
    assert lienthong(*offline).code == 2
    stranger = NoteSigner(row["included"]["origin"], Ed25519PrivateKey.generate()).log_key.text
    refused = lienthong(*offline, "--log-key", stranger)
    assert (refused.code, "[log-proof-invalid]" in refused.err) == (1, True)


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    file = tmp_path / "Công văn thử.pdf"
    file.write_bytes(simple_pdf("Công văn thử", [["xin chao", "lien thong"]]))
    return file


def test_the_demo_carries_a_letter_all_the_way_and_loses_nothing_over_a_restart(tmp_path: Path, pdf: Path) -> None:
    data = tmp_path / "data"
    with running(data) as demo:
        curl = subprocess.run(shlex.split(demo.printed["curl"]), capture_output=True, check=True, timeout=30)
        assert "H33.40.01" in curl.stdout.decode()
        password = demo.printed["password"]
        envelope = walk_a_letter(demo, tmp_path, pdf)
        before = receipts(demo, "H33.02", envelope)
        prove(demo, "H33.02", envelope, tmp_path)
        left = lienthong("send", pdf, "--to", "H33.91", "--as", demo.profile("H33.90"), "--json")
        assert left.code == 0, left.err
        until(40, "letters of the simulated systems", lambda: simulated(data) >= 3)
        until(40, "a witness that cosigned", lambda: list((data / "witness" / "state").glob("*.checkpoint")))
        assert demo.interrupt() == 0
        assert "Traceback" not in Path(demo.log.name).read_text()
    with running(data) as again:
        assert again.printed["password"] == password
        assert again.printed["colleagues"] == demo.printed["colleagues"]
        assert set(again.printed["colleagues"]) == {"quantri", "vanhanh", "kiemtoan", "baocao", "vanthu"}
        assert receipts(again, "H33.02", envelope) == before
        waiting = take(again, "H33.91", tmp_path / "later")
        assert [item["envelope"] for item in waiting] == [left.json["id"]]
        seen = simulated(data)
        until(40, "more letters after the restart", lambda: simulated(data) > seen)
        assert again.interrupt() == 0


def walk_a_letter(demo: Demo, tmp_path: Path, pdf: Path) -> str:
    """H33.02 sends to both practice agencies: one accepts and finishes, the other takes it and sends it back."""
    letter = tmp_path / "letter.edxml"
    sender = demo.profile("H33.02")
    signed = lienthong(
        "sign", pdf, "--to", "H33.90", "--to", "H33.91", "--subject", "V/v thử", "--as", sender, "-o", letter
    )
    assert signed.code == 0, signed.err
    sent = lienthong("send", letter, "--as", sender, "--json")
    assert sent.code == 0, sent.err
    repeated = lienthong("send", letter, "--as", sender, "--json").json
    assert (repeated["id"], repeated["acknowledgement"]) == (sent.json["id"], sent.json["acknowledgement"])
    envelope: str = sent.json["id"]
    deliveries = {}
    for code in ("H33.90", "H33.91"):
        (item,) = take(demo, code, tmp_path / code)
        original, attachment = map(Path, item["files"])
        assert hashlib.sha256(original.read_bytes()).hexdigest() == sent.json["sha256"]
        assert original.read_bytes() == letter.read_bytes()
        assert (attachment.name, attachment.read_bytes()) == (pdf.name, pdf.read_bytes())
        deliveries[code] = item["delivery"]
    for code, status, description in (
        ("H33.90", "03", "Đã vào sổ"),
        ("H33.90", "06", "Xong"),
        ("H33.91", "02", "Không thuộc thẩm quyền"),
    ):
        arguments = ("status", deliveries[code], status, "--description", description, "--as", demo.profile(code))
        assert lienthong(*arguments).code == 0
    expected = {
        ("status", "03", "H33.90", "Đã vào sổ"),
        ("status", "06", "H33.90", "Xong"),
        ("status", "02", "H33.91", "Không thuộc thẩm quyền"),
    }
    found = receipts(demo, "H33.02", envelope)
    assert expected <= found
    kinds = sorted((kind, recipient) for kind, _, recipient, _ in found if kind != "status")
    assert kinds == [("acknowledgement", ""), ("delivery", "H33.90"), ("delivery", "H33.91")]
    return envelope


def test_a_recipient_can_refuse_and_the_sender_reads_why(tmp_path: Path, pdf: Path) -> None:
    with running(tmp_path / "data") as demo:
        profile = demo.profile("H33.90")
        sent = lienthong("send", pdf, "--to", "H33.91", "--as", profile, "--json").json
        listing = lienthong("inbox", "--as", demo.profile("H33.91"), "--wait", "20", "--json").json
        (delivery,) = [item["delivery"] for item in listing if item["envelope"] == sent["id"]]
        reason = "Thiếu phụ lục"
        refused = lienthong("inbox", "--refuse", delivery, "--reason", reason, "--as", demo.profile("H33.91"))
        assert refused.code == 0, refused.err
        assert take(demo, "H33.91", tmp_path / "taken", wait=2) == []
        told = receipts(demo, "H33.90", sent["id"])
        assert any(recipient == "H33.91" and description == reason for _, _, recipient, description in told)
        unknown = lienthong("send", pdf, "--to", "H99.99", "--as", profile)
        assert unknown.code == 1
        assert "H99.99" in unknown.err
        assert "[recipient-unknown]" in unknown.err
        asked = lienthong("send", pdf, "--to", "H33.91", "--check", "--as", profile)
        assert (asked.code, asked.out.splitlines()[0]) == (0, "Verdict: accepted")
        doubtful = lienthong("send", pdf, "--to", "H99.99", "--check", "--as", profile)
        assert doubtful.code == 1
        assert "recipient-unknown" in doubtful.out
        assert demo.interrupt() == 0


def simulated(data: Path) -> int:
    """Letters that the simulated systems have put into their books."""
    books = [json.loads(file.read_text(encoding="utf-8")) for file in (data / "books").glob("*.json")]
    return sum(sum(book["numbers"].values()) for book in books)

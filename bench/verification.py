"""``python -m bench.verification``: our verification beside python-xmlsec's, in processor time per letter.

Ours: hardened parse, profile ``strict``, signature, digest, certificate path, revocation of every certificate in it.
Theirs: parse, signature, digest, certificate path; it knows no revocation. Both begin with the octets of a letter of
5 KB and have read the anchor before. Each side runs in a process of its own, one after the other, many times: the
figure is the median of the ratios of neighbours. Leaves with 1 when the goal is missed; where the peer cannot be
installed it says so, and shows ours alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import KeyKind, Pki
from bench.goals import Goal
from bench.machine import describe
from bench.peers.installing import NotInstalled, installed
from hub import clock
from hub.envelope.writing import Letter, OutgoingAttachment, Party, document_message
from hub.signatures.sign import sign

MUST, AIM = 1.0, 0.6
SENDER, RECIPIENT = "B01.01", "B02.01"
KEYS: tuple[KeyKind, ...] = ("rsa2048", "p256")
THEIRS = Path(__file__).with_name("peers") / "their_verifying.py"
TIMES, PAIRS, WARM_UP = 400, 15, 50


@dataclass(frozen=True, slots=True)
class Figures:
    """Microseconds of processor time per letter, medians; ``ratios`` of ours to theirs, one a pair."""

    key: str
    octets: int
    ours: float
    anew: float
    theirs: float | None
    ratios: tuple[float, ...]


class Side:
    """One process that verifies when it is told to."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = self._line()

    def microseconds(self, times: int) -> float:
        """Processor time of one verification."""
        assert self._process.stdin is not None, "it was asked for"
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        return int(self._line()) / times / 1000

    def _line(self) -> str:
        assert self._process.stdout is not None, "it was asked for"
        line = self._process.stdout.readline().strip()
        if not line:
            raise AssertionError("the letter was refused, or the program ended; it has said why")
        return line

    def close(self) -> None:
        assert self._process.stdin is not None, "it was asked for"
        self._process.stdin.close()
        self._process.wait(60)


def letter(key: KeyKind) -> tuple[bytes, Pki]:
    """A signed letter of about 5 KB, and the authorities behind it."""
    pki = Pki.create()
    sender = pki.issue(SENDER, "Cơ quan gửi", key=key)
    unsigned = Letter(
        sender=Party(sender.code, sender.name),
        recipients=(Party(RECIPIENT),),
        number="1",
        notation="UBND-VP",
        promulgated=clock.now().date(),
        subject="Về việc liên thông văn bản",
        attachments=(OutgoingAttachment("van-ban.pdf", simple_pdf("Công văn", [["Một trang"]]), "application/pdf"),),
    )
    return sign(document_message(unsigned), sender.signer), pki


@contextmanager
def sides(key: KeyKind, peer: Path | None) -> Iterator[tuple[int, list[Side]]]:
    """Octets of the letter; ours as accepting does it, ours with every path built anew, theirs where it is there."""
    body, pki = letter(key)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-bench-")))
        files = {"letter.xml": body, "anchor.pem": pki.anchor_pem, "lists.pem": pki.crls_pem}
        for name, content in files.items():
            (directory / name).write_bytes(content)
        signed, anchor, lists = (str(directory / name) for name in files)
        ours = [sys.executable, "-m", "bench.verifying", signed, anchor, lists]
        commands = [[*ours, "kept"], [*ours, "anew"]]
        if peer is not None:
            commands.append([str(peer), str(THEIRS), signed, anchor])
        started = []
        for command in commands:
            started.append(Side(command))
            stack.callback(started[-1].close)
        yield len(body), started


def measure(key: KeyKind, peer: Path | None, pairs: int = PAIRS, times: int = TIMES) -> tuple[Figures, list[str]]:
    """The figures, and who took part. Raises ``AssertionError`` when a side refuses the letter."""
    with sides(key, peer) as (octets, started):
        for side in started:
            side.microseconds(WARM_UP)
        rounds = [[side.microseconds(times) for side in started] for _ in range(pairs)]
        ours, anew, *theirs = zip(*rounds, strict=True)
        ratios = tuple(own / other for own, other in zip(ours, theirs[0], strict=True)) if theirs else ()
        middle = statistics.median
        figures = Figures(key, octets, middle(ours), middle(anew), middle(theirs[0]) if theirs else None, ratios)
        return figures, [side.name for side in started[::2]]


def row(figures: Figures) -> str:
    first = f"{figures.key:8} {figures.octets:6} {figures.ours:10.0f} {figures.anew:10.0f}"
    if figures.theirs is None:
        return f"{first} {'-':>10}"
    goal = Goal(figures.key, MUST, AIM, at_least=False, figures=figures.ratios)
    spread = f"({min(figures.ratios):.2f}-{max(figures.ratios):.2f})"
    return f"{first} {figures.theirs:10.0f}   {goal.median:.2f} {spread}  must {MUST}, aim {AIM}: {goal.verdict}"


def run(peer: Path | None, file: Path | None) -> bool:
    """Print, write; whether every goal that could be looked at is met."""
    print(f"{'key':8} {'octets':>6} {'ours, us':>10} {'anew, us':>10} {'theirs, us':>10}   ours/theirs")
    found, names = [], list[str]()
    for key in KEYS:
        figures, names = measure(key, peer)
        found.append(figures)
        print(row(figures), flush=True)
    print(f"\n{'; '.join(names)}. Processor time, medians of {PAIRS} rounds of {TIMES} letters.")
    print("Both parse, check signature, digest and the path to the anchor; ours the profile and revocation of every")
    print("certificate too. Ours remembers paths and standings, as in acceptance; in the column anew it may not.")
    if file is not None:
        whole: dict[str, Any] = {"machine": describe(), "sides": names, "cases": [asdict(one) for one in found]}
        file.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return all(statistics.median(one.ratios) <= MUST for one in found if one.ratios)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.verification", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    try:
        with installed("lxml", "xmlsec") as peer:
            return 0 if run(peer, chosen.json) else 1
    except NotInstalled as reason:
        print(f"python-xmlsec could not be installed, so there is nothing to compare with: {reason}\n")
        run(None, chosen.json)
        return 0


if __name__ == "__main__":
    sys.exit(main())

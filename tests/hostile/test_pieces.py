"""A document that is read in pieces is judged as one that is read at once, wherever a piece ends."""

from __future__ import annotations

import io

import pytest

from hub.envelope import hardening
from hub.problems import Finding, Refused
from tests.hostile.forgery import Bench
from tests.hostile.test_attacks import CORPUS

LONG = 300_000  # octets; tiny pieces of more would take their time


def found(source: bytes | io.BytesIO) -> Finding | None:
    try:
        hardening.parse(source)
    except Refused as refusal:
        return refusal.findings[0]
    return None


def told(source: bytes | io.BytesIO) -> tuple[str, str] | None:
    finding = found(source)
    return None if finding is None else (finding.code, finding.location)


@pytest.fixture(scope="module")
def read_whole() -> list[tuple[str, bytes, tuple[str, str] | None]]:
    """Every attack that is not too long: its name, its octets, what is said of it when it is read at once."""
    bench = Bench.create()
    forged = ((attack.name, attack.forge(bench)) for attack in CORPUS)
    return [(name, body, told(body)) for name, body in forged if 0 < len(body) <= LONG]


@pytest.mark.parametrize("piece", [61, 512, 4096])
def test_every_attack_is_found_with_the_same_code_and_line(
    read_whole: list[tuple[str, bytes, tuple[str, str] | None]], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardening, "PIECE", piece)
    assert len(read_whole) > 300
    for name, body, whole in read_whole:
        assert told(io.BytesIO(body)) == whole, name

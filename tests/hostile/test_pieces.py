"""A document that is read in pieces is judged as one that is read at once, wherever a piece ends."""

from __future__ import annotations

import io

import pytest

from hub.envelope import hardening
from hub.problems import Finding, Refused
from tests.hostile.forgery import Bench
from tests.hostile.test_attacks import CORPUS

LONG = 300_000  # octets; tiny pieces of more would take their time


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


def found(source: bytes | io.BytesIO) -> Finding | None:
    try:
        hardening.parse(source)
    except Refused as refusal:
        return refusal.findings[0]
    return None


@pytest.mark.parametrize("piece", [61, 512, 4096])
def test_every_attack_is_found_with_the_same_code_and_line(
    bench: Bench, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardening, "PIECE", piece)
    compared = 0
    for attack in CORPUS:
        body = attack.forge(bench)
        if 0 < len(body) <= LONG:
            whole, pieces = found(body), found(io.BytesIO(body))
            told = [None if one is None else (one.code, one.location) for one in (whole, pieces)]
            assert told[0] == told[1], attack.name
            compared += 1
    assert compared > 300

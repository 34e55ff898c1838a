"""Offline proofs (C2SP tlog-proof): what is written is read back, what holds is accepted, anything else is not."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.audit import merkle
from hub.audit.note import Checkpoint, NoteSigner, signed
from hub.audit.proof import Proof, verify

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
OTHER = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
WITNESSES = [NoteSigner(f"witness{n}.test", Ed25519PrivateKey.generate()) for n in range(2)]
LEAVES = [f"entry {n}".encode() for n in range(300)]


def nodes(level: int, first: int, count: int) -> list[bytes]:
    if level == 0:
        return [merkle.leaf_hash(one) for one in LEAVES[first : first + count]]
    return [merkle.fold(nodes(level - 1, 256 * at, 256)) for at in range(first, first + count)]


def proof_of(index: int, size: int = len(LEAVES), cosigned: int = 0, extra: bytes | None = None) -> Proof:
    checkpoint = Checkpoint("hub.test/log", size, merkle.root(size, nodes))
    lines = [one.cosign(checkpoint.text, 1_800_000_000 + n) for n, one in enumerate(WITNESSES[:cosigned])]
    note = signed(checkpoint, [LOG]) + "".join(lines)
    return Proof(index, tuple(merkle.inclusion_proof(index, size, nodes)), note, extra)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
@pytest.mark.parametrize("extra", [None, b"", b"\x00 outside"])
def test_a_written_proof_is_read_back_and_holds(index: int, extra: bytes | None) -> None:
    proof = proof_of(index, extra=extra)
    assert Proof.parse(proof.text) == proof
    found = verify(proof.text, LEAVES[index], [LOG.log_key])
    assert (found.index, found.checkpoint.size, found.witnesses) == (index, 300, {})


def test_the_text_has_the_lines_of_the_clause() -> None:
    first, index, sibling, gap, origin, *_ = proof_of(1, 2).text.split("\n")
    assert (first, index, gap, origin) == ("c2sp.org/tlog-proof@v1", "index 1", "", "hub.test/log")
    assert base64.b64decode(sibling) == merkle.leaf_hash(LEAVES[0])


def test_a_log_of_one_leaf_needs_no_path() -> None:
    assert verify(proof_of(0, 1).text, LEAVES[0], [LOG.log_key]).checkpoint.size == 1


def test_another_leaf_another_key_or_another_number_is_not_proved() -> None:
    text = proof_of(7).text
    with pytest.raises(ValueError, match="not leaf 7"):
        verify(text, LEAVES[8], [LOG.log_key])
    with pytest.raises(ValueError, match="no trusted key"):
        verify(text, LEAVES[7], [OTHER.log_key])
    with pytest.raises(ValueError, match="no trusted key"):
        verify(text, LEAVES[7], [])
    with pytest.raises(ValueError, match="not leaf 6"):
        verify(text.replace("index 7", "index 6"), LEAVES[7], [LOG.log_key])


def test_every_changed_character_of_a_proof_is_noticed() -> None:
    whole = proof_of(7, 8).text
    for place, character in enumerate(whole):
        other = "A" if character != "A" else "B"
        with pytest.raises(ValueError, match=r"\S"):
            verify(whole[:place] + other + whole[place + 1 :], LEAVES[7], [LOG.log_key])


@pytest.mark.parametrize(
    "text",
    ["", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", "c2sp.org/tlog-proof@v1\n\nx",
     "c2sp.org/tlog-proof@v1\nindex 01\n\nx", "c2sp.org/tlog-proof@v1\nindex -1\n\nx",
     "c2sp.org/tlog-proof@v1\nindex 0\nshort\n\nx", "c2sp.org/tlog-proof@v1\nextra *\nindex 0\n\nx",
     "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx"],
)  # fmt: skip
def test_text_that_is_no_proof_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"proof|base64"):
        Proof.parse(text)


def test_witnesses_count_only_when_they_are_trusted_and_signed() -> None:
    keys = [one.witness_key for one in WITNESSES]
    one = proof_of(3, cosigned=1).text
    assert verify(one, LEAVES[3], [LOG.log_key], keys, 1).witnesses == {"witness0.test": 1_800_000_000}
    with pytest.raises(ValueError, match="1 of the trusted witnesses"):
        verify(one, LEAVES[3], [LOG.log_key], keys, 2)
    with pytest.raises(ValueError, match="0 of the trusted witnesses"):
        verify(one, LEAVES[3], [LOG.log_key], keys[1:], 1)
    assert len(verify(proof_of(3, cosigned=2).text, LEAVES[3], [LOG.log_key], keys, 2).witnesses) == 2

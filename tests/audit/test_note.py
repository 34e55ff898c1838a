"""Notes, checkpoints and cosignatures: C2SP's own example, and what must not pass."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.audit import note
from hub.audit.note import Checkpoint, Note, NoteSigner, VerifierKey, opened, signed

LOG = NoteSigner("hub.test/log", Ed25519PrivateKey.generate())
WITNESS = NoteSigner("witness.test/w1", Ed25519PrivateKey.generate())
CHECKPOINT = Checkpoint("hub.test/log", 20_852_163, hashlib.sha256(b"root").digest())
NOTE = signed(CHECKPOINT, [LOG])


def test_a_signed_checkpoint_opens_with_the_key_of_its_log_and_with_no_other() -> None:
    assert opened(NOTE, [WITNESS.log_key, LOG.log_key]) == CHECKPOINT
    for keys in ([], [WITNESS.log_key], [NoteSigner("hub.test/log", Ed25519PrivateKey.generate()).log_key]):
        with pytest.raises(ValueError, match="no trusted key"):
            opened(NOTE, keys)


def test_the_key_of_another_origin_cannot_speak_for_this_log() -> None:
    with pytest.raises(ValueError, match="no trusted key"):
        opened(signed(CHECKPOINT, [WITNESS]), [WITNESS.log_key])


@pytest.mark.parametrize("old", ["20852163", "hub.test/log\n", "=\n"])
def test_any_change_of_the_text_is_noticed(old: str) -> None:
    changed = NOTE.replace(old, old.replace("2", "3").replace("=", "A=").replace("g\n", "g2\n"), 1)
    assert changed != NOTE
    with pytest.raises(ValueError, match=r"checkpoint|base64|root"):
        opened(changed, [LOG.log_key])


def test_a_cosignature_says_when_and_covers_time_and_text() -> None:
    cosigned = Note.parse(NOTE + WITNESS.cosign(CHECKPOINT.text, 1_760_000_000))
    assert cosigned.seconds_of(WITNESS.witness_key) == 1_760_000_000
    assert cosigned.signed_by(LOG.log_key)
    name, identifier, signature = cosigned.signatures[1]
    later = (1_760_000_001).to_bytes(8, "big") + signature[8:]
    forged = Note(cosigned.text, (cosigned.signatures[0], (name, identifier, later)))
    assert forged.seconds_of(WITNESS.witness_key) is None


@pytest.mark.parametrize("seconds", [0, 2**63, 2**64 - 1])
def test_a_time_that_no_witness_may_give_makes_a_cosignature_void(seconds: int) -> None:
    """C2SP tlog-cosignature: up to 2^63 - 1, and 0 stands for no time."""
    cosigned = Note.parse(NOTE + WITNESS.cosign(CHECKPOINT.text, seconds))
    assert cosigned.seconds_of(WITNESS.witness_key) is None


def test_a_log_signature_is_no_cosignature_even_with_the_same_key() -> None:
    plain = Note.parse(signed(CHECKPOINT, [WITNESS]))
    assert plain.seconds_of(WITNESS.witness_key) is None
    assert WITNESS.log_key.id != WITNESS.witness_key.id


def test_keys_survive_being_written_down() -> None:
    for key in (LOG.log_key, WITNESS.witness_key):
        assert VerifierKey.parse(key.text).text == key.text


def test_the_key_of_the_go_checksum_database_is_read() -> None:
    """A key in public use, whose key ID others computed."""
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert VerifierKey.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+AQ==", LOG.log_key.text.replace("hub.test", "hub.best"), "a b+00+AA=="],
    # every process has another key, and all must have the same tests
    ids=["empty", "no key", "no such key", "another name", "a blank in the name"],
)
def test_other_text_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a verifier key|32 bytes"):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text", ["", "text\n", "text\n\n", "text\n\nno dash\n", "text\n\n— name AAAA\n", "te\rxt\n\n— n AAAAAAAA\n"]
)
def test_other_text_is_no_note(text: str) -> None:
    with pytest.raises(ValueError, match=r"note|signature line"):
        Note.parse(text)


def test_a_name_with_a_plus_cannot_sign() -> None:
    with pytest.raises(ValueError, match="neither spaces"):
        NoteSigner("a+b", Ed25519PrivateKey.generate())
    assert note.MOST_SIGNATURES >= 16

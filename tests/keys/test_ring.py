"""Which key signs: the ring says, the setting overrules it, and no key is derived from another."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub import keyring
from hub.problems import Misconfigured
from hub.settings import Settings
from hub.signatures.jws import HubKey
from hub.signatures.keys import ring
from hub.signatures.keys.derivation import Derivation


def at(directory: Path, **more: str) -> Settings:
    return Settings(data_dir=directory, **more)  # type: ignore[arg-type]  # texts, as the environment has them


def rotated(settings: Settings, purpose: keyring.Purpose = keyring.RECEIPTS) -> str:
    """Another key signs from now on; the ring's name for it."""
    place, _ = keyring.made(settings, purpose, "")
    before = keyring.ring_of(settings, purpose)
    keyring.keep_ring(settings, purpose, replace(before, next=place).rotated())
    return place


def test_after_a_rotation_the_new_key_signs_wherever_the_directory_is_moved_to(tmp_path: Path) -> None:
    settings = at(tmp_path / "data")
    first = keyring.load_hub_key(settings)
    place = rotated(settings)
    second = keyring.load_hub_key(settings)
    assert second.kid != first.kid
    assert keyring.ring_of(settings, keyring.RECEIPTS) == ring.Ring("", place, None, ("hub-ed25519.pem",))
    for file in (settings.keys_dir / "ring.json", settings.keys_dir / place):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings.data_dir.rename(tmp_path / "elsewhere")
    assert keyring.load_hub_key(at(tmp_path / "elsewhere")).kid == second.kid


def test_a_setting_that_names_another_key_since_is_believed_more_than_the_ring(tmp_path: Path) -> None:
    settings = at(tmp_path / "data")
    keyring.load_hub_key(settings)
    rotated(settings)
    named = HubKey.load_or_create(tmp_path / "named.pem")
    assert keyring.load_hub_key(at(tmp_path / "data", hub_key=str(tmp_path / "named.pem"))).kid == named.kid


def test_while_two_log_keys_overlap_both_sign_every_checkpoint(tmp_path: Path) -> None:
    settings = at(tmp_path / "data")
    (first,) = keyring.load_signing(settings).signers
    place, _ = keyring.made(settings, keyring.LOG, "")
    prepared = replace(keyring.ring_of(settings, keyring.LOG), next=place)
    keyring.keep_ring(settings, keyring.LOG, prepared)
    before, second = keyring.load_signing(settings).signers
    assert before.log_key == first.log_key
    keyring.keep_ring(settings, keyring.LOG, prepared.rotated())
    assert [one.log_key for one in keyring.load_signing(settings).signers] == [second.log_key, first.log_key]
    keyring.keep_ring(settings, keyring.LOG, prepared.rotated().without("log-ed25519.pem"))
    assert [one.log_key for one in keyring.load_signing(settings).signers] == [second.log_key]


@pytest.mark.parametrize("content", ["", "[]", '{"receipts": {"configured": ""}}', '{"receipts": 1}'])
def test_a_damaged_ring_is_an_error_and_not_the_first_key_again(tmp_path: Path, content: str) -> None:
    settings = at(tmp_path)
    settings.keys_dir.mkdir()
    (settings.keys_dir / "ring.json").write_text(content)
    with pytest.raises(Misconfigured, match=r"ring\.json"):
        keyring.load_hub_key(settings)


def test_secrets_of_systems_stay_when_the_hubs_key_is_replaced(tmp_path: Path) -> None:
    settings = at(tmp_path)
    key = keyring.load_hub_key(settings)
    known = keyring.known_derivation(settings)
    assert known is not None
    assert not (settings.keys_dir / "derivation.secret").exists(), "only the hub's own processes make it"
    secret = keyring.load_derivation(settings, key).derived("push/ed25519/s/1")
    assert known.derived("push/ed25519/s/1") == secret
    rotated(settings)
    assert keyring.load_derivation(settings, keyring.load_hub_key(settings)).derived("push/ed25519/s/1") == secret


def test_the_first_secret_is_that_of_the_key_without_holding_the_key() -> None:
    """RFC 5869: extract and expand together are HKDF over the key's own octets, as hubs had it before."""
    private = Ed25519PrivateKey.generate()
    whole = HKDF(hashes.SHA256(), 32, salt=None, info=b"lienthong/purpose").derive(private.private_bytes_raw())
    assert Derivation.of(private).derived("purpose") == whole == HubKey(private).derived("purpose")


def test_a_secret_that_was_cut_short_is_named(tmp_path: Path) -> None:
    settings = at(tmp_path)
    key = keyring.load_hub_key(settings)
    (settings.keys_dir / "derivation.secret").write_text("abcd")
    with pytest.raises(Misconfigured, match=r"derivation\.secret"):
        keyring.load_derivation(settings, key)

"""Keys in hardware (SoftHSM): they sign, from many threads, again after they were away; what is wrong is said."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey

from adapters.client.proof import verify_receipt
from hub import clock, keyring
from hub.problems import Deferred, Misconfigured, Refused
from hub.settings import Settings
from hub.signatures.jws import HubKey, jwk_of, open_jws, public_of
from hub.signatures.keys import hardware
from hub.signatures.keys.derivation import Derivation
from hub.signatures.keys.uri import Pkcs11Uri
from tests.services import SoftHsm

TYPE = "lienthong-receipt+jws"
CLAIMS = {"sub": "Số 128/UBND-VP"}


@pytest.fixture(params=["EdDSA", "ES256"])
def key(request: pytest.FixtureRequest, softhsm: SoftHsm) -> HubKey:
    uri = Pkcs11Uri.parse(softhsm.uri("one", f"hub {request.param}".replace(" ", "%20")))
    made = HubKey(hardware.opened_or_generated(uri, request.param))
    assert made.algorithm == request.param
    return made


def test_what_a_module_signs_everybody_verifies_and_a_changed_one_nobody(key: HubKey) -> None:
    receipt, jwks = key.sign(CLAIMS), {"keys": [key.jwk]}
    assert verify_receipt(receipt, jwks) == open_jws(receipt, {key.kid: key.public}, TYPE) == CLAIMS
    assert public_of(key.jwk) == key.public
    head, payload, signature = receipt.split(".")
    wrong = f"{head}.{payload}.{signature[:-4]}AAAA"
    with pytest.raises(Refused):
        verify_receipt(wrong, jwks)
    with pytest.raises(ValueError, match="does not hold"):
        open_jws(wrong, {key.kid: key.public}, TYPE)
    with pytest.raises(ValueError, match="not one of ours"):
        open_jws(key.sign_token(CLAIMS), {key.kid: key.public}, TYPE)


def test_another_library_and_openssl_agree_on_es256(softhsm: SoftHsm, tmp_path: Path) -> None:
    uri = Pkcs11Uri.parse(softhsm.uri("one", "other"))
    key = HubKey(hardware.opened_or_generated(uri, "ES256"))
    receipt = key.sign(CLAIMS)
    read = jws.deserialize_compact(receipt, ECKey.import_key(key.jwk), algorithms=["ES256"])
    assert read.headers()["kid"] == key.kid == ECKey.import_key(key.jwk).thumbprint()
    (tmp_path / "key.pem").write_bytes(key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    shown = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", tmp_path / "key.pem", "-noout", "-text"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "P-256" in shown.stdout


def test_the_module_chooses_ed25519_where_it_can_and_makes_a_key_once(softhsm: SoftHsm) -> None:
    uri = Pkcs11Uri.parse(softhsm.uri("two", "fresh"))
    made = hardware.opened_or_generated(uri)
    assert jwk_of(made.public_key())["alg"] == "EdDSA"
    assert hardware.opened_or_generated(uri, "ES256") is made


def test_many_threads_sign_at_once(key: HubKey) -> None:
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda number: key.sign({"n": number}), range(64)))
    opened = [open_jws(one, {key.kid: key.public}, TYPE)["n"] for one in receipts]
    assert opened == list(range(64))


@pytest.fixture
def pulled(softhsm: SoftHsm) -> Iterator[SoftHsm]:
    softhsm.pull()
    yield softhsm
    if any(softhsm.directory.glob("away")):
        softhsm.put_back()


def test_a_token_that_was_away_signs_again_without_a_restart(
    key: HubKey, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert key.sign(CLAIMS)
    request.getfixturevalue("pulled")
    for _ in range(2):
        with pytest.raises(Deferred) as away:
            key.sign(CLAIMS)
        assert away.value.code == "key-unavailable"
        assert "token one" in away.value.detail
    softhsm.put_back()
    with pytest.raises(Deferred):
        key.sign(CLAIMS)  # it is not asked more often than every few seconds
    later = clock.monotonic() + hardware.RETRY_SECONDS
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: key.sign(CLAIMS), range(8)))
    assert all(open_jws(one, {key.kid: key.public}, TYPE) == CLAIMS for one in receipts)


def at(directory: Path, place: str) -> Settings:
    return Settings(data_dir=directory, hub_key=place)


def test_what_is_wrong_with_a_token_is_said_with_the_setting(softhsm: SoftHsm, tmp_path: Path) -> None:
    wrong = tmp_path / "pin"
    wrong.write_text("000000\n")
    cases = {
        softhsm.uri("none", "hub"): "no token with token none",
        softhsm.uri("three", "hub", wrong): "refuses the PIN",
        softhsm.uri("three", "hub", tmp_path / "nothing"): "the PIN cannot be read",
        softhsm.uri("three", "hub"): "no private key 'hub' in the token",  # last: the login is the whole process's
        f"pkcs11:token=one;object=hub?module-path={tmp_path}/no.so&pin-source={softhsm.pin}": "cannot be loaded",
    }
    for place, reason in cases.items():
        with pytest.raises(Misconfigured, match=reason) as said:
            keyring.load_hub_key(at(tmp_path, place))
        assert [one.location for one in said.value.findings] == ["LIENTHONG_HUB_KEY"]


def test_a_wrong_pin_is_not_tried_twice(softhsm: SoftHsm, tmp_path: Path) -> None:
    """A token locks itself after a few wrong ones: the hub must not use them up while it waits."""
    pin = tmp_path / "pin"
    pin.write_text(softhsm.pin.read_text())
    uri = Pkcs11Uri.parse(softhsm.uri("two", "careful", pin))
    key = hardware.opened_or_generated(uri)
    pin.write_text("000000")
    key._module.run(key._module.renew)
    for _ in range(2):
        with pytest.raises(Deferred, match="refuses the PIN"):
            key.sign(b"")
    pin.write_text(softhsm.pin.read_text())
    with pytest.raises(Deferred, match="refuses the PIN"):
        key.sign(b"")


def test_the_log_says_that_it_needs_ed25519(softhsm: SoftHsm, tmp_path: Path) -> None:
    place = softhsm.uri("two", "p256")
    hardware.opened_or_generated(Pkcs11Uri.parse(place), "ES256")
    with pytest.raises(Misconfigured, match="signed with Ed25519") as said:
        keyring.load_signing(Settings(data_dir=tmp_path, log_key=place))
    assert [one.location for one in said.value.findings] == ["LIENTHONG_LOG_KEY"]


def test_secrets_beside_a_key_in_hardware_are_random_and_kept(softhsm: SoftHsm, tmp_path: Path) -> None:
    settings = at(tmp_path, softhsm.uri("two", "secretive"))
    key = HubKey(keyring.made(settings, keyring.RECEIPTS, settings.hub_key or "")[1])
    assert keyring.known_derivation(settings) is None
    first = keyring.load_derivation(settings, key).derived("push")
    known = keyring.known_derivation(settings)
    assert known is not None
    assert known.derived("push") == first != Derivation.of(key.private).derived("push")

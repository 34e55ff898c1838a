"""Signatures of pushes: verified by others with keys of each system's own, and by nobody once anything is altered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.client import verify_webhook
from hub import clock
from hub.delivery.carrier import Delivered
from hub.problems import Refused
from hub.signatures.jws import HubKey, from_b64url
from hub.signatures.webhooks import WebhookKeys, opening
from tests.delivery.parcels import parcel
from tests.push.conftest import Line, failed
from tests.push.receiver import Say

LARGE = b"<edXML>" + os.urandom(3_000_000) + b"</edXML>"


def openssl_verifies(public: Ed25519PublicKey, signature: bytes, signed: bytes, directory: Path) -> bool:
    files = {name: directory / name for name in ("key", "signature", "signed")}
    files["key"].write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files["signature"].write_bytes(signature)
    files["signed"].write_bytes(signed)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", files["key"], "-rawin", "-in", files["signed"]]
    return subprocess.run([*command, "-sigfile", files["signature"]], capture_output=True, check=False).returncode == 0


async def test_openssl_verifies_the_signature_with_a_key_from_the_jwks(line: Line, tmp_path: Path) -> None:
    await line.push(LARGE)
    (push,) = line.receiver.pushes
    (jwk,) = line.keys().jwks["keys"]
    public = Ed25519PublicKey.from_public_bytes(from_b64url(jwk["x"]))
    scheme, _, value = push.headers["webhook-signature"].partition(",")
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.".encode() + push.body
    assert scheme == "v1a"
    assert openssl_verifies(public, base64.b64decode(value), signed, tmp_path)
    assert not openssl_verifies(public, base64.b64decode(value), signed + b" ", tmp_path)
    assert line.keys().shown("v1a") == [f"whpk_{base64.b64encode(from_b64url(jwk['x'])).decode()}"]


async def test_a_system_may_ask_for_hmac(line: Line) -> None:
    system = line.registered(signature="v1")
    await line.push(to=system)
    (push,) = line.receiver.pushes
    (secret,) = line.keys(system).shown("v1")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{push.id}.{push.headers['webhook-timestamp']}.".encode() + push.body
    value = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert push.headers["webhook-signature"] == f"v1,{value}"
    assert verify_webhook(push.headers, push.body, secret) == push.id


async def test_while_the_hubs_key_is_replaced_both_keys_sign(opened: Callable[..., Line], key: HubKey) -> None:
    older = HubKey(Ed25519PrivateKey.generate())
    line = opened(keys=(key, older))
    for scheme in ("v1a", "v1"):
        system = line.registered(signature=scheme)
        await line.push(to=system)
        push = line.receiver.pushes[-1]
        assert len(push.headers["webhook-signature"].split(" ")) == 2
        for one in (key, older):
            (shown,) = Line(line.receiver, line.shelf, one, line.carrier).keys(system).shown(scheme)
            assert verify_webhook(push.headers, push.body, shown) == push.id


@pytest.mark.parametrize("scheme", ["v1a", "v1"])
async def test_a_system_gets_a_new_key_with_both_signing_for_a_while(line: Line, scheme: str) -> None:
    before = line.registered(signature=scheme)
    during = replace(before, options={"signature": scheme, "keys": "2,1"})
    after = replace(before, options={"signature": scheme, "keys": "2"})
    (old,), (new,) = line.keys(before).shown(scheme), line.keys(after).shown(scheme)
    assert line.keys(during).shown(scheme) == [new, old]
    for system, good, bad in ((before, [old], [new]), (during, [old, new], []), (after, [new], [old])):
        await line.push(to=system)
        push = line.receiver.pushes[-1]
        assert [verify_webhook(push.headers, push.body, key) for key in good] == [push.id] * len(good)
        for key in bad:
            with pytest.raises(Refused):
                verify_webhook(push.headers, push.body, key)


async def test_what_was_pushed_to_one_system_does_not_verify_at_another(line: Line) -> None:
    other = line.registered()
    await line.push()
    (push,) = line.receiver.pushes
    assert verify_webhook(push.headers, push.body, line.keys().jwks) == push.id
    for keys in (line.keys(other).jwks, line.keys(other).shown("v1a"), f"whpk_{line.key.jwk['x']}="):
        with pytest.raises(Refused, match="signature-invalid"):
            verify_webhook(push.headers, push.body, keys)


async def test_a_repeat_has_the_same_identifier_and_a_time_of_its_own(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = parcel(line.shelf, line.system)
    line.receiver.script = [Say(500)]
    failed(await line.carrier.carry(one), "answer-error")
    later = clock.now() + timedelta(seconds=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert isinstance(await line.carrier.carry(one), Delivered)
    first, second = line.receiver.pushes
    assert first.id == second.id == one.delivery.id
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 4
    for push in (first, second):
        verify_webhook(push.headers, push.body, line.keys().shown("v1a"))


ALTERATIONS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "another id": lambda headers: headers | {"webhook-id": clock.new_id()},
    "an id with a full stop": lambda headers: headers | {"webhook-id": headers["webhook-id"] + ".1"},
    "another time": lambda headers: headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)},
    "no time": lambda headers: headers | {"webhook-timestamp": "now"},
    "a wide digit": lambda headers: headers | {"webhook-timestamp": headers["webhook-timestamp"].replace("1", "١")},
    "no signature": lambda headers: {name: value for name, value in headers.items() if name != "webhook-signature"},
    "an empty signature": lambda headers: headers | {"webhook-signature": ""},
    "the other scheme": lambda headers: headers | {"webhook-signature": "v1," + headers["webhook-signature"][4:]},
    "no base64": lambda headers: headers | {"webhook-signature": "v1a,***"},
    "letters beyond ASCII": lambda headers: headers | {"webhook-signature": "v1a,chữký"},
    "another signature": lambda headers: headers | {"webhook-signature": "v1a," + base64.b64encode(b"x" * 64).decode()},
    "too short": lambda headers: headers | {"webhook-signature": "v1a,AAAA"},
}


@pytest.mark.parametrize("alteration", ALTERATIONS.values(), ids=ALTERATIONS)
async def test_an_altered_push_does_not_verify(
    line: Line, alteration: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    await line.push()
    (push,) = line.receiver.pushes
    verify_webhook(push.headers, push.body, line.keys().jwks)
    with pytest.raises(Refused, match="signature-invalid"):
        verify_webhook(alteration(push.headers), push.body, line.keys().jwks)


async def test_another_body_an_old_push_and_a_strange_key_do_not_verify(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.push()
    (push,) = line.receiver.pushes
    (key,) = line.keys().shown("v1a")
    assert verify_webhook({name.title(): value for name, value in push.headers.items()}, push.body, [key]) == push.id
    with pytest.raises(Refused):
        verify_webhook(push.headers, push.body + b" ", key)
    for strange in ("whpk_AAAA", "whsec_AAAA", "secret", "whpk_***", {"keys": []}, [], {"keys": [{"kty": "RSA"}]}):
        with pytest.raises(Refused):
            verify_webhook(push.headers, push.body, strange)
    for minutes in (-6, 6):
        moment = clock.now() + timedelta(minutes=minutes)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda moment=moment: moment)
            with pytest.raises(Refused, match="too old or too new"):
                verify_webhook(push.headers, push.body, key)


def test_an_identifier_with_a_full_stop_is_never_signed() -> None:
    with pytest.raises(ValueError, match="two ways"):
        opening("a.b", 1)


def test_every_system_has_keys_of_its_own_and_keeps_them(key: HubKey) -> None:
    def shown(system_id: str) -> list[str]:
        keys = WebhookKeys([key], system_id)
        return [
            *keys.shown("v1a"),
            *keys.shown("v1"),
            f"whpk_{base64.b64encode(key.public.public_bytes_raw()).decode()}",
        ]

    assert shown("a") == shown("a")
    assert len({*shown("a"), *shown("b")}) == 5


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_the_published_vectors_of_the_standard_verify(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that other implementations of Standard Webhooks test themselves with."""
    seed = base64.b64decode("VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=")
    public = base64.b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
    key, value = {
        "v1": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        "v1a": (
            f"whpk_{public}",
            "tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==",
        ),
    }[scheme]
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(1614265330, UTC))
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v9,AAAA {scheme},{value}",
    }
    assert verify_webhook(headers, b'{"test": 2432232314}', key) == headers["webhook-id"]
    with pytest.raises(Refused):
        verify_webhook(headers, b'{"test": 2432232315}', key)

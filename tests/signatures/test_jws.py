"""Receipts: openssl alone verifies one, another library agrees, and nothing else passes for one."""

from __future__ import annotations

import base64
import json
import stat
import string
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from adapters.client.proof import verify_receipt
from hub import clock
from hub.problems import Finding, Misconfigured, Refused
from hub.receipts.signing import Audience, ReceiptSigner, Subject
from hub.signatures.jws import HubKey, b64url, from_b64url, open_jws

TYPE = "lienthong-receipt+jws"
PRIVATE = Ed25519PrivateKey.generate()
KEY = HubKey(PRIVATE)
KEYS = {KEY.kid: KEY.public}
JWKS = {"keys": [KEY.jwk]}
SUBJECT = Subject("0192", "H33.02,2026/11/20,128/UBND-VP", "H33.02", "ab" * 32)
RECEIPT = ReceiptSigner(KEY, "thử nghiệm", "hub.test/log").acknowledgement(
    SUBJECT, Audience("s", "H33.02"), ["H33.90"], [Finding("metadata-missing", "Độ khẩn")], clock.now()
)


def openssl_verifies(receipt: str, jwk: dict[str, str], directory: Path) -> bool:
    """With nothing of ours: the key from the JWK as RFC 8410 writes it, the rest is openssl."""
    head, payload, signature = receipt.split(".")
    spki = bytes.fromhex("302a300506032b6570032100") + base64.urlsafe_b64decode(jwk["x"] + "=")
    pem = "-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(spki).decode() + "\n-----END PUBLIC KEY-----\n"
    (directory / "key.pem").write_text(pem)
    (directory / "signed").write_bytes(f"{head}.{payload}".encode())
    (directory / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    files = ["-inkey", "key.pem", "-in", "signed", "-sigfile", "signature"]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files]
    return subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=30).returncode == 0


def test_openssl_alone_verifies_a_receipt(tmp_path: Path) -> None:
    assert openssl_verifies(RECEIPT.jws, KEY.jwk, tmp_path)
    head, payload, signature = RECEIPT.jws.split(".")
    claims = json.loads(from_b64url(payload))
    assert claims["sha256"] == SUBJECT.sha256
    claims["sha256"] = "cd" * 32
    assert not openssl_verifies(f"{head}.{b64url(json.dumps(claims).encode())}.{signature}", KEY.jwk, tmp_path)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 would have it Ed25519; RFC 8037 is what all read
def test_another_library_reads_the_same_claims() -> None:
    read = jws.deserialize_compact(RECEIPT.jws, OKPKey.import_key(KEY.jwk), algorithms=["EdDSA"])
    assert json.loads(read.payload) == open_jws(RECEIPT.jws, KEYS, TYPE) == verify_receipt(RECEIPT.jws, JWKS)
    assert read.headers() == {"alg": "EdDSA", "kid": KEY.kid, "typ": TYPE}


def test_the_key_is_named_by_its_thumbprint() -> None:
    """The key and thumbprint of RFC 8037, appendix A.1 to A.3."""
    key = HubKey(Ed25519PrivateKey.from_private_bytes(from_b64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
    assert key.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(RECEIPT.jws) - 1),
    st.sampled_from(string.ascii_letters + string.digits + "-_.=*"),
)
def test_a_receipt_with_one_character_changed_is_none(place: int, other: str) -> None:
    changed = RECEIPT.jws[:place] + other + RECEIPT.jws[place + 1 :]
    if changed == RECEIPT.jws:
        return
    if same_octets(changed):
        return  # spare bits of the last base64 digit: not another receipt, another spelling
    with pytest.raises(ValueError, match=r".*"):
        open_jws(changed, KEYS, TYPE)
    with pytest.raises(Refused):
        verify_receipt(changed, JWKS)


def same_octets(changed: str) -> bool:
    """Whether only the signature's last digit differs, in bits that carry nothing."""
    first, other = RECEIPT.jws.rpartition("."), changed.rpartition(".")
    try:
        return first[0] == other[0] and from_b64url(first[2]) == from_b64url(other[2])
    except ValueError:
        return False


def test_a_token_is_no_receipt_and_a_receipt_is_no_token() -> None:
    token = KEY.sign_token({"sub": "sys-1", "exp": 2**40, "event": "envelope.accepted"})
    assert open_jws(token, KEYS, "at+jwt")["sub"] == "sys-1"
    with pytest.raises(ValueError, match="not one of ours"):
        open_jws(token, KEYS, TYPE)
    with pytest.raises(Refused, match="no receipt"):
        verify_receipt(token, JWKS)
    with pytest.raises(ValueError, match="not one of ours"):
        open_jws(RECEIPT.jws, KEYS, "at+jwt")


def forged(**header: object) -> str:
    """A receipt with another header, rightly signed with the hub's key."""
    _, payload, _ = RECEIPT.jws.split(".")
    head = b64url(json.dumps({"alg": "EdDSA", "kid": KEY.kid, "typ": TYPE, **header}).encode())
    return f"{head}.{payload}.{b64url(PRIVATE.sign(f'{head}.{payload}'.encode()))}"


HEADERS = [
    {"alg": "none"},
    {"alg": "HS256"},
    {"alg": "ES256"},
    {"alg": None},
    {"kid": "x"},
    {"typ": "JWT"},
    {"typ": None},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_of_somebody_elses_choice_is_refused(header: dict[str, object]) -> None:
    assert open_jws(forged(), KEYS, TYPE) == verify_receipt(forged(), JWKS)
    with pytest.raises(ValueError, match="not one of ours"):
        open_jws(forged(**header), KEYS, TYPE)
    with pytest.raises(Refused):
        verify_receipt(forged(**header), JWKS)


def test_no_signature_is_no_receipt() -> None:
    unsigned = forged(alg="none").rpartition(".")[0] + "."
    with pytest.raises(ValueError, match="not one of ours"):
        open_jws(unsigned, KEYS, TYPE)
    with pytest.raises(Refused):
        verify_receipt(unsigned, JWKS)


NONE = ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "{}.{}.{}", "W10.W10.W10", "bnVsbA.bnVsbA.AA"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_jws_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        open_jws(text, KEYS, TYPE)
    with pytest.raises(Refused):
        verify_receipt(text, JWKS)


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "hub.pem"
    with ThreadPoolExecutor(8) as pool:
        kids = {key.kid for key in pool.map(lambda _: HubKey.load_or_create(path), range(16))}
    assert len(kids) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["hub.pem"]


def test_a_key_of_another_kind_is_a_misconfiguration(tmp_path: Path) -> None:
    path = tmp_path / "hub.pem"
    other = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(Misconfigured, match="not Ed25519"):
        HubKey.load_or_create(path)

"""The seal: OpenSSL verifies it, its key is made once, and no octet of it can be changed unnoticed."""

from __future__ import annotations

import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.evidence import cms
from hub.evidence.seal import Seal
from tests.evidence.packs import flipped

AT = datetime(2026, 11, 22, 9, 30, 15, tzinfo=UTC)
CONTENT = b"<asic/>\n"


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal.create("hub.test", AT)


def openssl(directory: Path, seal: Seal, signature: bytes, content: bytes) -> subprocess.CompletedProcess[bytes]:
    for name, octets in (("seal.pem", seal.certificate_pem), ("signature", signature), ("content", content)):
        (directory / name).write_bytes(octets)
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content"]
    return subprocess.run([*command, "-CAfile", "seal.pem"], cwd=directory, capture_output=True, check=False)


def test_openssl_verifies_it(seal: Seal, tmp_path: Path) -> None:
    signature = seal.sign(CONTENT, AT)
    assert openssl(tmp_path, seal, signature, CONTENT).returncode == 0
    assert openssl(tmp_path, seal, signature, CONTENT + b" ").returncode != 0
    shown = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "id-smime-aa-signingCertificateV2" in shown
    assert "Nov 22 09:30:15 2026" in shown


def test_what_it_says_is_read_back(seal: Seal) -> None:
    opened = cms.opened(seal.sign(CONTENT, AT))
    assert (opened.certificate, opened.at) == (seal.certificate, AT)


# a flipped certificate may have a serial number that the library warns of before anything is compared
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_octet_of_it_can_change(seal: Seal) -> None:
    signature = seal.sign(CONTENT, AT)
    for place in range(len(signature)):
        with pytest.raises(ValueError, match=r"."):
            cms.opened(flipped(signature, place))
    with pytest.raises(ValueError, match=r"."):
        cms.opened(signature + b"\0")


def test_the_key_is_made_once_and_kept_to_the_hub(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "evidence.pem"
    first = Seal.load_or_create(file, "hub.test")
    assert Seal.load_or_create(file, "another").certificate == first.certificate
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "hub.test" in first.certificate.subject.rfc4514_string()


def test_a_file_with_something_else_is_refused(tmp_path: Path, seal: Seal) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    for key in (other, ed25519.Ed25519PrivateKey.generate()):
        file = tmp_path / f"{type(key).__name__}.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(pem + seal.certificate_pem)
        with pytest.raises(ValueError, match="not a P-256 key with its certificate"):
            Seal.load_or_create(file, "hub.test")

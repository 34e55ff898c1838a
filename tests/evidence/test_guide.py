"""The guide's commands for what a running hub of ours does not have by default."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from hub.evidence import guide
from hub.evidence.names import key_member
from hub.evidence.public_keys import pem
from hub.signatures.jws import HubKey


@dataclass(frozen=True)
class P256:
    """As a module without Ed25519 signs (RFC 7518 §3.4: both numbers, one behind the other)."""

    private: ec.EllipticCurvePrivateKey

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self.private.public_key()

    def sign(self, data: bytes, /) -> bytes:
        numbers = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(one.to_bytes(32, "big") for one in numbers)


def test_the_commands_for_keys_in_hardware_verify_p256_receipts(tmp_path: Path) -> None:
    key = HubKey(P256(ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "keys").mkdir()
    (tmp_path / "receipts").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / key_member(key.kid)).write_bytes(pem(key.public))
    command = guide.signed(key.sign({"n": 0}).split(".")[0])
    for number in range(20):  # numbers of the signature that begin with zeros or a high bit are among them
        (tmp_path / "receipts" / f"{number}.jws").write_text(key.sign({"n": number}))
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False).returncode == 0
    forged = [*key.sign({"n": 1}).split(".")[:2], key.sign({"n": 2}).split(".")[2]]
    (tmp_path / "receipts" / "7.jws").write_text(".".join(forged))
    assert subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False).returncode != 0

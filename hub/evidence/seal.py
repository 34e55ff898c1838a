"""The key that seals packs, and its self-signed certificate, together in one PEM file beside the hub's other keys."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from hub import clock
from hub.evidence import cms

_YEARS = 30
_USES = {"digital_signature": True, "content_commitment": True}
_OTHER_USES = (
    "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
    "decipher_only",
)  # fmt: skip


@dataclass(frozen=True)
class Seal:
    """ECDSA P-256: what ``openssl cms`` verifies everywhere."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def load_or_create(cls, path: Path, hub: str) -> Seal:
        """From the PEM file, made on first use with mode 0600. Raises ``ValueError`` for other content, ``OSError``."""
        if not path.exists():
            _write(path, cls.create(hub, clock.now()).pem)
        pem = path.read_bytes()
        key = load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("not a P-256 key with its certificate")
        return cls(key, certificate)

    @classmethod
    def create(cls, hub: str, at: datetime) -> Seal:
        """A new key, named after the hub."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{hub[:50]} evidence")])
        usage = x509.KeyUsage(**_USES, **dict.fromkeys(_OTHER_USES, False))
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=5))
            .not_valid_after(at + timedelta(days=365 * _YEARS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        """Key and certificate: secret."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + self.certificate_pem

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def sign(self, octets: bytes, at: datetime) -> bytes:
        """A detached CMS signature, DER."""
        return cms.sign(self.key, self.certificate, octets, at)


def _write(path: Path, pem: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # link fails where another process was first: its key stays
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)

"""What signs: one small port, a file's key and a hardware module's behind it."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey


class PrivateKey(Protocol):
    """``Ed25519PrivateKey`` of cryptography is one as it is."""

    def public_key(self) -> PublicKey: ...

    def sign(self, data: bytes, /) -> bytes:
        """64 octets: Ed25519 (RFC 8032), or r and s of ECDSA with P-256 and SHA-256 (RFC 7518 §3.4).

        Raises ``Deferred('key-unavailable')`` when the key is away for now.
        """
        ...

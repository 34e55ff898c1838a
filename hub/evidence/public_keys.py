"""Public keys as the tools of others want them: PEM, from JWK or from a verifier key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.signatures.jws import from_b64url

PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Of an OKP or a P-256 key (RFC 8037, RFC 7518). Raises ``ValueError``, ``KeyError``."""
    if jwk["kty"] == "OKP":
        return Ed25519PublicKey.from_public_bytes(from_b64url(jwk["x"]))
    x, y = (int.from_bytes(from_b64url(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def pem(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

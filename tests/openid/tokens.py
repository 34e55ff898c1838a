"""Making JSON Web Signatures by hand, right ones and wrong ones, without the library that judges them."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def number(value: int, octets: int = 0) -> str:
    return encoded(value.to_bytes(octets or (value.bit_length() + 7) // 8, "big"))


def algorithm_of(key: Key) -> str:
    return {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}.get(_kind(key), "EdDSA")


def _kind(key: Key) -> type:
    kinds = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
    return next(one for one in kinds if isinstance(key, one))


def jwk(key: Key, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK (RFC 7517)."""
    public: dict[str, Any]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        public = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        public = {"kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)}
    else:
        public = {"kty": "OKP", "crv": "Ed25519", "x": encoded(key.public_key().public_bytes_raw())}
    return {**public, "kid": kid, "use": "sig", "alg": algorithm_of(key), **more}


def token(key: Key, kid: str, claims: dict[str, Any], **header: Any) -> str:
    """A compact JWS; ``header`` replaces what it says of itself, not how it is signed."""
    signed = _input({"alg": algorithm_of(key), "kid": kid, "typ": "JWT", **header}, claims)
    return f"{signed}.{encoded(_signature(key, signed.encode()))}"


def unsigned(claims: dict[str, Any]) -> str:
    """Says that it has no signature, and has none (RFC 7519 §6)."""
    return f"{_input({'alg': 'none'}, claims)}."


def keyed(key: Key, kid: str, claims: dict[str, Any]) -> str:
    """Signed by HMAC with the provider's public key as the secret: everybody can do that."""
    signed = _input({"alg": "HS256", "kid": kid}, claims)
    secret = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _input(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(encoded(json.dumps(one).encode()) for one in (header, claims))


def _signature(key: Key, octets: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(octets)

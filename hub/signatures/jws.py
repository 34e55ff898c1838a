"""The hub's own key. Compact JWS (RFC 7515): EdDSA with Ed25519 (RFC 8037), so that ``openssl`` alone verifies a
receipt; ES256 (RFC 7518) where the key lies in hardware that has no Ed25519."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hub.signatures.keys import files
from hub.signatures.keys.derivation import Derivation
from hub.signatures.keys.port import PrivateKey, PublicKey

COORDINATE = 32


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class HubKey:
    """Signs receipts and tokens. ``kid`` is the RFC 7638 thumbprint of the public key."""

    def __init__(self, private: PrivateKey) -> None:
        """Raises ``ValueError`` for a key that is neither Ed25519 nor P-256."""
        self.private = private
        self.public = private.public_key()
        self.jwk = jwk_of(self.public)
        self.kid = self.jwk["kid"]
        self.algorithm = self.jwk["alg"]
        self._receipt = self._header("lienthong-receipt+jws")
        self._token = self._header("at+jwt")

    @classmethod
    def load_or_create(cls, path: Path) -> HubKey:
        """The key in the PEM file, made on first use with mode 0600. Raises ``Misconfigured`` for another kind."""
        return cls(files.load_or_create(path))

    def sign(self, payload: dict[str, Any]) -> str:
        """``payload`` as compact JWS. Raises ``Deferred('key-unavailable')``."""
        return self._signed(self._receipt, payload, ensure_ascii=False)

    def sign_token(self, claims: dict[str, Any]) -> str:
        """A token of another ``typ``: an access token can never be shown as a receipt, or the reverse."""
        return self._signed(self._token, claims, ensure_ascii=True)

    def derived(self, purpose: str) -> bytes:
        """32 secret octets for one purpose, of a key in a file (see ``Derivation``)."""
        return Derivation.of(self.private).derived(purpose)

    def _header(self, typ: str) -> str:
        header = {"alg": self.algorithm, "kid": self.kid, "typ": typ}
        return b64url(json.dumps(header, separators=(",", ":")).encode())

    def _signed(self, header: str, payload: dict[str, Any], *, ensure_ascii: bool) -> str:
        body = b64url(json.dumps(payload, ensure_ascii=ensure_ascii, separators=(",", ":")).encode())
        signing_input = f"{header}.{body}"
        return f"{signing_input}.{b64url(self.private.sign(signing_input.encode()))}"


def jwk_of(public: PublicKey) -> dict[str, str]:
    """A key as JWK (RFC 8037 §2, RFC 7518 §6.2); ``kid`` is its thumbprint (RFC 7638).

    Raises ``ValueError`` for another curve than P-256.
    """
    if isinstance(public, Ed25519PublicKey):
        members, algorithm = {"crv": "Ed25519", "kty": "OKP", "x": b64url(public.public_bytes_raw())}, "EdDSA"
    elif isinstance(public.curve, ec.SECP256R1):
        numbers = public.public_numbers()
        x, y = (b64url(one.to_bytes(COORDINATE, "big")) for one in (numbers.x, numbers.y))
        members, algorithm = {"crv": "P-256", "kty": "EC", "x": x, "y": y}, "ES256"
    else:
        raise ValueError(f"{public.curve.name}: neither Ed25519 nor P-256")
    kid = b64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())
    return {**members, "kid": kid, "alg": algorithm, "use": "sig"}


def public_of(jwk: Mapping[str, Any]) -> PublicKey:
    """The reverse of ``jwk_of``. Raises ``ValueError``, ``KeyError``."""
    x = from_b64url(jwk["x"])
    if jwk["kty"] == "OKP":
        return Ed25519PublicKey.from_public_bytes(x)
    y = int.from_bytes(from_b64url(jwk["y"]), "big")
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), y, ec.SECP256R1()).public_key()


def open_jws(compact: str, keys: Mapping[str, PublicKey], typ: str) -> dict[str, Any]:
    """The payload of a compact JWS with a known ``kid``, that key's algorithm and this ``typ``; else ``ValueError``."""
    try:
        header_part, payload_part, signature_part = compact.split(".")
        header = json.loads(from_b64url(header_part))
        if header.get("typ") != typ or header.get("kid") not in keys:
            raise ValueError("header is not one of ours")
        signed = f"{header_part}.{payload_part}".encode()
        _verify(keys[header["kid"]], header.get("alg"), from_b64url(signature_part), signed)
        payload = json.loads(from_b64url(payload_part))
    except (InvalidSignature, AttributeError, TypeError, RecursionError) as error:
        raise ValueError("signature does not hold") from error
    if not isinstance(payload, dict):
        raise ValueError("payload is not an object")
    return payload


def kid_of(compact: str) -> str:
    """The ``kid`` in the header of a compact JWS, nothing being verified; empty when there is none."""
    try:
        found = json.loads(from_b64url(compact.partition(".")[0])).get("kid")
    except (ValueError, AttributeError, RecursionError):  # the last: thousands of brackets
        return ""
    return found if isinstance(found, str) else ""


def _verify(public: PublicKey, algorithm: object, signature: bytes, signed: bytes) -> None:
    """The algorithm is the key's, never the token's choice (RFC 8725 §3.1)."""
    if algorithm != ("EdDSA" if isinstance(public, Ed25519PublicKey) else "ES256"):
        raise ValueError("header is not one of ours")
    if isinstance(public, Ed25519PublicKey):
        public.verify(signature, signed)
        return
    if len(signature) != 2 * COORDINATE:
        raise ValueError("an ES256 signature has 64 octets")
    first, second = (int.from_bytes(half, "big") for half in (signature[:COORDINATE], signature[COORDINATE:]))
    public.verify(encode_dss_signature(first, second), signed, ec.ECDSA(hashes.SHA256()))

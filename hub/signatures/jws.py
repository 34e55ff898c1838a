"""The hub's own key: Ed25519, so that ``openssl`` alone verifies a receipt. Compact JWS (RFC 7515, RFC 8037)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hub.problems import Misconfigured


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class HubKey:
    """Signs receipts. ``kid`` is the RFC 7638 thumbprint of the public key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.jwk = jwk_of(self.public)
        self.kid = self.jwk["kid"]
        header = {"alg": "EdDSA", "kid": self.kid, "typ": "lienthong-receipt+jws"}
        self._header = b64url(json.dumps(header, separators=(",", ":")).encode())

    @classmethod
    def load_or_create(cls, path: Path) -> HubKey:
        """The key in the PEM file, made on first use with mode 0600. Raises ``Misconfigured`` for another kind."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
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
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise Misconfigured("settings-invalid", "the hub's key is not Ed25519", str(path.name))
        return cls(key)

    @property
    def private(self) -> Ed25519PrivateKey:
        return self._private

    def sign(self, payload: dict[str, Any]) -> str:
        """``payload`` as compact JWS."""
        body = b64url(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
        signing_input = f"{self._header}.{body}"
        return f"{signing_input}.{b64url(self._private.sign(signing_input.encode()))}"

    def sign_token(self, claims: dict[str, Any]) -> str:
        """A token of another ``typ``: an access token can never be shown as a receipt, or the reverse."""
        header = b64url(json.dumps({"alg": "EdDSA", "kid": self.kid, "typ": "at+jwt"}, separators=(",", ":")).encode())
        signing_input = f"{header}.{b64url(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{signing_input}.{b64url(self._private.sign(signing_input.encode()))}"

    def derived(self, purpose: str) -> bytes:
        """32 secret octets for one purpose (HKDF-SHA-256, RFC 5869): nothing has to be stored beside this key."""
        secret = self._private.private_bytes_raw()
        return HKDF(hashes.SHA256(), 32, salt=None, info=f"lienthong/{purpose}".encode()).derive(secret)


def jwk_of(public: Ed25519PublicKey) -> dict[str, str]:
    """An Ed25519 key as JWK (RFC 8037 §2); ``kid`` is its thumbprint (RFC 7638)."""
    x = b64url(public.public_bytes_raw())
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    kid = b64url(hashlib.sha256(canonical.encode()).digest())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}


def open_jws(compact: str, keys: dict[str, Ed25519PublicKey], typ: str) -> dict[str, Any]:
    """The payload of a compact JWS with a known ``kid``, ``EdDSA`` and this ``typ``; else ``ValueError``."""
    try:
        header_part, payload_part, signature_part = compact.split(".")
        header = json.loads(from_b64url(header_part))
        if header.get("alg") != "EdDSA" or header.get("typ") != typ or header.get("kid") not in keys:
            raise ValueError("header is not one of ours")
        keys[header["kid"]].verify(from_b64url(signature_part), f"{header_part}.{payload_part}".encode())
        payload = json.loads(from_b64url(payload_part))
    except (InvalidSignature, AttributeError, TypeError) as error:
        raise ValueError("signature does not hold") from error
    if not isinstance(payload, dict):
        raise ValueError("payload is not an object")
    return payload

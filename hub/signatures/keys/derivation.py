"""Secrets derived for one purpose (HKDF-SHA-256, RFC 5869) from a secret beside the hub's key, not from the key.

So they stay when the key is replaced, and when it lies in hardware that gives nothing out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from hub import clock
from hub.problems import Misconfigured
from hub.signatures.keys import files
from hub.signatures.keys.port import PrivateKey

OCTETS = 32


class Deriving(Protocol):
    """Gives secrets by purpose."""

    def derived(self, purpose: str) -> bytes:
        """32 secret octets for one purpose."""
        ...


class Derivation:
    """``Deriving`` from 32 secret octets (RFC 5869's PRK)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != OCTETS:
            raise ValueError(f"the secret has {OCTETS} octets")
        self._secret = secret

    @classmethod
    def of(cls, private: PrivateKey) -> Derivation:
        """From a key whose octets are to be had: its HKDF-Extract, from which the key cannot be computed.

        From any other key: from new random octets.
        """
        if isinstance(private, Ed25519PrivateKey):
            return cls(hmac.new(bytes(OCTETS), private.private_bytes_raw(), hashlib.sha256).digest())
        return cls(hashlib.sha256(clock.new_secret().encode()).digest())

    @classmethod
    def load_or_create(cls, path: Path, first: Callable[[], PrivateKey]) -> Derivation:
        """The one kept in the file (hexadecimal); made on first use from the key that signs then.

        Raises ``Misconfigured`` for a file that is something else, ``OSError``.
        """
        content = files.read_or_create(path, lambda: cls.of(first())._secret.hex().encode() + b"\n")
        try:
            return cls(bytes.fromhex(content.decode("ascii")))
        except ValueError as error:
            raise Misconfigured(
                "settings-invalid", f"{path}: not 64 hexadecimal digits", "LIENTHONG_DATA_DIR"
            ) from error

    def derived(self, purpose: str) -> bytes:
        """32 secret octets for one purpose."""
        return HKDFExpand(hashes.SHA256(), 32, info=f"lienthong/{purpose}".encode()).derive(self._secret)

"""Signatures on what the hub pushes (Standard Webhooks 1.0.0): ``v1a`` Ed25519, ``v1`` HMAC-SHA-256.

Every system has keys of its own, derived from a secret of the hub: what was pushed to one does not verify at another.
What is signed is ``{id}.{time}.{body}``. While a key is being replaced, both sign.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.signatures.jws import jwk_of
from hub.signatures.keys.derivation import Deriving

SCHEMES = ("v1a", "v1")


class WebhookKeys:
    """The keys that sign for one system, the current one first. ``numbers``: which of all that it may have."""

    def __init__(self, keys: Sequence[Deriving], system_id: str, numbers: Sequence[int] = (1,)) -> None:
        def derived(purpose: str) -> list[bytes]:
            return [one.derived(f"push/{purpose}/{system_id}/{number}") for one in keys for number in numbers]

        self._private = [Ed25519PrivateKey.from_private_bytes(one) for one in derived("ed25519")]
        self._secrets = derived("hmac-sha256")

    def sign(self, scheme: str, signed: bytes | bytearray) -> str:
        """The value of ``webhook-signature`` over the whole signed content: one signature a key, spaces between."""
        if scheme == "v1":
            values = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in self._secrets]
        else:
            values = [private.sign(signed) for private in self._private]
        return " ".join(f"{scheme},{_base64(value)}" for value in values)

    def shown(self, scheme: str) -> list[str]:
        """What the receiver verifies with: public keys (``whpk_``), for ``v1`` shared secrets (``whsec_``)."""
        if scheme == "v1":
            return [f"whsec_{_base64(secret)}" for secret in self._secrets]
        return [f"whpk_{_base64(private.public_key().public_bytes_raw())}" for private in self._private]

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517 §5)."""
        return {"keys": [jwk_of(private.public_key()) for private in self._private]}


def opening(message_id: str, seconds: int) -> bytes:
    """What stands before the body in the signed content. ``message_id`` has no full stop; ``seconds`` since 1970."""
    if "." in message_id:
        raise ValueError("an identifier with a full stop could be read in two ways")
    return f"{message_id}.{seconds}.".encode()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()

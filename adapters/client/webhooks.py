"""Checking what the hub pushed (Standard Webhooks 1.0.0) before a single octet of it is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub import clock
from hub.problems import Refused

TOLERANCE_SECONDS = 300.0
Keys = str | Sequence[str] | Mapping[str, Any]
_Check = Callable[[bytes, bytes], bool]


def verify_webhook(headers: Mapping[str, str], body: bytes, keys: Keys, *, tolerance: float = TOLERANCE_SECONDS) -> str:
    """The push's identifier (``webhook-id``): keep it, and answer 2xx to one that you have already without storing it.

    ``keys``: what ``lienthong system add`` printed (``whpk_…`` or ``whsec_…``), several of them, or the answer of
    ``GET /v1/push/keys``. ``body``: the octets as they came. ``tolerance``: seconds that sender's and receiver's clocks
    may be apart. The scheme is the key's, never the message's choice. Raises ``Refused('signature-invalid')``.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        identifier, moment, given = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise Refused("signature-invalid", f"no header {error}") from error
    # no full stop: {id}.{time}.{body} must be readable in one way only
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,100}", identifier) or not re.fullmatch(r"[0-9]{1,12}", moment, re.ASCII):
        raise Refused("signature-invalid", "webhook-id or webhook-timestamp is malformed")
    if abs(clock.now().timestamp() - int(moment)) > tolerance:
        raise Refused("signature-invalid", "webhook-timestamp is too old or too new")
    signed = f"{identifier}.{moment}.".encode() + body
    signatures = _signatures(given)
    for scheme, check in _checks(keys):
        if any(check(value, signed) for value in signatures.get(scheme, ())):
            return identifier
    raise Refused("signature-invalid", "no signature of the push verifies under the given keys")


def _signatures(given: str) -> dict[str, list[bytes]]:
    """The values of each scheme; what is not base64 is none."""
    found: dict[str, list[bytes]] = {}
    for one in given.split(" ")[:20]:
        scheme, _, value = one.partition(",")
        try:
            found.setdefault(scheme, []).append(base64.b64decode(value, validate=True))
        except ValueError:
            continue  # another one of the list may hold
    return found


def _checks(keys: Keys) -> list[tuple[str, _Check]]:
    """Scheme and comparison for each key. Raises ``Refused`` for a key in a form that is not known."""
    if isinstance(keys, Mapping):
        octets = [str(one["x"]) for one in keys["keys"] if (one.get("kty"), one.get("crv")) == ("OKP", "Ed25519")]
        return [_ed25519(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))) for one in octets]
    return [_one(key) for key in ([keys] if isinstance(keys, str) else keys)]


def _one(key: str) -> tuple[str, _Check]:
    kind, _, text = key.partition("_")
    try:
        octets = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused("signature-invalid", "the key is not base64") from error
    if kind == "whpk" and len(octets) == 32:
        return _ed25519(octets)
    if kind == "whsec" and 24 <= len(octets) <= 64:
        return "v1", lambda value, signed: hmac.compare_digest(hmac.new(octets, signed, hashlib.sha256).digest(), value)
    raise Refused("signature-invalid", "a key is whpk_ and 32 octets, or whsec_ and 24 to 64, in base64")


def _ed25519(octets: bytes) -> tuple[str, _Check]:
    public = Ed25519PublicKey.from_public_bytes(octets)

    def check(value: bytes, signed: bytes) -> bool:
        try:
            public.verify(value, signed)
        except InvalidSignature:
            return False
        return True

    return "v1a", check

"""Checking a receipt (compact JWS, RFC 7515) against published keys (JWKS, RFC 7517), wherever it is read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hub.problems import Refused

TYPE = "lienthong-receipt+jws"


def verify_receipt(jws: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a compact JWS that one of ``jwks`` signed.

    The algorithm is the key's, never the token's choice: Ed25519 for an OKP key, ES256 for P-256 (RFC 8725 §3.1).
    Raises ``Refused`` with ``signature-invalid`` when the text is no JWS, no key fits, or the signature is wrong.
    """
    try:
        protected, payload, signature = jws.strip().split(".")
        header = json.loads(_decode(protected))
        value = _decode(signature)
        claims = json.loads(_decode(payload))
    except (ValueError, binascii.Error) as error:
        raise Refused("signature-invalid", "not a compact JWS") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise Refused("signature-invalid", "a receipt's header and payload are JSON objects, without crit")
    if header.get("typ") != TYPE:  # the hub's access tokens are signed by the same key
        raise Refused("signature-invalid", f"this is no receipt: typ is {header.get('typ')!r}, not {TYPE!r}")
    keys = [key for key in jwks.get("keys", ()) if header.get("kid") in (None, key.get("kid"))]
    if not keys:
        raise Refused("signature-invalid", f"the hub publishes no key {header.get('kid')!r}")
    signed = f"{protected}.{payload}".encode()
    if not any(_verifies(key, header.get("alg"), signed, value) for key in keys):
        raise Refused("signature-invalid", "the signature does not verify under the hub's keys")
    return cast(dict[str, Any], claims)


def _verifies(key: Mapping[str, Any], algorithm: object, signed: bytes, signature: bytes) -> bool:
    family = (key.get("kty"), key.get("crv"))
    check: Callable[[Mapping[str, Any], bytes, bytes], None]
    if family == ("OKP", "Ed25519") and algorithm in ("EdDSA", "Ed25519"):  # RFC 8037, RFC 9864
        check = _check_ed25519
    elif family == ("EC", "P-256") and algorithm == "ES256":
        check = _check_es256
    else:
        return False
    try:
        check(key, signed, signature)
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def _check_ed25519(key: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(_decode(key["x"])).verify(signature, signed)


def _check_es256(key: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
    if len(signature) != 64:
        raise ValueError("an ES256 signature has 64 octets")
    numbers = ec.EllipticCurvePublicNumbers(_number(_decode(key["x"])), _number(_decode(key["y"])), ec.SECP256R1())
    der = encode_dss_signature(_number(signature[:32]), _number(signature[32:]))
    numbers.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

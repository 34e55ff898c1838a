"""Judging an ID token (OpenID Connect Core 1.0 §3.1.3.7).

The algorithms are named here and never taken from the token alone: a key fits one algorithm by its own kind.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from hub.registry.openid import Assertion

# which key an algorithm takes (RFC 7518 §3.1, RFC 8037 §3.1): kind, curve
ALGORITHMS = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
LEEWAY = 60  # seconds by which clocks may differ
OLDEST = 600  # seconds between the token and its coming here
SMALLEST_RSA = 2048  # bits (RFC 7518 §3.3)
LONGEST = 32 * 1024  # characters of a token

# what stands for a second factor: RFC 8176 §2, and contexts that say so by their names
_POSSESSION = {"hwk", "otp", "pop", "sc", "swk"}
_KNOWLEDGE = {"pin", "pwd", "kba"}
_CONTEXTS = {"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "https://refeds.org/profile/mfa"}

Key = RSAKey | ECKey | OKPKey


class WrongToken(Exception):
    """The token proves nothing; the text says why, for the log of the hub."""


class UnknownKey(WrongToken):
    """None of the provider's keys fits the token's header: it may have been rotated."""


def judge(token: str, keys: Sequence[Any], issuer: str, client_id: str, nonce: str, now: datetime) -> Assertion:
    """Whom the token is about; ``keys``: the provider's JWKs. Raises ``WrongToken``.

    ``second_factor`` is what the token claims, whether that is trusted or not.
    """
    claims = _verified(token, keys)
    if claims.get("iss") != issuer:
        raise WrongToken(f"another issuer: {claims.get('iss')!r}")
    _check_audience(claims, client_id)
    _check_times(claims, now.timestamp())
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise WrongToken("another nonce")
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise WrongToken("no subject")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Assertion(issuer, subject, str(email) if verified else "", _second_factor(claims))


def _verified(token: str, keys: Sequence[Any]) -> dict[str, Any]:
    if len(token) > LONGEST:
        raise WrongToken("too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or "crit" in header:
            raise WrongToken(f"algorithm {algorithm!r}, critical {header.get('crit')!r}")
        checked = jws.deserialize_compact(token, _key(header, keys), algorithms=[algorithm])
        claims = json.loads(checked.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise WrongToken(str(error) or type(error).__name__) from error
    if not isinstance(claims, dict):
        raise WrongToken("no claims")
    return claims


def _key(header: dict[str, Any], keys: Sequence[Any]) -> Key:
    """The one key of the provider that the token can be of. Raises ``UnknownKey``, ``WrongToken``."""
    kind, curve = ALGORITHMS[header["alg"]]
    named = header.get("kid")
    fitting = [
        key
        for key in keys
        if isinstance(key, dict)
        and (key.get("kty"), key.get("crv")) == (kind, curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and (named is None or key.get("kid") == named)
    ]
    if len(fitting) != 1:
        raise UnknownKey(f"{len(fitting)} keys for {header['alg']}, kid {named!r}")
    [found] = fitting
    if kind == "EC":
        return ECKey.import_key(found)
    if kind == "OKP":
        return OKPKey.import_key(found)
    key = RSAKey.import_key(found)
    if key.public_key.key_size < SMALLEST_RSA:
        raise WrongToken(f"an RSA key of {key.public_key.key_size} bits")
    return key


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    audience, party = claims.get("aud"), claims.get("azp")
    several = audience if isinstance(audience, list) else [audience]
    if client_id not in several:
        raise WrongToken(f"another audience: {audience!r}")
    if party != client_id and (party is not None or len(several) > 1):
        raise WrongToken(f"another authorized party: {party!r}")


def _check_times(claims: dict[str, Any], now: float) -> None:
    if _time(claims, "exp") <= now - LEEWAY:
        raise WrongToken("expired")
    if not now - OLDEST <= _time(claims, "iat") <= now + LEEWAY or _time({"nbf": now, **claims}, "nbf") > now + LEEWAY:
        raise WrongToken("issued at another time")


def _time(claims: dict[str, Any], name: str) -> float:
    found = claims.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise WrongToken(f"no {name}")
    return found


def _second_factor(claims: dict[str, Any]) -> bool:
    methods = claims.get("amr")
    named = {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
    return "mfa" in named or bool(named & _POSSESSION and named & _KNOWLEDGE) or claims.get("acr") in _CONTEXTS

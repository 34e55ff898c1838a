"""Time stamps as members: a response as an authority gives it, around the token that is kept (RFC 3161 §2.4.2)."""

from __future__ import annotations

from hub.signatures import der

_GRANTED = der.element(der.SEQUENCE, der.element(der.INTEGER, b"\0"))


def response(token: bytes) -> bytes:
    """What ``openssl ts -verify -in`` reads."""
    return der.element(der.SEQUENCE, _GRANTED, token)


def token_of(octets: bytes) -> bytes:
    """The token in such a response. Raises ``ValueError``."""
    ((_, contents),) = der.elements(octets)
    token = contents.removeprefix(_GRANTED)
    if response(token) != octets:
        raise ValueError("not a response that grants a time stamp")
    return token

"""Base64 (RFC 4648 §4) with one form for each value, so that no character of a proof can be another one."""

from __future__ import annotations

import base64
import binascii


def decoded(text: str) -> bytes:
    """The octets. Raises ``ValueError`` for other text, also where only unused bits of the last character are set."""
    try:
        octets = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if base64.b64encode(octets).decode() != text:
        raise ValueError("not base64 in its one form")
    return octets

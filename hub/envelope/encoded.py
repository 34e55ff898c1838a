"""Base64 as the hub takes it, in pieces: white space between lines is what real senders write, anything else is refused
(RFC 4648 §3.3), and so are bits that stand for nothing (§3.5).
"""

from __future__ import annotations

import binascii

_WHITE = b" \t\r\n"


class Base64:
    """``decode`` what comes, ``close`` at the end; both give octets. Raises ``ValueError`` (``binascii.Error`` too)."""

    def __init__(self) -> None:
        self._left = b""

    def decode(self, text: bytes) -> bytes:
        in_lines = any(one in text for one in _WHITE)
        left = self._left + (text.translate(None, _WHITE) if in_lines else text)
        # the last four signs stay back: only they may end in padding
        ready = max(0, (len(left) - 1) // 4 * 4)
        piece, self._left = left[:ready], left[ready:]
        if b"=" in piece:
            raise ValueError("padding before the end")
        return binascii.a2b_base64(piece, strict_mode=True)

    def close(self) -> bytes:
        last = binascii.a2b_base64(self._left, strict_mode=True)
        if binascii.b2a_base64(last, newline=False) != self._left:
            raise ValueError("the bits after the last octet are not zero (RFC 4648 §3.5)")
        return last

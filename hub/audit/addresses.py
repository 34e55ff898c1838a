"""Logs and witnesses as an operator writes them down: verifier keys (C2SP signed-note), and where witnesses answer."""

from __future__ import annotations

import re

from hub.audit.note import COSIGNATURE, ED25519, VerifierKey

# a name may have "=" in it
_ADDRESS = re.compile(r"(?P<key>[^\s,]+?)=(?P<url>https?://[^\s,?#]+)")


def log_keys(text: str) -> tuple[VerifierKey, ...]:
    """Keys of logs, separated by commas or on lines of their own. Raises ``ValueError``."""
    return _keys(text, ED25519)


def _keys(text: str, kind: int) -> tuple[VerifierKey, ...]:
    keys = tuple(VerifierKey.parse(one) for one in re.split(r"[,\s]+", text) if one)
    wrong = [key.name for key in keys if key.kind != kind]
    if wrong:
        raise ValueError(f"{wrong[0]}: this is the key of {'a witness' if kind == ED25519 else 'a log'}")
    return keys


def witness_addresses(text: str) -> tuple[tuple[VerifierKey, str], ...]:
    """Witnesses from a list ``VKEY=URL,VKEY=URL``; the URL is the submission prefix. Raises ``ValueError``."""
    found = []
    for one in filter(None, map(str.strip, text.split(","))):
        match = _ADDRESS.fullmatch(one)
        if match is None:
            raise ValueError("must be VKEY=https://HOST/PATH, separated by commas")
        [key] = _keys(match["key"], COSIGNATURE)
        found.append((key, match["url"]))
    if len({key.text for key, _ in found}) < len(found):
        raise ValueError("the same witness twice")
    return tuple(found)

"""Passwords of people: Argon2id (RFC 9106, second recommended setting), salted, never stored or logged as given.

Hashing takes tens of milliseconds and 64 MiB on purpose: call it in a thread, never on the event loop.
"""

from __future__ import annotations

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The encoded hash (PHC string format) with its own salt."""
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` has this hash. Without a hash (None, empty) it takes as long and says no: logins cannot be
    probed, and who has no password has none that fits."""
    try:
        return _hasher.verify(password_hash or _nobody(), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """True when the hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


@functools.cache
def _nobody() -> str:
    return _hasher.hash("")

"""Passwords of people: Argon2id (RFC 9106, second recommended setting), salted, never stored or logged as given.

Hashing takes tens of milliseconds and 64 MiB on purpose: call it in a thread, never on the event loop.
"""

from __future__ import annotations

import functools
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.language.folding import folded
from hub.problems import Refused

SHORTEST = 12
LONGEST = 200

# what people take when twelve characters are asked for; without marks, spaces and case
_LISTED = """
    123456789012 1234567890123 12345678901234 123456123456 112233445566 121212121212 123123123123 147258369147
    000000000000 111111111111 888888888888 987654321012 098765432109 1q2w3e4r5t6y 1qaz2wsx3edc qwertyuiop12
    qwertyuiop123 qwerty123456 qwerty1234567 asdfghjkl123 zxcvbnm12345 abcdefghijkl abcd12345678 abc123abc123
    password1234 password12345 password123456 passwordpassword passw0rd1234 p@ssw0rd1234 p@ssword1234 matkhau12345
    matkhau123456 matkhaumatkhau doimatkhau123 administrator administrator1 administrator123 admin1234567
    admin12345678 quantri123456 quantrivien123 letmein123456 welcome12345 welcome123456 iloveyou1234 iloveyouiloveyou
    vietnam12345 vietnam123456 hanoi1234567 hanoivietnam saigon123456 anhyeuem1234 anhyeuem123456 emyeuanh1234
    lienthong123 lienthong1234 lienthong2025 lienthong2026 vanthu123456 uyban1234567 trucvanhanh1
"""
_COMMON = frozenset(_LISTED.split())

_hasher = PasswordHasher()


def check_password(password: str, login: str) -> None:
    """Whether somebody may choose it. Raises ``Refused('password-weak')``; the detail says why: ``short``, ``long``,
    ``login``, ``common``."""
    plain = "".join(folded(password).split())
    if len(_composed(password)) < SHORTEST or len(set(plain)) < 4:
        raise Refused("password-weak", "short", "password")
    if len(password) > LONGEST:
        raise Refused("password-weak", "long", "password")
    if len(login) > 3 and login.lower() in plain and len(plain.replace(login.lower(), "")) < 10:
        raise Refused("password-weak", "login", "password")
    if plain in _COMMON or plain[::-1] in _COMMON:
        raise Refused("password-weak", "common", "password")


def hash_password(password: str) -> str:
    """The encoded hash (PHC string format) with its own salt."""
    return _hasher.hash(_composed(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` has this hash. Without a hash (None, empty) it takes as long and says no: logins cannot be
    probed, and who has no password has none that fits."""
    try:
        return _hasher.verify(password_hash or _nobody(), _composed(password)) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """True when the hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _composed(password: str) -> str:
    """One form for marks that keyboards compose in several ways (RFC 8265 §4.2.2: NFC)."""
    return unicodedata.normalize("NFC", password)


@functools.cache
def _nobody() -> str:
    return _hasher.hash("")

"""Second factors: codes by time (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds) and recovery codes.

The secret is kept sealed (AES-256-GCM, the person's identifier as associated data) under a key that is derived from the
hub's own secret: a copy of the ledger makes no codes, and no person's secret can be put in another's place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub import clock
from hub.problems import Misconfigured
from hub.signatures.keys.derivation import Deriving

PERIOD = 30
DRIFT = 1  # steps that a telephone's clock may be off
CODES = 10
_NONCE = 12


def new_secret() -> str:
    """160 random bits as base32 (RFC 4226 §4)."""
    return base64.b32encode(_random(20)).decode()


def new_codes() -> list[str]:
    """Ten recovery codes of 80 random bits: ``abcd-efgh-ijkl-mnop``."""
    texts = [base64.b32encode(_random(10)).decode().lower() for _ in range(CODES)]
    return ["-".join(text[start : start + 4] for start in range(0, 16, 4)) for text in texts]


def _random(octets: int) -> bytes:
    return base64.urlsafe_b64decode(clock.new_secret() + "=")[:octets]


def code_digest(person_id: str, code: str) -> str:
    """What the ledger keeps of a recovery code, however it is spaced and whatever its case."""
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(f"{person_id}\n{plain}".encode()).hexdigest()


def is_recovery_code(code: str) -> bool:
    return len("".join(code.split()).replace("-", "")) == 16


def step_of(secret: str, code: str, at: datetime, last: int) -> int | None:
    """The time step that this code is of: within one step of ``at`` and after ``last``; None when it fits none."""
    given = "".join(code.split())
    if not (given.isascii() and given.isdigit()):
        return None
    now = int(at.timestamp()) // PERIOD
    totp = pyotp.TOTP(secret)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > last and hmac.compare_digest(totp.generate_otp(step), given):
            return step
    return None


def address(secret: str, login: str, hub_name: str) -> str:
    """The ``otpauth://`` address that authenticator programs read."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=hub_name)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A QR code as an SVG path in a square of ``size`` units, its quiet zone included."""

    path: str
    size: int


def drawn(text: str) -> Drawing:
    """The QR code (ISO/IEC 18004, error correction M) of a text."""
    border = 4
    matrix = segno.make(text, error="m", micro=False).matrix
    squares = [
        f"M{column + border} {row + border}h1v1h-1z"
        for row, line in enumerate(matrix)
        for column, dark in enumerate(line)
        if dark
    ]
    return Drawing("".join(squares), len(matrix) + 2 * border)


def in_fours(secret: str) -> str:
    """For typing: ``ABCD EFGH …``."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


class Vault:
    """Seals secrets of second factors, and makes the keyed digests that failures are counted under."""

    def __init__(self, deriving: Deriving) -> None:
        self._cipher = AESGCM(deriving.derived("person/second-factor"))
        self._key = deriving.derived("person/failures")

    def seal(self, person_id: str, secret: str) -> bytes:
        nonce = _random(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), person_id.encode())

    def unseal(self, person_id: str, sealed: bytes) -> str:
        """Raises ``Misconfigured('settings-invalid')`` when it was sealed with another hub's secret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], person_id.encode()).decode()
        except InvalidTag as error:
            reason = "the second factors were sealed under another derivation.secret"
            raise Misconfigured("settings-invalid", reason, "LIENTHONG_DATA_DIR") from error

    def digest(self, *parts: str) -> str:
        """A keyed digest: tells equal texts apart from others, and nothing else."""
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()

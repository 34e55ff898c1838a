"""What is registered of a system that takes its documents by AMQP: how RabbitMQ keeps its user's password.

The hash lets the hub make the user again after the broker has lost its disk. The password has 256 random bits.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from hub import clock
from hub.problems import Refused

PASSWORD_HASH = "password_hash"  # noqa: S105 - the name of an option, no password
ALGORITHM = "rabbit_password_hashing_sha256"
SALT_OCTETS = 4
HASH_OCTETS = SALT_OCTETS + 32


def hashed(password: str) -> str:
    """The password as RabbitMQ keeps it: base64 of a salt and the SHA-256 of salt and password."""
    salt = clock.new_secret()[:SALT_OCTETS].encode()
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def check(options: dict[str, Any]) -> None:
    """Raises ``Refused('registry-invalid')`` without a hash."""
    try:
        octets = base64.b64decode(str(options.get(PASSWORD_HASH, "")), validate=True)
    except ValueError:
        octets = b""
    if len(octets) != HASH_OCTETS:
        raise Refused("registry-invalid", f"{PASSWORD_HASH}: not as RabbitMQ keeps passwords", "options")


def public(options: dict[str, Any]) -> dict[str, Any]:
    """The options without what is nobody's business."""
    return {name: value for name, value in options.items() if name != PASSWORD_HASH}

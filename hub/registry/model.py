"""The nouns of the registry."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args

Channel = Literal["pull", "push", "amqp", "mail", "folder"]
CHANNELS: tuple[str, ...] = get_args(Channel)
# the channels whose couriers exist; the others are refused at registration instead of swallowing documents
OFFERED_CHANNELS: tuple[str, ...] = ("pull", "push", "amqp", "mail", "folder")


def offered_channels(*, embedded: bool) -> tuple[str, ...]:
    """Those of an engine: without RabbitMQ there is nothing for an agency to consume."""
    return tuple(one for one in OFFERED_CHANNELS if not (embedded and one == "amqp"))


Severity = Literal["refuse", "warn", "ignore"]
SEVERITIES: tuple[str, ...] = get_args(Severity)

Role = Literal["operator", "administrator", "auditor", "reporting", "clerk"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """A client secret that was replaced and counts until ``ends_at``, so that nobody has to change it in one moment."""

    sha256: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class System:
    """An agency document system with credentials, a channel and a queue; serves one or more agencies."""

    id: str
    name: str
    channel: str
    client_id: str
    secret_sha256: str
    auditor: bool
    active: bool
    inline_only: bool = False
    url: str | None = None
    options: dict[str, Any] = field(default_factory=dict)  # what its channel needs, by the channel's own names
    disabled: bool = False  # said to be gone for good: nothing is handed over until an operator enables it
    former: tuple[FormerSecret, ...] = ()


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency as routing needs it. ``active`` is false when the agency or its system is suspended.

    ``inline_only``: its system takes documents with their attachments inside only, not beside them.
    """

    code: str
    name: str
    system_id: str
    channel: str
    active: bool
    inline_only: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """What a rule of the profile means for one agency (empty: for all) through the day ``until``."""

    agency_code: str
    rule: str
    severity: Severity
    until: date
    reason: str = ""


def secret_digest(secret: str) -> str:
    """SHA-256 of a generated secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_of(system: System, secret: str, at: datetime) -> bool:
    """Whether this is the system's client secret, or one of before that still counts at ``at``."""
    digest = secret_digest(secret)
    if hmac.compare_digest(digest, system.secret_sha256):
        return True
    return any(hmac.compare_digest(digest, one.sha256) and at < one.ends_at for one in system.former)

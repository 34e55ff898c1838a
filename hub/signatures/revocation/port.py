"""What the judge of revocation needs from outside: somewhere to keep answers, something that fetches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from cryptography import x509

from hub.signatures.revocation.answers import Held


class Unreachable(Exception):
    """An address gave no octets that could be an answer; the text says why. Never leaves this room."""


class Fetch(Protocol):
    """One request for one answer. Raises ``Unreachable``."""

    async def get(self, url: str) -> bytes:
        """A list, DER or PEM."""

    async def ask(self, url: str, request: bytes) -> bytes:
        """An OCSP response."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as the store has it. ``serial`` is hexadecimal, empty for a list."""

    authority: str
    serial: str
    kind: str
    der: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an answer is about: the certificate that made the hub ask, its issuer, and the address that was asked."""

    authority: str
    serial: str
    kind: str
    source: str
    certificate: x509.Certificate
    issuer: x509.Certificate


@dataclass(frozen=True, slots=True)
class Due:
    """An answer to be had again."""

    kind: Literal["crl", "ocsp"]
    certificate: x509.Certificate
    issuer: x509.Certificate
    source: str


@dataclass(frozen=True, slots=True)
class When:
    """Due is what was asked for before ``older_than``, or before ``asked_before`` and ends before ``ends_before``;

    of that only what was used since ``used_since``.
    """

    older_than: datetime
    ends_before: datetime
    asked_before: datetime
    used_since: datetime


class Store(Protocol):
    """Answers that outlive the process and are shared by all of a hub's. Octets once kept are kept for ever."""

    async def current(self, authority: str, serial: str, at: datetime) -> Kept | None:
        """The newest answer; the store notes that it is in use, so that it is renewed in time."""

    async def changed(self, since: datetime) -> Sequence[tuple[str, str, str]]:
        """(authority, serial, SHA-256) of the answers that were replaced since then."""

    async def keep(self, about: Subject, held: Held, at: datetime) -> bool:
        """Make it the current one. False, and the octets are kept only as evidence, if a newer one is current."""

    async def keep_evidence(
        self, certificates: Sequence[x509.Certificate], lists: Sequence[Held], at: datetime
    ) -> None:
        """Keep what a verdict rests on; what is there already stays as it is."""

    async def due(self, when: When) -> Sequence[Due]:
        """Answers in use that are to be had again; the next to end first."""

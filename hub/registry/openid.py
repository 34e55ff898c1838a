"""Signing in at the province's identity provider, as the pages see it (OpenID Connect Core 1.0, code flow)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from hub import clock


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to the provider and back. Everything in it comes from 256 random bits that only the browser keeps."""

    secret: str = field(default_factory=clock.new_secret, repr=False)

    @property
    def state(self) -> str:
        """Ties the way back to the browser that left (RFC 6749 §10.12)."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Ties the identity to this way (OpenID Connect Core 1.0 §3.1.2.1)."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Ties the code to this way (RFC 7636 §4.1)."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """The verifier's, by S256 (RFC 7636 §4.2)."""
        return _encoded(self.verifier)

    def _derived(self, purpose: str) -> str:
        return _encoded(f"{purpose} {self.secret}")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who the provider says this is. ``email`` is empty unless it says that it verified the address.

    ``second_factor``: it asked for one, and is trusted with it.
    """

    issuer: str
    subject: str
    email: str
    second_factor: bool


class IdentityProvider(Protocol):
    """An authority that people sign in at."""

    @property
    def issuer(self) -> str: ...

    async def address(self, flow: Flow) -> str:
        """Where to send the browser. Raises ``Deferred('openid-unavailable')``."""

    async def redeem(self, code: str, issuer: str, flow: Flow) -> Assertion:
        """Who came back with ``code``; ``issuer`` as the way back names it, empty if it does not (RFC 9207).

        Raises ``Deferred('openid-unavailable')``, ``Refused('openid-refused')``.
        """

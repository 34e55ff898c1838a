"""The hub's public keys as all its processes have them: read from the ledger, kept for a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from hub import clock
from hub.ledger.hub_keys import PublishedKey
from hub.problems import Deferred
from hub.signatures.jws import HubKey, public_of
from hub.signatures.keys.port import PublicKey

log = structlog.get_logger()
FRESH_SECONDS = 3.0
# how often a name that nobody knows may make us look: every stranger can write one
LOOK_AGAIN_SECONDS = 1.0


class PublishedKeys:
    """``own`` signs in this process. ``token_seconds``: so long after its end a key's tokens are still good."""

    def __init__(self, own: HubKey, read: Callable[[], Awaitable[list[PublishedKey]]], token_seconds: int) -> None:
        self.algorithm = own.algorithm
        self._own = own
        self._read = read
        self._life = timedelta(seconds=token_seconds)
        self._known: list[PublishedKey] | None = None
        self._looked = 0.0

    async def jwks(self) -> list[dict[str, Any]]:
        """Every key that ever signed here (RFC 7517 §4), with ``retired_at`` where it signs no more.

        Raises ``Deferred`` when the ledger was never reached.
        """
        known = await self._every(FRESH_SECONDS)
        found = [
            one.jwk if one.retired_at is None else {**one.jwk, "retired_at": clock.rfc3339(one.retired_at)}
            for one in known
        ]
        # before the first start of a role, and for as long as another process has not read the newest
        return found if any(one.kid == self._own.kid for one in known) else [*found, self._own.jwk]

    async def verifying(self, kid: str) -> Mapping[str, PublicKey]:
        """The key of this name by which tokens are checked now, if there is one. Raises ``Deferred``."""
        known = {one.kid: one for one in await self._every(FRESH_SECONDS)}
        if kid not in known and kid != self._own.kid:
            known = {one.kid: one for one in await self._every(LOOK_AGAIN_SECONDS)}
        found = known.get(kid)
        if found is None:
            return {kid: self._own.public} if kid == self._own.kid else {}
        if found.retired_at is not None and found.retired_at + self._life <= clock.now():
            return {}
        return {kid: public_of(found.jwk)}

    async def _every(self, age: float) -> list[PublishedKey]:
        """The keys as they were no longer ago than ``age`` seconds; older ones while the ledger is away."""
        if self._known is not None and clock.monotonic() < self._looked + age:
            return self._known
        try:
            found = await self._read()
        except Deferred:
            if self._known is None:
                raise
            return self._known
        self._known, self._looked = found, clock.monotonic()
        for one in found:
            if one.kid == self._own.kid and one.retired_at is not None:
                log.error("key.retired_in_use", kid=one.kid, advice="start this process again")
        return found

"""Access tokens: signed by the hub's key, so that every process of the hub can check them without a look-up.

A token names only the client; whether the system is active is asked of the directory at every request, so that a
suspension does not wait for tokens to run out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from hub import clock
from hub.problems import Refused
from hub.signatures.jws import HubKey, kid_of, open_jws
from hub.signatures.keys.port import PublicKey

REMEMBERED = 10_000
# a token seen is believed so long before its key is looked at again: it may have been retired
BELIEVED_SECONDS = 60

Verifying = Callable[[str], Awaitable[Mapping[str, PublicKey]]]


class Tokens:
    """Issues and checks tokens. ``seconds`` is their life.

    ``verifying``: a key by its ``kid``, if tokens may be checked by it now; None: only this process's own key.
    """

    def __init__(self, key: HubKey, seconds: int, verifying: Verifying | None = None) -> None:
        self._key = key
        self.seconds = seconds
        self._verifying = verifying or self._own
        self._known: OrderedDict[str, tuple[str, float, float]] = OrderedDict()

    async def _own(self, kid: str) -> Mapping[str, PublicKey]:
        return {self._key.kid: self._key.public} if kid == self._key.kid else {}

    def issue(self, client_id: str) -> str:
        now = int(clock.now().timestamp())
        claims = {"sub": client_id, "iat": now, "exp": now + self.seconds, "jti": clock.new_id()}
        return self._key.sign_token(claims)

    async def client_of(self, token: str) -> str:
        """The client that a token names. Raises ``Refused('token-invalid')``, ``Deferred``."""
        known, now = self._known.get(token), clock.now().timestamp()
        if known is None or now >= known[2]:
            known = (*await self._open(token), now + BELIEVED_SECONDS)
            self._known[token] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        client_id, expires, _ = known
        if now >= expires:
            raise Refused("token-invalid", "the token has run out", "Authorization")
        return client_id

    async def _open(self, token: str) -> tuple[str, float]:
        try:
            claims = open_jws(token, await self._verifying(kid_of(token)), "at+jwt")
            return str(claims["sub"]), float(claims["exp"])
        except (ValueError, KeyError) as error:
            raise Refused("token-invalid", "not a token of this hub", "Authorization") from error

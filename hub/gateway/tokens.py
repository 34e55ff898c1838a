"""Access tokens: signed by the hub's key, so that every process of the hub can check them without a look-up.

A token names only the client; whether the system is active is asked of the directory at every request, so that a
suspension does not wait for tokens to run out.
"""

from __future__ import annotations

from collections import OrderedDict

from hub import clock
from hub.problems import Refused
from hub.signatures.jws import HubKey, open_jws

REMEMBERED = 10_000


class Tokens:
    """Issues and checks tokens. ``seconds`` is their life."""

    def __init__(self, key: HubKey, seconds: int) -> None:
        self._key = key
        self.seconds = seconds
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def issue(self, client_id: str) -> str:
        now = int(clock.now().timestamp())
        claims = {"sub": client_id, "iat": now, "exp": now + self.seconds, "jti": clock.new_id()}
        return self._key.sign_token(claims)

    def client_of(self, token: str) -> str:
        """The client that a token names. Raises ``Refused('token-invalid')``."""
        known = self._known.get(token)
        if known is None:
            known = self._open(token)
            self._known[token] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        client_id, expires = known
        if clock.now().timestamp() >= expires:
            raise Refused("token-invalid", "the token has run out", "Authorization")
        return client_id

    def _open(self, token: str) -> tuple[str, float]:
        try:
            claims = open_jws(token, {self._key.kid: self._key.public}, "at+jwt")
            return str(claims["sub"]), float(claims["exp"])
        except (ValueError, KeyError) as error:
            raise Refused("token-invalid", "not a token of this hub", "Authorization") from error

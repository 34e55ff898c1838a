"""One identity provider: its addresses and keys, and the authorization code flow with it."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from adapters.oidc import fetching
from hub import clock
from hub.problems import Deferred, Misconfigured, Refused
from hub.registry.openid import Assertion, Flow

EXTRA = "joserfc is not installed: pip install 'lienthong[oidc]'"
SCOPE = "openid email"
KEPT_SECONDS = 3600.0  # how long addresses and keys are believed
AGAIN_SECONDS = 60.0  # keys are not asked for more often than this because a token names an unknown one

log = logging.getLogger("hub.openid")


class OpenIdProvider:
    """``IdentityProvider``. ``back``: the address of this hub that the provider sends people back to.

    ``second_factor``: that the provider asked for one is believed. Raises ``Misconfigured`` without the extra.
    """

    def __init__(self, issuer: str, client_id: str, secret: str, back: str, *, second_factor: bool = False) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._back = back
        self._second_factor = second_factor
        self._judging = _judging()
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, list[Any]] | None = None

    @property
    def issuer(self) -> str:
        return self._issuer

    async def address(self, flow: Flow) -> str:
        """Where to send the browser (RFC 6749 §4.1.1, RFC 7636 §4.3). Raises ``Deferred('openid-unavailable')``."""
        question = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": SCOPE,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        place = (await self._description())["authorization_endpoint"]
        return f"{place}{'&' if urlsplit(place).query else '?'}{urlencode(question)}"

    async def redeem(self, code: str, issuer: str, flow: Flow) -> Assertion:
        """Exchange the code (RFC 6749 §4.1.3) and judge the ID token.

        Raises ``Deferred('openid-unavailable')``, ``Refused('openid-refused')``.
        """
        described = await self._description()
        promised = described.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._issuer and (issuer or promised):
            raise _refused(f"the way back names another issuer: {issuer!r}")
        token = await self._token(described, code, flow)
        try:
            found = await self._judged(token, flow.nonce)
        except self._judging.WrongToken as error:
            raise _refused(str(error)) from error
        asked = found.second_factor and self._second_factor
        return Assertion(found.issuer, found.subject, found.email, asked)

    async def _token(self, described: dict[str, Any], code: str, flow: Flow) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": flow.verifier,
        }
        # RFC 6749 §2.3.1; a provider that says nothing takes client_secret_basic (Discovery 1.0 §3)
        ways = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        credentials = None
        if "client_secret_basic" in ways:
            credentials = (quote_plus(self._client_id), quote_plus(self._secret))
        else:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        status, answer = await self._asked("POST", described["token_endpoint"], form, credentials)
        token = answer.get("id_token")
        if status >= 500:
            raise _unavailable(f"the token endpoint answers {status}")
        if status != 200 or not isinstance(token, str):
            raise _refused(f"the token endpoint answers {status}: {str(answer.get('error'))[:100]}")
        return token

    async def _judged(self, token: str, nonce: str) -> Assertion:
        try:
            return await self._judged_by(await self._known_keys(KEPT_SECONDS), token, nonce)
        except self._judging.UnknownKey:
            return await self._judged_by(await self._known_keys(AGAIN_SECONDS), token, nonce)

    async def _judged_by(self, keys: list[Any], token: str, nonce: str) -> Assertion:
        found: Assertion = self._judging.judge(token, keys, self._issuer, self._client_id, nonce, clock.now())
        return found

    async def _description(self) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0 §4). Raises ``Deferred``."""
        if self._described is not None and clock.monotonic() - self._described[0] < KEPT_SECONDS:
            return self._described[1]
        status, found = await self._asked("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200 or found.get("issuer") != self._issuer:
            raise _unavailable(f"{self._issuer} does not describe itself ({status}, issuer {found.get('issuer')!r})")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            place = found.get(name)
            if not isinstance(place, str) or urlsplit(place).scheme not in {"https", urlsplit(self._issuer).scheme}:
                raise _unavailable(f"{name} is no address that may be used: {place!r}")
        self._described = (clock.monotonic(), found)
        return found

    async def _known_keys(self, oldest: float) -> list[Any]:
        """The provider's JWKs (RFC 7517 §5), at most ``oldest`` seconds old. Raises ``Deferred``."""
        if self._keys is not None and clock.monotonic() - self._keys[0] < oldest:
            return self._keys[1]
        status, found = await self._asked("GET", (await self._description())["jwks_uri"])
        keys = found.get("keys")
        if status != 200 or not isinstance(keys, list):
            raise _unavailable(f"no keys ({status})")
        self._keys = (clock.monotonic(), keys)
        return keys

    async def _asked(
        self, method: str, url: str, form: dict[str, str] | None = None, credentials: tuple[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        try:
            return await fetching.send(method, url, form, credentials)
        except fetching.NoAnswer as error:
            raise _unavailable(f"{url}: {error}") from error


def _judging() -> ModuleType:
    """Loaded only where a provider is configured: the library is an extra. Raises ``Misconfigured``."""
    try:
        from adapters.oidc import id_token
    except ImportError as error:
        raise Misconfigured("settings-invalid", EXTRA, "LIENTHONG_OIDC_ISSUER") from error
    return id_token


def _refused(reason: str) -> Refused:
    # the reader is told that it failed; why is for the operator
    log.warning("sign-in at the identity provider refused: %s", reason)
    return Refused("openid-refused", reason)


def _unavailable(reason: str) -> Deferred:
    log.warning("identity provider unavailable: %s", reason)
    return Deferred("openid-unavailable", reason)

"""The province's identity provider, where the settings name one."""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.oidc import OpenIdProvider
from hub.problems import Finding, Misconfigured
from hub.settings import Settings

BACK = "/login/openid/back"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def identity_provider(settings: Settings) -> OpenIdProvider | None:
    """None where people sign in with passwords only. Raises ``Misconfigured``."""
    issuer, client_id, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    if issuer is None and client_id is None and secret is None:
        return None
    if not (issuer and client_id and secret):
        raise _wrong("oidc_issuer, oidc_client_id and oidc_client_secret go together")
    place = urlsplit(issuer)
    plain = place.scheme == "http" and place.hostname in _LOOPBACK
    if not (place.scheme == "https" or plain) or not place.hostname or place.query or place.fragment:
        raise _wrong("must be https://…, without query (OpenID Connect Discovery 1.0 §4.3)")
    back = settings.base_url + BACK
    return OpenIdProvider(issuer, client_id, secret, back, second_factor=settings.oidc_second_factor)


def _wrong(reason: str) -> Misconfigured:
    return Misconfigured("settings-invalid", findings=(Finding("settings-invalid", reason, "LIENTHONG_OIDC_ISSUER"),))

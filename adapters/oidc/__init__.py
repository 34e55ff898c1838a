"""OpenID Connect: people sign in at the province's identity provider.

In charge of: the authorization code flow with PKCE, finding the provider's addresses and keys, judging its ID tokens.
Comes in: the provider's issuer, this hub's client there, a ``Flow`` that the browser holds. Goes out: an ``Assertion``.
Who the asserted person is here and what they may do is the registry's business: nothing of it comes from the provider.
The library for signatures is the extra ``oidc`` and is loaded only when a provider is configured.
"""

from adapters.oidc.provider import OpenIdProvider

__all__ = ["OpenIdProvider"]

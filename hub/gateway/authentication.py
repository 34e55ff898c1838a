"""Which system is calling. Every route under ``/v1`` depends on one of these; a test holds them to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.openapi.models import OAuthFlows
from fastapi.security import OAuth2
from fastapi.security.utils import get_authorization_scheme_param

from hub.gateway.context import gateway
from hub.gateway.patience import SYSTEM
from hub.problems import Refused
from hub.registry.model import System

# what the OpenAPI document says about it; refusing is done below, in our own form
_SCHEME = OAuth2(flows=OAuthFlows(clientCredentials={"tokenUrl": "/oauth2/token", "scopes": {}}), auto_error=False)


async def calling_system(request: Request, authorization: Annotated[str | None, Security(_SCHEME)]) -> System:
    """The active system behind the Bearer token (RFC 6750). Raises ``Refused``: 401."""
    scheme, token = get_authorization_scheme_param(authorization)
    if scheme.lower() != "bearer" or not token:
        raise Refused("authentication-required", "", "Authorization")
    context = gateway(request)
    system = await context.directory.system_by_client(await context.tokens.client_of(token))
    if system is None or not system.active:
        raise Refused("client-invalid", "the system is suspended or no longer registered", "Authorization")
    request.scope[SYSTEM] = system.id
    return system


async def calling_auditor(system: Annotated[System, Depends(calling_system)]) -> System:
    """The same, if it may read the exchange log. Raises ``Refused('forbidden')``."""
    if not system.auditor:
        raise Refused("forbidden", "the exchange log is for auditors")
    return system


Caller = Annotated[System, Depends(calling_system)]
Auditor = Annotated[System, Depends(calling_auditor)]

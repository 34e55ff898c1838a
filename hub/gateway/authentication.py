"""Which system is calling. Every route under ``/v1`` depends on one of these; a test holds them to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security.utils import get_authorization_scheme_param

from hub.gateway.context import gateway
from hub.problems import Refused
from hub.registry.model import System


async def calling_system(request: Request) -> System:
    """The active system behind the Bearer token (RFC 6750). Raises ``Refused``: 401."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "bearer" or not token:
        raise Refused("authentication-required", "", "Authorization")
    context = gateway(request)
    system = await context.directory.system_by_client(context.tokens.client_of(token))
    if system is None or not system.active:
        raise Refused("client-invalid", "the system is suspended or no longer registered", "Authorization")
    return system


async def calling_auditor(system: Annotated[System, Depends(calling_system)]) -> System:
    """The same, if it may read the exchange log. Raises ``Refused('forbidden')``."""
    if not system.auditor:
        raise Refused("forbidden", "the exchange log is for auditors")
    return system


Caller = Annotated[System, Depends(calling_system)]
Auditor = Annotated[System, Depends(calling_auditor)]

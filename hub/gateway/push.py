"""``/v1/push/keys``: what the calling system verifies the hub's pushes with. Every system has keys of its own."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub.gateway.authentication import Caller
from hub.gateway.context import gateway
from hub.registry.push import key_numbers
from hub.signatures.webhooks import WebhookKeys

router = APIRouter(tags=["push"])


@router.get("/v1/push/keys", summary="Keys that verify what is pushed to the calling system (RFC 7517)")
async def show_keys(request: Request, caller: Caller) -> Response:
    keys = WebhookKeys([gateway(request).derivation], caller.id, key_numbers(caller.options))
    return JSONResponse(keys.jwks, headers={"Cache-Control": "private"})

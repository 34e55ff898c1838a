"""``POST /oauth2/token``: the client credentials grant (RFC 6749 §4.4), by HTTP Basic or in the form."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub import clock
from hub.gateway.body import check_head
from hub.gateway.context import gateway
from hub.gateway.problem_details import problem
from hub.problems import Refused
from hub.registry.model import is_secret_of

router = APIRouter(tags=["authentication"])
LONGEST_FORM = 8192

# RFC 6749 §5.2: its own error names travel beside our code, for clients that know only those
_OAUTH_ERRORS = {"client-invalid": "invalid_client", "grant-unsupported": "unsupported_grant_type"}


@router.post(
    "/oauth2/token",
    summary="Get an access token",
    responses={401: {"description": "client-invalid"}, 400: {"description": "grant-unsupported"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"const": "client_credentials"},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string"},
                        },
                    }
                }
            },
        }
    },
)
async def token(request: Request) -> Response:
    try:
        return await _token(request)
    except Refused as refusal:
        error = _OAUTH_ERRORS.get(refusal.code, "invalid_request")
        return problem(request, refusal.findings, members={"error": error})


async def _token(request: Request) -> Response:
    check_head(request, ("application/x-www-form-urlencoded",), LONGEST_FORM)
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LONGEST_FORM:
            raise Refused("request-too-large", f"more than {LONGEST_FORM} octets")
    form = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    if form.get("grant_type") != ["client_credentials"]:
        raise Refused("grant-unsupported", ", ".join(form.get("grant_type", [])), "grant_type")
    client_id, secret = _credentials(request, form)
    if "\0" in client_id:
        raise Refused("client-invalid")
    context = gateway(request)
    system = await context.directory.system_by_client(client_id)
    if system is None or not is_secret_of(system, secret, clock.now()) or not system.active:
        raise Refused("client-invalid")
    await context.sightings.note(context.ledger, system.id, "token_at")
    body = {
        "access_token": context.tokens.issue(client_id),
        "token_type": "Bearer",
        "expires_in": context.tokens.seconds,
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _credentials(request: Request, form: dict[str, list[str]]) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except ValueError as error:  # of base64 or of UTF-8
            raise Refused("client-invalid", "not Basic credentials", "Authorization") from error
        client_id, colon, secret = pair.partition(":")
        if colon:
            return unquote_plus(client_id), unquote_plus(secret)
    return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]

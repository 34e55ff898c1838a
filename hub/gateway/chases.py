"""``POST /v1/deliveries/{id}:chase``: the sender has a recipient reminded, now and not too often."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from hub.clock import rfc3339
from hub.gateway.authentication import Caller
from hub.gateway.body import json_body, json_content
from hub.gateway.characters import Line
from hub.gateway.context import gateway
from hub.receipts.asking import LONGEST_NOTE

router = APIRouter(tags=["envelopes"])


class ChaseBody(BaseModel):
    """``note`` is shown to the recipient."""

    model_config = ConfigDict(extra="forbid")
    note: Line = Field("", max_length=LONGEST_NOTE)


@router.post(
    "/v1/deliveries/{delivery_id}:chase",
    summary="Remind the recipient of a letter of mine, and its duty contact",
    responses={
        404: {"description": "not-found: there is no such delivery of a letter of this system"},
        409: {"description": "chase-needless: nothing is waited for"},
        429: {"description": "chase-too-soon: after Retry-After"},
    },
    openapi_extra=json_content(ChaseBody),
)
async def chase(request: Request, delivery_id: str, caller: Caller) -> Response:
    body = await json_body(request, ChaseBody)
    asked = await gateway(request).chases.ask(caller.id, delivery_id, body.note)
    return JSONResponse(
        {
            "delivery": asked.delivery_id,
            "envelope": asked.envelope_id,
            "recipient": asked.recipient,
            "asked_at": rfc3339(asked.at),
            "again_at": rfc3339(asked.again_at),
        }
    )

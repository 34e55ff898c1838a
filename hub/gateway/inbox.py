"""``/v1/inbox`` and ``/v1/deliveries``: take documents under a lease, and end the lease."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from hub.clock import rfc3339
from hub.delivery.lease import Close, Closed
from hub.delivery.showing import shown
from hub.gateway.authentication import Caller
from hub.gateway.body import json_body, json_content
from hub.gateway.characters import Line
from hub.gateway.context import gateway
from hub.gateway.plain import PlainRoute
from hub.ledger.deliveries import Leased
from hub.problems import Refused

router = APIRouter(tags=["inbox"], route_class=PlainRoute)
LONGEST_LEASE = 86_400

_LOST: dict[int | str, dict[str, Any]] = {
    404: {"description": "not-found"},
    409: {"description": "lease-lost, delivery-closed or delivery-not-taken"},
}


class LeaseBody(BaseModel):
    """``lease`` may be left out: then it is whatever lease the calling system holds."""

    model_config = ConfigDict(extra="forbid")
    lease: Line | None = Field(None, max_length=64)


class ExtendBody(LeaseBody):
    seconds: int | None = Field(None, ge=1, le=LONGEST_LEASE)


class RefuseBody(LeaseBody):
    reason: Line = Field("", max_length=1000)


@router.get("/v1/inbox", summary="Deliveries under a new lease, most urgent first")
async def inbox(
    request: Request,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    wait: Annotated[int, Query(ge=0, le=60, description="seconds to wait for the first")] = 0,
    lease: Annotated[int | None, Query(ge=1, le=LONGEST_LEASE, description="seconds")] = None,
) -> Response:
    context = gateway(request)
    seconds = lease or context.settings.lease_seconds
    wait = min(wait, context.settings.long_poll_seconds)
    await context.sightings.note(context.ledger, caller.id, "inbox_at")
    taken = await context.leases.take(caller.id, limit, seconds, wait, request.is_disconnected)
    context.handed.remember(caller.id, taken)
    return JSONResponse({"deliveries": [_delivery(one) for one in taken]}, headers={"Cache-Control": "no-store"})


def _delivery(one: Leased) -> dict[str, Any]:
    base = f"/v1/deliveries/{one.id}"
    return {
        **shown(one),
        "lease": {"id": one.lease_id, "until": rfc3339(one.lease_until)},
        "links": {
            "content": f"/v1/envelopes/{one.envelope_id}/content",
            "settle": f"{base}:settle",
            "release": f"{base}:release",
            "extend": f"{base}:extend",
            "refuse": f"{base}:refuse",
        },
    }


def _closed(closed: Closed) -> Response:
    return JSONResponse({"delivery": closed.delivery_id, "state": closed.state, "receipt": closed.receipt})


@router.post(
    "/v1/deliveries/{delivery_id}:settle",
    summary="Close the lease as taken",
    responses=_LOST,
    openapi_extra=json_content(LeaseBody),
)
async def settle(request: Request, delivery_id: str, caller: Caller) -> Response:
    body = await json_body(request, LeaseBody)
    return _closed(await gateway(request).leases.settle(Close(caller.id, delivery_id, body.lease)))


@router.post(
    "/v1/deliveries/{delivery_id}:release",
    summary="Give the delivery back",
    responses=_LOST,
    openapi_extra=json_content(LeaseBody),
)
async def release(request: Request, delivery_id: str, caller: Caller) -> Response:
    body = await json_body(request, LeaseBody)
    await gateway(request).leases.release(Close(caller.id, delivery_id, body.lease))
    return JSONResponse({"delivery": delivery_id, "state": "ready"})


@router.post(
    "/v1/deliveries/{delivery_id}:extend",
    summary="Keep the lease longer",
    responses=_LOST,
    openapi_extra=json_content(ExtendBody),
)
async def extend(request: Request, delivery_id: str, caller: Caller) -> Response:
    context = gateway(request)
    body = await json_body(request, ExtendBody)
    seconds = body.seconds or context.settings.lease_seconds
    until = await context.leases.extend(Close(caller.id, delivery_id, body.lease), seconds)
    answer = {"delivery": delivery_id, "state": "leased", "lease": {"id": body.lease, "until": rfc3339(until)}}
    return JSONResponse(answer)


@router.post(
    "/v1/deliveries/{delivery_id}:refuse",
    summary="Refuse for good, with a reason",
    responses=_LOST,
    openapi_extra=json_content(RefuseBody),
)
async def refuse(request: Request, delivery_id: str, caller: Caller) -> Response:
    body = await json_body(request, RefuseBody)
    if not body.reason.strip():
        raise Refused("reason-missing", "", "/reason")
    close = Close(caller.id, delivery_id, body.lease)
    return _closed(await gateway(request).leases.refuse(close, body.reason.strip()))

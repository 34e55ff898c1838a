"""``/livez``, ``/readyz``, ``/metrics``: for those who run the hub. They say nothing about documents or agencies."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from hub.delivery.retry import BREAKER_FAILURES
from hub.gateway import metrics
from hub.gateway.context import gateway
from hub.ledger import log_state, troubles

router = APIRouter(tags=["operations"])


@router.get("/livez", summary="The process answers")
async def livez() -> Response:
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="A real round trip to ledger and broker", responses={503: {"description": "not ready"}})
async def readyz(request: Request) -> Response:
    """Ready needs the ledger and its schema. Without the broker the hub is degraded but accepts: the outbox absorbs."""
    context = gateway(request)
    ledger = await context.ledger.ping()
    schema = ledger and await context.schema_current()
    broker = await context.broker_ready()
    status = "not ready" if not schema else "ready" if broker else "degraded"
    body = {"status": status, "ledger": ledger, "schema": schema, "broker": broker}
    return JSONResponse(body, 200 if schema else 503, headers={"Cache-Control": "no-store"})


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def scrape(request: Request) -> Response:
    ledger = gateway(request).ledger
    found, log = await ledger.read(troubles.count, BREAKER_FAILURES), await ledger.read(log_state.progress)
    return Response(metrics.render(found, log), media_type="text/plain; version=0.0.4; charset=utf-8")

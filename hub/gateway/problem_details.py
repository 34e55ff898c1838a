"""Problem details (RFC 9457): one function turns whatever went wrong into one form.

What this hub does not recognise becomes ``hub-internal`` with its detail kept in the log only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from hub import language
from hub.gateway.metrics import REFUSALS
from hub.gateway.trace import trace_id
from hub.problems import Deferred, Finding, HubError, Misconfigured, explain

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


def problem(
    request: Request,
    findings: Sequence[Finding],
    *,
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> Response:
    """The problem document for findings, the first of which names the problem."""
    spoken = language.choose(request.headers.get("accept-language"))
    row = explain(findings[0].code)
    REFUSALS.labels(row.code).inc()
    body = {
        "type": f"/problems/{row.code}",
        "title": row.title(spoken),
        "status": row.status,
        "detail": findings[0].detail or row.title(spoken),
        "instance": request.url.path,
        "code": row.code,
        "retryable": row.retryable,
        "remedy": row.remedy(spoken),
        "findings": [
            {
                "code": one.code,
                "title": explain(one.code).title(spoken),
                "detail": one.detail,
                "location": one.location,
                "rule": one.rule,
                "remedy": explain(one.code).remedy(spoken),
            }
            for one in findings
        ],
        "trace_id": trace_id(request),
        **(members or {}),
    }
    sent = {"Content-Language": spoken, "Cache-Control": "no-store", **(headers or {})}
    if row.status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="lienthong"'
    return JSONResponse(body, row.status, headers=sent, media_type=MEDIA_TYPE)


async def on_hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    headers: dict[str, str] = {}
    if isinstance(error, Deferred):
        headers["Retry-After"] = str(error.retry_after)
        log.warning("request.deferred", code=error.code, detail=error.detail, path=request.url.path)
    if isinstance(error, Misconfigured):
        log.error("request.misconfigured", code=error.code, detail=error.detail)
    findings: Sequence[Finding] = error.findings
    if isinstance(error, Misconfigured) or error.code == "ledger-unavailable":
        findings = [Finding(error.code)]  # addresses and statements are for the operator: the log has them
    return problem(request, findings, headers=headers)


_HTTP = {
    400: "request-invalid",
    404: "not-found",
    405: "method-not-allowed",
    413: "request-too-large",
    415: "media-type-unsupported",
}


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP.get(error.status_code, "hub-internal")
    return problem(request, [Finding(code)], headers=dict(error.headers or {}))


async def on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [
        Finding("request-invalid", str(one["msg"]), "/" + "/".join(str(part) for part in one["loc"]))
        for one in error.errors()
    ]
    return problem(request, findings)


async def on_any_error(request: Request, error: Exception) -> Response:
    log.error("request.failed", path=request.url.path, trace_id=trace_id(request), exc_info=error)
    return problem(request, [Finding("hub-internal")])


def install(app: FastAPI) -> None:
    app.add_exception_handler(HubError, on_hub_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(Exception, on_any_error)

"""The OpenAPI document, with what no route says by itself: every refusal has one form, with a code of the catalogue."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from hub.gateway import answers, webhooks
from hub.gateway.problem_details import MEDIA_TYPE
from hub.problems import CATALOGUE

_TEXT = {"type": "string"}
_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}}
_CODE = {"type": "string", "enum": sorted(CATALOGUE), "description": "explained at /problems/{code}"}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Finding": {
        "type": "object",
        "description": "One thing that is wrong: what, where (XPath, JSON Pointer or name), and how to mend it.",
        "required": ["code", "title", "detail", "location", "remedy"],
        "properties": {
            "code": _CODE,
            "title": _TEXT,
            "detail": _TEXT,
            "location": _TEXT,
            "remedy": _TEXT,
            "rule": {"type": "string", "description": "the rule of the profile, where one was applied"},
        },
    },
    "Problem": {
        "type": "object",
        "description": "Problem details (RFC 9457), in the language of Accept-Language (vi, en).",
        "required": ["type", "title", "status", "code", "retryable", "remedy"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "instance": {"type": "string"},
            "code": _CODE,
            "retryable": {"type": "boolean", "description": "whether the same request may succeed later"},
            "remedy": _TEXT,
            "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
            "trace_id": _TEXT,
            "refusal": {"type": "string", "description": "JWS: the signed refusal of an envelope that was judged"},
            "error": {"type": "string", "description": "RFC 6749 §5.2, at /oauth2/token only"},
        },
    },
}
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def install(app: FastAPI) -> None:
    """Let ``app.openapi()`` give the completed document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            complete(plain())
        assert app.openapi_schema is not None, "plain() keeps what it made"
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI names for extending it


def complete(document: dict[str, Any]) -> None:
    """Add, in place, what operations of systems answer, and how they refuse; take out FastAPI's own form of that."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(SCHEMAS | answers.schemas() | webhooks.schemas())
    document["webhooks"] = webhooks.described()
    for path, item in document["paths"].items():
        if path.startswith(("/v1/", "/oauth2/", "/.well-known/")):
            for operation in item.values():
                _describe_answers(operation)
                _describe_refusals(operation)


def _describe_answers(operation: dict[str, Any]) -> None:
    name, statuses = answers.GIVEN.get(operation["operationId"], ("", ()))
    for status in statuses:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        operation["responses"][status]["content"] = content


def _describe_refusals(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == "Validation Error":
        responses["422"] = {"description": "request-invalid"}
    if operation.get("security"):
        responses.setdefault("401", {"description": "authentication-required, token-invalid or client-invalid"})
    if "requestBody" in operation:
        responses.setdefault("408", {"description": "request-timeout: the body came too slowly"})
        responses.setdefault("413", {"description": "request-too-large"})
        responses.setdefault("415", {"description": "media-type-unsupported"})
    responses.setdefault("503", {"description": "the hub cannot tell now: repeat after Retry-After"})
    responses["503"].setdefault("headers", _RETRY_AFTER)
    responses.setdefault("default", {"description": "any other problem of the catalogue"})
    for status, response in responses.items():
        if status == "default" or status >= "400":
            response["content"] = _PROBLEM

"""``/docs``: the OpenAPI document as a page, without any other host: Swagger UI comes inside an installed wheel.

``/asyncapi.yaml``: the contract of the channel amqp, which OpenAPI has no words for.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

# Swagger UI writes style attributes; scripts stay limited to files of this origin
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Liên Thông API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/files/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""

_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null});\n'


@router.get("/docs")
async def page() -> Response:
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff"})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(_START, media_type="text/javascript; charset=utf-8")


@router.get("/asyncapi.yaml")
async def asyncapi() -> Response:
    return Response(_asyncapi(), media_type="application/yaml")


@functools.cache
def _asyncapi() -> bytes:
    """In the wheel inside the package; in a checkout at the top, where people look for it."""
    installed = Path(__file__).parents[1] / "schemas" / "asyncapi.yaml"
    return (installed if installed.is_file() else Path(__file__).parents[2] / "schemas" / "asyncapi.yaml").read_bytes()


def install(app: FastAPI) -> None:
    app.include_router(router)
    # only its files are wanted: importing the package would build an application class
    package = importlib.util.find_spec("fastapi_offline")
    assert package is not None, "fastapi-offline is a declared dependency"
    assert package.origin is not None, "fastapi-offline is an ordinary package"
    app.mount("/docs/files", StaticFiles(directory=Path(package.origin).parent / "static"))

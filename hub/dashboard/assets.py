"""Our own files: stylesheet, script, mark. Read once, addressed by content, cached for a year."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard import tokens
from hub.dashboard.headers import harden

MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
# later rules win: what everything stands on comes first
FIRST = ("frame", "controls", "sheets", "tables", "overview", "letter", "report", "work", "audit")


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    version: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Every file by name; and all style sheets as one, so that a page asks for one."""
    found = {"site.css": _asset(_stylesheet().encode(), ".css")}
    for path in sorted((Path(__file__).parent / "static").iterdir()):
        if path.suffix in MEDIA_TYPES:
            found[path.name] = _asset(path.read_bytes(), path.suffix)
    return found


def _stylesheet() -> str:
    """The tokens, written from their one definition, then what every page needs, then what only some need."""
    paths = sorted((Path(__file__).parent / "static").glob("*.css"), key=lambda path: (_place(path.stem), path.stem))
    return tokens.stylesheet() + "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _place(stem: str) -> int:
    return FIRST.index(stem) if stem in FIRST else len(FIRST)


def _asset(content: bytes, suffix: str) -> Asset:
    return Asset(content, MEDIA_TYPES[suffix], hashlib.sha256(content).hexdigest()[:12])


def address(name: str) -> str:
    """Where a page finds an asset; the version changes with the content."""
    return f"/static/{name}?v={assets()[name].version}"


async def serve(request: Request) -> Response:
    asset = assets().get(request.path_params["name"])
    if asset is None:
        return harden(Response(status_code=404))
    tag = f'"{asset.version}"'
    lasting = request.query_params.get("v") == asset.version
    headers = {"ETag": tag, "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return harden(Response(status_code=304, headers=headers))
    return harden(Response(asset.content, media_type=asset.media_type, headers=headers))


def add_assets(router: APIRouter) -> None:
    router.add_route("/static/{name}", serve, methods=["GET", "HEAD"], include_in_schema=False)

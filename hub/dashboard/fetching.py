"""Taking a document by the link of a notice: for offices without a system, without an account.

Looking at the page changes nothing, so that mail scanners may follow the link; the buttons are POST, and the first file
taken settles the delivery. Attachments inside the document are given out one by one too: a clerk reads PDF, not edXML.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from hub.dashboard.context import DashboardContext
from hub.dashboard.desk import Desk, desk_of
from hub.dashboard.forms import form_of
from hub.dashboard.inside import taken_out
from hub.dashboard.router import route_class
from hub.delivery.links import Links, Offer
from hub.problems import Deferred, Refused
from hub.spool import BLOCK

_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}")
_LETTER = "letter"
# taking an attachment out of a long document keeps a processor busy for a second
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _Given:
    """A file that the page offers. ``key`` is what its button says; ``inside``: it has no file of its own."""

    key: str
    name: str
    sha256: str
    size: int
    content_id: str
    inside: bool


class FetchScreens:
    """``/fetch/{token}``. Raises ``Refused('link-closed')``."""

    def __init__(self, desk: Desk, links: Links) -> None:
        self.desk = desk
        self.links = links
        self._room = asyncio.Semaphore(AT_ONCE)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/fetch/{token}", self.look, methods=["GET"])
        router.add_api_route("/fetch/{token}", self.take, methods=["POST"])

    async def look(self, request: Request) -> Response:
        offer = await self.links.look(_token(request))
        values = {"offer": offer, "letter": offer.letter, "files": _files(offer), "address": request.url.path}
        return self.desk.page(request, "fetch/page.html", values)

    async def take(self, request: Request) -> Response:
        wanted = (await form_of(request)).get("file", "")
        token = _token(request)
        offer = await self.links.look(token)
        given = next((one for one in _files(offer) if one.key == wanted), None)
        if given is None:
            raise Refused("not-found", "the letter has no such file")
        answer = await self._answer(offer, given)  # first: what cannot be read was not taken
        await self.links.take(token)
        return answer

    async def _answer(self, offer: Offer, given: _Given) -> Response:
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(given.name, safe='')}",
            "Cache-Control": "no-store",
        }
        try:
            if not given.inside:
                path = self.desk.context.payloads.path(given.sha256, given.size)
                return FileResponse(path, headers=headers, media_type="application/octet-stream")
            payloads = self.desk.context.payloads
            path = payloads.path(offer.letter.sha256, offer.letter.size)
            async with self._room:
                file = await asyncio.to_thread(taken_out, path, given.content_id, given.sha256, payloads.incoming)
        except OSError as error:
            raise Deferred("payload-unavailable", "the document's file cannot be read") from error
        headers["Content-Length"] = str(given.size)
        pieces = iter(lambda: file.read(BLOCK), b"")
        return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")


def fetch_pages(context: DashboardContext, links: Links) -> APIRouter:
    """Public, in the reader's language; to be included without a prefix."""
    desk = desk_of(context)
    router = APIRouter(route_class=route_class(desk), include_in_schema=False)
    FetchScreens(desk, links).add(router)
    return router


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    if _TOKEN.fullmatch(token) is None:
        raise Refused("link-closed")
    return token


def _files(offer: Offer) -> list[_Given]:
    letter = offer.letter
    found = [_Given(_LETTER, f"{letter.id}.edxml", letter.sha256, letter.size, "", False)]
    listed = letter.details.get("attachments")
    beside = {part.content_id for part in offer.parts}
    for number, one in enumerate(listed if isinstance(listed, list) else [], 1):
        found.append(_attachment(f"attachment-{number}", one, beside))
    return found


def _attachment(key: str, told: dict[str, Any], beside: set[str]) -> _Given:
    content_id = str(told.get("content_id", ""))
    name = str(told.get("name") or content_id or key)
    return _Given(
        key, name, str(told.get("sha256", "")), int(told.get("size", 0)), content_id, content_id not in beside
    )

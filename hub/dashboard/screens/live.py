"""The stream that tells open pages that something changed."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub.dashboard.desk import Desk


class LiveScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/live", self.listen, methods=["GET"])

    async def listen(self, request: Request) -> Response:
        """Events for as long as the session is open; 204, which tells browsers not to come back, when all is full."""
        live = self.desk.context.live
        person = self.desk.visitor(request).person
        if not live.has_room(person.id):
            return Response(status_code=204)

        async def still_open() -> bool:
            return await self.desk.session(request) is not None

        events = live.events(self.desk.ledger, person.id, still_open)
        # nginx passes on at once what says so (ngx_http_proxy_module, proxy_buffering)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

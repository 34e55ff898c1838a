"""Language and theme: two small forms in the head of every page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, local_address
from hub.dashboard.preferences import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, remember
from hub.language import LANGUAGES


class PreferenceScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/preferences", self.choose, methods=["POST"])

    async def choose(self, request: Request) -> Response:
        form = await form_of(request)
        response = RedirectResponse(local_address(form.get("next", "/")), 303)
        secure = self.desk.context.secure
        if form.get("language") in LANGUAGES:
            remember(response, LANGUAGE_COOKIE, form["language"], secure=secure)
        if form.get("theme") in THEMES:
            remember(response, THEME_COOKIE, form["theme"], secure=secure)
        return response

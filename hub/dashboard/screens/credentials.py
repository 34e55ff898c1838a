"""A system's client secret: another one, shown once, with a time in which the one before still counts."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.ledger import Transaction, credentials, systems
from hub.ledger.credentials import Rotated
from hub.problems import Refused, explain
from hub.registry.model import FormerSecret, System

OVERLAPS = (0, 1, 24, 72, 168)
USUAL = 24


class CredentialScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        address = "/systems/{system_id}/credentials"
        router.add_api_route(address, self.show, methods=["GET"])
        router.add_api_route(address, self.rotate, methods=["POST"])
        router.add_api_route(f"{address}/end", self.end, methods=["POST"])

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def rotate(self, request: Request) -> Response:
        """Answers with the page that shows the secret: it is nowhere to be read again, so nothing is redirected to."""
        form, known = await form_of(request), (await self._known(request))[0]
        text = form.get("overlap", "")
        try:
            if text not in map(str, OVERLAPS):
                raise Refused("request-invalid", f"one of {', '.join(map(str, OVERLAPS))} hours", "overlap")
            done = await self.desk.ledger.write(
                credentials.rotate,
                known.name,
                timedelta(hours=int(text)),
                seen=form.get("seen", ""),
                actor=self._actor(request),
            )
        except Refused as refusal:
            return await self._page(request, refusal=refusal)
        return await self._page(request, done)

    async def end(self, request: Request) -> Response:
        known = (await self._known(request))[0]
        await self.desk.ledger.write(credentials.end_former, known.name, actor=self._actor(request))
        return RedirectResponse(request.url.path.removesuffix("/end"), 303)

    def _actor(self, request: Request) -> str:
        return f"person:{self.desk.visitor(request).person.login}"

    async def _known(self, request: Request) -> tuple[System, list[FormerSecret]]:
        identifier, now = request.path_params["system_id"], clock.now()

        def read(transaction: Transaction) -> tuple[System, list[FormerSecret]]:
            known = systems.by_id(transaction, identifier)
            if known is None:
                raise Refused("not-found", identifier)
            return known, credentials.former(transaction, known.id, now)

        return await self.desk.ledger.read(read)

    async def _page(self, request: Request, done: Rotated | None = None, refusal: Refused | None = None) -> Response:
        known, former = await self._known(request)
        values = {
            "system": known,
            "former": former,
            "done": done,
            "seen": credentials.mark_of(known),
            "overlaps": OVERLAPS,
            "usual": USUAL,
            "address": f"/systems/{known.id}/credentials",
            "token_address": f"{self.desk.context.base_url}/oauth2/token",
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "credentials/page.html", values, section="systems", status=status)

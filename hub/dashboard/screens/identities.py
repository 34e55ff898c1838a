"""Who a person is at the province's identity provider: entered by an administrator, never by the provider."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.ledger import identities, people
from hub.ledger.people import Person
from hub.problems import Refused


class IdentityScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/people/{person_id}/identity", self.form, methods=["GET"])
        router.add_api_route("/people/{person_id}/identity", self.enter, methods=["POST"])
        router.add_api_route("/people/{person_id}/identity/remove", self.remove, methods=["POST"])

    async def form(self, request: Request) -> Response:
        return await self._page(request, {}, "")

    async def enter(self, request: Request) -> Response:
        person, issuer, form = await self._person(request), self._issuer(), await form_of(request)
        subject, email = form.get("subject", ""), form.get("email", "")
        try:
            await self.desk.ledger.write(
                identities.enter, person, issuer, subject, email, self._actor(request), clock.now()
            )
        except Refused as refusal:
            return await self._page(request, form, refusal.code)
        return RedirectResponse(f"/people/{person.id}/identity", 303)

    async def remove(self, request: Request) -> Response:
        person, issuer = await self._person(request), self._issuer()
        await self.desk.ledger.write(identities.remove, person, issuer, self._actor(request))
        return RedirectResponse(f"/people/{person.id}/identity", 303)

    async def _page(self, request: Request, form: dict[str, str], wrong: str) -> Response:
        person, issuer = await self._person(request), self._issuer()
        values = {
            "one": person,
            "issuer": issuer,
            "identity": await self.desk.ledger.read(identities.of_person, person.id, issuer),
            "subject": form.get("subject", ""),
            "email": form.get("email", ""),
            "wrong": wrong,
        }
        return self.desk.page(request, "people/identity.html", values, section="people", status=422 if wrong else 200)

    async def _person(self, request: Request) -> Person:
        found = await self.desk.ledger.read(people.find, request.path_params["person_id"])
        if found is None:
            raise Refused("not-found")
        return found[0]

    def _issuer(self) -> str:
        if self.desk.context.openid is None:
            raise Refused("not-found")
        return self.desk.context.openid.issuer

    def _actor(self, request: Request) -> str:
        return f"person:{self.desk.visitor(request).person.login}"

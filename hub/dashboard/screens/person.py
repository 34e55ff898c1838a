"""One person, as administrators see them: what may be changed at once, and what is proposed to a second person."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, lists_of
from hub.dashboard.screens.people import MENDABLE, show_link
from hub.dashboard.screens.person_access import actor_of, back_to, login_key, person_of
from hub.ledger import (
    login_failures,
    person_acts,
    person_links,
    proposals,
    second_factors,
    sessions,
)
from hub.ledger.people import ROLES, Person
from hub.problems import Refused, explain

_MENDABLE = MENDABLE | {"second-factor-missing"}


class PersonScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/people/{person_id}", self.person, methods=["GET"])
        for path, act in (
            ("name", self.rename),
            ("roles", self.roles),
            ("active", self.active),
            ("factor", self.factor),
            ("link", self.link),
        ):
            router.add_api_route(f"/people/{{person_id}}/{path}", act, methods=["POST"])

    async def person(self, request: Request) -> Response:
        return await self._page(request, await person_of(self.desk, request))

    async def rename(self, request: Request) -> Response:
        person, form = await person_of(self.desk, request), await form_of(request)
        try:
            await self.desk.ledger.write(person_acts.rename, person, form.get("name", ""), actor_of(self.desk, request))
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return back_to(person)

    async def roles(self, request: Request) -> Response:
        person, form = await person_of(self.desk, request), await lists_of(request)
        arguments = {"roles": sorted(set(form.get("role", []))), "agency": form.get("agency", [""])[-1]}
        return await self._ask(request, person, "person.roles", arguments, form.get("reason", [""])[-1])

    async def active(self, request: Request) -> Response:
        """Whoever decides is switched off and on by two people; others by one administrator."""
        person, form = await person_of(self.desk, request), await form_of(request)
        if person.roles & person_acts.PRIVILEGED:
            kind = "person.deactivate" if person.active else "person.activate"
            return await self._ask(request, person, kind, {}, form.get("reason", ""))
        act = person_acts.deactivate if person.active else person_acts.activate
        await self.desk.ledger.write(act, person, actor_of(self.desk, request))
        return back_to(person)

    async def factor(self, request: Request) -> Response:
        person, form = await person_of(self.desk, request), await form_of(request)
        return await self._ask(request, person, "person.factor", {}, form.get("reason", ""))

    async def link(self, request: Request) -> Response:
        """One administrator could become the second person by the link of one whom a password alone lets in."""
        person, token = await person_of(self.desk, request), clock.new_secret()
        try:
            if person.roles & person_acts.PRIVILEGED and not (person.invited or person.has_factor):
                raise Refused("person-unprotected", person.login)
            made = await self.desk.ledger.write(
                person_links.make, person, token, clock.now(), actor_of(self.desk, request)
            )
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return show_link(self.desk, request, made, token)

    async def _ask(
        self, request: Request, person: Person, kind: str, arguments: dict[str, Any], reason: str
    ) -> Response:
        chosen, mine = {"login": person.login} | arguments, self.desk.visitor(request).person.login
        try:
            record = await self.desk.ledger.write(self.desk.context.proposals.ask, kind, chosen, reason, mine)
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return RedirectResponse(f"/decisions/{record.id}", 303)

    async def _mend(self, request: Request, person: Person, refusal: Refused) -> Response:
        if refusal.code not in _MENDABLE:
            raise refusal
        return await self._page(request, person, refusal)

    async def _page(self, request: Request, person: Person, refusal: Refused | None = None) -> Response:
        now, idle = clock.now(), self.desk.context.session_idle
        waits = await self.desk.ledger.read(login_failures.waits, [login_key(self.desk, person)], now)
        values = {
            "person": person,
            "roles": ROLES,
            "privileged": bool(person.roles & person_acts.PRIVILEGED),
            "sessions": await self.desk.ledger.read(sessions.open_ones, person.id, now, idle),
            "codes_left": await self.desk.ledger.read(second_factors.codes_left, person.id),
            "proposed": await self.desk.ledger.read(proposals.of_subject, person.login),
            "kinds": self.desk.context.proposals.kinds,
            "locked": now + waits[login_key(self.desk, person)] if waits else None,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "people/one.html", values, section="people", status=status)

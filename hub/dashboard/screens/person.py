"""One person, as administrators see them: what may be changed at once, and what is proposed to a second person."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, lists_of
from hub.dashboard.screens.account import end_session, end_sessions
from hub.dashboard.screens.people import MENDABLE, show_link
from hub.ledger import (
    Transaction,
    login_failures,
    people,
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
            ("unlock", self.unlock),
            ("sessions/end", self.end_all),
            ("sessions/{session_id}/end", self.end),
        ):
            router.add_api_route(f"/people/{{person_id}}/{path}", act, methods=["POST"])

    async def person(self, request: Request) -> Response:
        return await self._page(request, await self._found(request))

    async def rename(self, request: Request) -> Response:
        person, form = await self._found(request), await form_of(request)
        try:
            await self.desk.ledger.write(person_acts.rename, person, form.get("name", ""), self._actor(request))
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return self._back(person)

    async def roles(self, request: Request) -> Response:
        person, form = await self._found(request), await lists_of(request)
        arguments = {"roles": sorted(set(form.get("role", []))), "agency": form.get("agency", [""])[-1]}
        return await self._ask(request, person, "person.roles", arguments, form.get("reason", [""])[-1])

    async def active(self, request: Request) -> Response:
        """Whoever decides is switched off and on by two people; others by one administrator."""
        person, form = await self._found(request), await form_of(request)
        if person.roles & person_acts.PRIVILEGED:
            kind = "person.deactivate" if person.active else "person.activate"
            return await self._ask(request, person, kind, {}, form.get("reason", ""))
        act = person_acts.deactivate if person.active else person_acts.activate
        await self.desk.ledger.write(act, person, self._actor(request))
        return self._back(person)

    async def factor(self, request: Request) -> Response:
        person, form = await self._found(request), await form_of(request)
        return await self._ask(request, person, "person.factor", {}, form.get("reason", ""))

    async def link(self, request: Request) -> Response:
        """One administrator could become the second person by the link of one whom a password alone lets in."""
        person, token = await self._found(request), clock.new_secret()
        try:
            if person.roles & person_acts.PRIVILEGED and not (person.invited or person.has_factor):
                raise Refused("person-unprotected", person.login)
            made = await self.desk.ledger.write(person_links.make, person, token, clock.now(), self._actor(request))
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return show_link(self.desk, request, made, token)

    async def unlock(self, request: Request) -> Response:
        person = await self._found(request)
        await self.desk.ledger.write(_unlocked, person, self._key(person), self._actor(request))
        return self._back(person)

    async def end(self, request: Request) -> Response:
        person, identifier = await self._found(request), request.path_params["session_id"]
        await self.desk.ledger.write(end_session, person, identifier, self._actor(request))
        return self._back(person)

    async def end_all(self, request: Request) -> Response:
        person = await self._found(request)
        await self.desk.ledger.write(end_sessions, person, self._actor(request))
        return self._back(person)

    async def _ask(
        self, request: Request, person: Person, kind: str, arguments: dict[str, Any], reason: str
    ) -> Response:
        chosen, mine = {"login": person.login} | arguments, self.desk.visitor(request).person.login
        try:
            record = await self.desk.ledger.write(self.desk.context.proposals.ask, kind, chosen, reason, mine)
        except Refused as refusal:
            return await self._mend(request, person, refusal)
        return RedirectResponse(f"/decisions/{record.id}", 303)

    async def _found(self, request: Request) -> Person:
        """By the identifier; decisions name people by their logins."""
        named = request.path_params["person_id"]
        found = await self.desk.ledger.read(people.find, named)
        found = found or await self.desk.ledger.read(people.find_by_login, named)
        if found is None:
            raise Refused("not-found", named)
        return found[0]

    def _actor(self, request: Request) -> str:
        return f"person:{self.desk.visitor(request).person.login}"

    def _key(self, person: Person) -> str:
        return self.desk.context.vault.digest("login", person.login)

    @staticmethod
    def _back(person: Person) -> Response:
        return RedirectResponse(f"/people/{person.id}", 303)

    async def _mend(self, request: Request, person: Person, refusal: Refused) -> Response:
        if refusal.code not in _MENDABLE:
            raise refusal
        return await self._page(request, person, refusal)

    async def _page(self, request: Request, person: Person, refusal: Refused | None = None) -> Response:
        now, idle = clock.now(), self.desk.context.session_idle
        waits = await self.desk.ledger.read(login_failures.waits, [self._key(person)], now)
        values = {
            "person": person,
            "roles": ROLES,
            "privileged": bool(person.roles & person_acts.PRIVILEGED),
            "sessions": await self.desk.ledger.read(sessions.open_ones, person.id, now, idle),
            "codes_left": await self.desk.ledger.read(second_factors.codes_left, person.id),
            "proposed": await self.desk.ledger.read(proposals.of_subject, person.login),
            "kinds": self.desk.context.proposals.kinds,
            "locked": now + waits[self._key(person)] if waits else None,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "people/one.html", values, section="people", status=status)


def _unlocked(transaction: Transaction, person: Person, login_key: str, actor: str) -> None:
    login_failures.unlock(transaction, login_key)
    person_acts.record(transaction, Event.PERSON_UNLOCKED, person, actor)

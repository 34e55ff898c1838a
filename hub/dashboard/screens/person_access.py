"""A person's way in, as administrators end and open it: sessions, and a login that is locked."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.audit import Event
from hub.dashboard.desk import Desk
from hub.dashboard.screens.account import end_session, end_sessions
from hub.ledger import Transaction, login_failures, people, person_acts
from hub.ledger.people import Person
from hub.problems import Refused


class PersonAccessScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        for path, act in (
            ("unlock", self.unlock),
            ("sessions/end", self.end_all),
            ("sessions/{session_id}/end", self.end),
        ):
            router.add_api_route(f"/people/{{person_id}}/{path}", act, methods=["POST"])

    async def unlock(self, request: Request) -> Response:
        person = await person_of(self.desk, request)
        await self.desk.ledger.write(_unlocked, person, login_key(self.desk, person), actor_of(self.desk, request))
        return back_to(person)

    async def end(self, request: Request) -> Response:
        person, identifier = await person_of(self.desk, request), request.path_params["session_id"]
        await self.desk.ledger.write(end_session, person, identifier, actor_of(self.desk, request))
        return back_to(person)

    async def end_all(self, request: Request) -> Response:
        person = await person_of(self.desk, request)
        await self.desk.ledger.write(end_sessions, person, actor_of(self.desk, request))
        return back_to(person)


async def person_of(desk: Desk, request: Request) -> Person:
    """The person in the address: by the identifier, or by the login, as decisions name people.

    Raises ``Refused('not-found')``.
    """
    named = request.path_params["person_id"]
    found = await desk.ledger.read(people.find, named)
    found = found or await desk.ledger.read(people.find_by_login, named)
    if found is None:
        raise Refused("not-found", named)
    return found[0]


def actor_of(desk: Desk, request: Request) -> str:
    return f"person:{desk.visitor(request).person.login}"


def login_key(desk: Desk, person: Person) -> str:
    return desk.context.vault.digest("login", person.login)


def back_to(person: Person) -> Response:
    return RedirectResponse(f"/people/{person.id}", 303)


def _unlocked(transaction: Transaction, person: Person, login_key: str, actor: str) -> None:
    login_failures.unlock(transaction, login_key)
    person_acts.record(transaction, Event.PERSON_UNLOCKED, person, actor)

"""The own account: sessions, and the password."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.dashboard.signing_in import SigningIn
from hub.ledger import Transaction, people, person_acts, second_factors, sessions
from hub.ledger.people import Person
from hub.problems import Refused
from hub.registry.passwords import check_password


class AccountScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signing_in = SigningIn(desk)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/account", self.account, methods=["GET"])
        router.add_api_route("/account/password", self.password, methods=["POST"])
        router.add_api_route("/account/sessions/end", self.end_others, methods=["POST"])
        router.add_api_route("/account/sessions/{session_id}/end", self.end, methods=["POST"])

    async def account(self, request: Request) -> Response:
        return await self._account(request)

    async def password(self, request: Request) -> Response:
        person, form = self.desk.visitor(request).person, await form_of(request)
        proof = await self.signing_in.proven(request, person.login, form.get("old", "")[:1000])
        if proof.person is None:
            return await self._account(request, "wait" if proof.wait else "old", proof.wait)
        new = form.get("password", "")
        try:
            check_password(new, person.login)
        except Refused as refusal:
            return await self._account(request, refusal.detail)
        if form.get("again", "") != new:
            return await self._account(request, "again")
        hashed = await self.signing_in.hashed(new)
        await self.desk.ledger.write(_chosen, person, hashed)
        response = RedirectResponse("/account?done=password", 303)
        await self.signing_in.renew(request, response, person)
        return response

    async def end(self, request: Request) -> Response:
        person, identifier = self.desk.visitor(request).person, request.path_params["session_id"]
        await self.desk.ledger.write(end_session, person, identifier, f"person:{person.login}")
        return RedirectResponse("/account?done=session", 303)

    async def end_others(self, request: Request) -> Response:
        person, mine = self.desk.visitor(request).person, self.desk.own_session(request).id
        await self.desk.ledger.write(end_sessions, person, f"person:{person.login}", mine)
        return RedirectResponse("/account?done=session", 303)

    async def _account(self, request: Request, wrong: str = "", wait: int = 0) -> Response:
        person, now = self.desk.visitor(request).person, clock.now()
        idle = self.desk.context.session_idle
        values = {
            "person": person,
            "sessions": await self.desk.ledger.read(sessions.open_ones, person.id, now, idle),
            "codes_left": await self.desk.ledger.read(second_factors.codes_left, person.id),
            "mine": self.desk.own_session(request).id,
            "done": request.query_params.get("done", ""),
            "wrong": wrong,
            "wait": wait,
        }
        status = 429 if wait else 422 if wrong else 200
        return self.desk.page(request, "account/page.html", values, section="account", status=status)


def _chosen(transaction: Transaction, person: Person, password_hash: str) -> None:
    people.set_password_hash(transaction, person.id, password_hash)
    person_acts.record(transaction, Event.PASSWORD_CHANGED, person, f"person:{person.login}", by="the person")


def end_session(transaction: Transaction, person: Person, session_id: str, actor: str) -> None:
    """Raises ``Refused('not-found')`` for a session that is not this person's."""
    if not sessions.end(transaction, person.id, session_id):
        raise Refused("not-found", session_id)
    person_acts.record(transaction, Event.SESSION_ENDED, person, actor, session=session_id)


def end_sessions(transaction: Transaction, person: Person, actor: str, but: str = "") -> None:
    """End all sessions of a person, but for one."""
    if ended := sessions.end_all(transaction, person.id, but):
        person_acts.record(transaction, Event.SESSION_ENDED, person, actor, sessions=ended)

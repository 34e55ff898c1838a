"""The own second factor: set up, replaced or removed, and the recovery codes; each step asks for the password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.dashboard.signing_in import SigningIn
from hub.ledger import Transaction, person_acts, second_factors, sessions
from hub.ledger.people import Person
from hub.problems import Refused


class SecondFactorScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signing_in = SigningIn(desk)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/account/factor", self.factor, methods=["GET"])
        router.add_api_route("/account/factor", self.offer, methods=["POST"])
        router.add_api_route("/account/factor/confirm", self.confirm, methods=["POST"])
        router.add_api_route("/account/factor/remove", self.remove, methods=["POST"])
        router.add_api_route("/account/codes", self.codes, methods=["POST"])

    async def factor(self, request: Request) -> Response:
        return await self._page(request)

    async def offer(self, request: Request) -> Response:
        refused = await self._unproven(request)
        if refused is not None:
            return refused
        person, mine = self.desk.visitor(request).person, self.desk.own_session(request).id
        await self.desk.ledger.write(sessions.offer, mine, self.signing_in.factors.offered(person))
        return RedirectResponse("/account/factor", 303)

    async def confirm(self, request: Request) -> Response:
        person, mine = self.desk.visitor(request).person, self.desk.own_session(request).id
        sealed = await self.desk.ledger.read(sessions.offered, mine)
        code = (await form_of(request)).get("code", "")[:100]
        if sealed is None:
            return RedirectResponse("/account/factor", 303)
        codes = await self.desk.ledger.write(self.signing_in.factors.set_up, person, sealed, code, clock.now())
        if codes is None:
            return await self._page(request, "code")
        return await self._codes(request, person, codes)

    async def remove(self, request: Request) -> Response:
        """Raises ``Refused``: ``forbidden`` for who must have one, ``second-factor-missing``."""
        person = self.desk.visitor(request).person
        if person.factor_required:
            raise Refused("forbidden", "your roles take a second factor")
        refused = await self._unproven(request)
        if refused is not None:
            return refused
        await self.desk.ledger.write(person_acts.remove_factor, person, f"person:{person.login}")
        response = RedirectResponse("/account?done=factor", 303)
        await self.signing_in.renew(request, response, person)
        return response

    async def codes(self, request: Request) -> Response:
        """Raises ``Refused('second-factor-missing')``."""
        person = self.desk.visitor(request).person
        if not person.has_factor:
            raise Refused("second-factor-missing", person.login)
        refused = await self._unproven(request)
        if refused is not None:
            return refused
        codes = await self.desk.ledger.write(self.signing_in.factors.renewed, person)
        return await self._codes(request, person, codes)

    async def _unproven(self, request: Request) -> Response | None:
        """The page again when the password is not right; None when it is."""
        login = self.desk.visitor(request).person.login
        password = (await form_of(request)).get("password", "")[:1000]
        proof = await self.signing_in.proven(request, login, password)
        if proof.person is not None:
            return None
        return await self._page(request, "wait" if proof.wait else "password", proof.wait)

    async def _codes(self, request: Request, person: Person, codes: list[str]) -> Response:
        values = {"codes": codes, "next": "/account", "login": person.login}
        response = self.desk.page(request, "login/codes.html", values, section="account")
        await self.signing_in.renew(request, response, person)
        return response

    async def _page(self, request: Request, wrong: str = "", wait: int = 0) -> Response:
        person, mine = self.desk.visitor(request).person, self.desk.own_session(request).id
        sealed, left = await self.desk.ledger.read(_standing, person, mine)
        values: dict[str, Any] = {
            "person": person,
            "offer": None if sealed is None else self.signing_in.factors.shown(person, sealed),
            "codes_left": left,
            "wrong": wrong,
            "wait": wait,
        }
        status = 429 if wait else 422 if wrong else 200
        return self.desk.page(request, "account/factor.html", values, section="account", status=status)


def _standing(transaction: Transaction, person: Person, session_id: str) -> tuple[bytes | None, int]:
    return sessions.offered(transaction, session_id), second_factors.codes_left(transaction, person.id)

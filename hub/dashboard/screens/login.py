"""Signing in, step by step, and signing out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, local_address, text_of
from hub.dashboard.signing_in import SigningIn
from hub.ledger import Transaction, person_acts, sessions
from hub.ledger.sessions import HalfSession, Stage


class LoginScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signing_in = SigningIn(desk)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/login", self.form, methods=["GET"])
        router.add_api_route("/login", self.login, methods=["POST"])
        router.add_api_route("/login/code", self.code_form, methods=["GET"])
        router.add_api_route("/login/code", self.code, methods=["POST"])
        router.add_api_route("/login/factor", self.factor_form, methods=["GET"])
        router.add_api_route("/login/factor", self.factor, methods=["POST"])
        router.add_api_route("/logout", self.logout, methods=["POST"])

    async def form(self, request: Request) -> Response:
        wanted = local_address(text_of(request, "next") or "/")
        if await self.desk.session(request) is not None:
            return RedirectResponse(wanted, 303)
        return self._page(request, "login/form.html", wanted, login="")

    async def login(self, request: Request) -> Response:
        form = await form_of(request)
        login, password = form.get("login", "").strip().lower()[:100], form.get("password", "")[:1000]
        wanted = local_address(form.get("next", "/"))
        proof = await self.signing_in.proven(request, login, password)
        if proof.person is None:
            return self._page(request, "login/form.html", wanted, wrong=not proof.wait, wait=proof.wait, login=login)
        return await self.signing_in.begin(request, proof.person, "password", wanted)

    async def code_form(self, request: Request) -> Response:
        if await self._half(request, "code") is None:
            return RedirectResponse("/login", 303)
        return self._page(request, "login/code.html", local_address(text_of(request, "next") or "/"))

    async def code(self, request: Request) -> Response:
        half = await self._half(request, "code")
        if half is None:
            return RedirectResponse("/login", 303)
        form = await form_of(request)
        wanted = local_address(form.get("next", "/"))
        how, wait = await self.signing_in.code_taken(request, half.person, form.get("code", "")[:100])
        if not how:
            return self._page(request, "login/code.html", wanted, wrong=not wait, wait=wait)
        return await self.signing_in.begin(request, half.person, f"{half.how}+{how}", wanted, both=True)

    async def factor_form(self, request: Request) -> Response:
        half = await self._half(request, "enrolment")
        if half is None:
            return RedirectResponse("/login", 303)
        return self._enrolment(request, half, local_address(text_of(request, "next") or "/"))

    async def factor(self, request: Request) -> Response:
        """Whoever must have a second factor sets it up before anything opens."""
        half = await self._half(request, "enrolment")
        if half is None or half.offered is None:
            return RedirectResponse("/login", 303)
        form = await form_of(request)
        wanted, code = local_address(form.get("next", "/")), form.get("code", "")[:100]
        factors, person = self.signing_in.factors, half.person
        codes = await self.desk.ledger.write(factors.set_up, person, half.offered, code, clock.now())
        if codes is None:
            return self._enrolment(request, half, wanted, wrong=True)
        values = {"codes": codes, "next": wanted, "login": person.login}
        response = self.desk.page(request, "login/codes.html", values)
        await self.signing_in.open(request, response, person, f"{half.how}+totp")
        return response

    async def logout(self, request: Request) -> Response:
        if token := request.cookies.get(self.desk.cookie):
            session = await self.desk.session(request)
            await self.desk.ledger.write(_log_out, token, session)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self.desk.cookie, secure=self.desk.context.secure, httponly=True, samesite="lax")
        return response

    async def _half(self, request: Request, stage: Stage) -> HalfSession | None:
        token = request.cookies.get(self.desk.cookie, "")
        return await self.desk.ledger.read(sessions.half, token, clock.now(), stage) if token else None

    def _enrolment(self, request: Request, half: HalfSession, wanted: str, *, wrong: bool = False) -> Response:
        offer = self.signing_in.factors.shown(half.person, half.offered or b"")
        return self._page(request, "login/factor.html", wanted, wrong=wrong, offer=offer)

    def _page(
        self, request: Request, template: str, wanted: str, *, wrong: bool = False, wait: int = 0, **values: Any
    ) -> Response:
        status = 429 if wait else 422 if wrong else 200
        shown = {"next": wanted, "wrong": wrong, "wait": wait, **values}
        response = self.desk.page(request, template, shown, status=status)
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response


def _log_out(transaction: Transaction, token: str, session: sessions.Session | None) -> None:
    sessions.close_session(transaction, token)
    if session is not None:
        actor = f"person:{session.person.login}"
        person_acts.record(transaction, Event.SESSION_ENDED, session.person, actor, by="logging out")

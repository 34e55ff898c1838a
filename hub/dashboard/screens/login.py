"""Login and logout."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, local_address, text_of
from hub.ledger import Transaction, people, sessions
from hub.ledger.people import Person
from hub.registry.passwords import hash_password, needs_rehash, verify_password


class LoginScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        # Argon2 takes 64 MiB a time on purpose: two at once, the others queue
        self._hashing = asyncio.Semaphore(2)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/login", self.form, methods=["GET"])
        router.add_api_route("/login", self.login, methods=["POST"])
        router.add_api_route("/logout", self.logout, methods=["POST"])

    async def form(self, request: Request) -> Response:
        wanted = local_address(text_of(request, "next") or "/")
        if await self.desk.session(request) is not None:
            return RedirectResponse(wanted, 303)
        return self._form(request, wanted, "")

    async def login(self, request: Request) -> Response:
        form = await form_of(request)
        login, password = form.get("login", "").strip().lower()[:100], form.get("password", "")[:1000]
        wanted = local_address(form.get("next", "/"))
        address = request.client.host if request.client else ""
        wait = self.desk.throttle.wait(login, address, clock.monotonic())
        if wait > 0:
            return self._form(request, wanted, login, wait=math.ceil(wait))
        found = await self.desk.ledger.read(people.find_by_login, login)
        person = await self._checked(found, password)
        if person is None:
            self.desk.throttle.failed(login, address, clock.monotonic())
            # what is no login may be a password in the wrong field: it must not enter the log
            await self._record_failure(login if found is not None else "unknown")
            return self._form(request, wanted, login, wrong=True)
        self.desk.throttle.succeeded(login, address)
        return await self._welcome(person, wanted)

    async def logout(self, request: Request) -> Response:
        if token := request.cookies.get(self.desk.cookie):
            await self.desk.ledger.write(sessions.close_session, token)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self.desk.cookie, secure=self.desk.context.secure, httponly=True, samesite="lax")
        return response

    async def _checked(self, found: tuple[Person, str] | None, password: str) -> Person | None:
        """The person found if active and the password is right; an unknown login takes as long."""
        person, password_hash = found if found is not None else (None, None)
        async with self._hashing:
            right = await asyncio.to_thread(verify_password, password, password_hash)
            if not right or person is None or password_hash is None or not person.active:
                return None
            if needs_rehash(password_hash):
                stronger = await asyncio.to_thread(hash_password, password)
                await self.desk.ledger.write(people.set_password_hash, person.id, stronger)
        return person

    async def _welcome(self, person: Person, wanted: str) -> Response:
        token, now = clock.new_secret(), clock.now()
        await self.desk.ledger.write(self._open, person, token, now)
        response = RedirectResponse(wanted, 303)
        lifetime = int(self.desk.context.session_lifetime.total_seconds())
        response.set_cookie(
            self.desk.cookie, token, max_age=lifetime, httponly=True, samesite="lax", secure=self.desk.context.secure
        )
        return response

    def _open(self, transaction: Transaction, person: Person, token: str, now: datetime) -> None:
        sessions.open_session(transaction, person.id, token, now, self.desk.context.session_lifetime)
        entry = Entry(Event.PERSON_LOGIN, now, actor=f"person:{person.login}", agency_code=person.agency_code or "")
        self.desk.context.record(transaction, [entry])

    async def _record_failure(self, login: str) -> None:
        entry = Entry(Event.PERSON_LOGIN_FAILED, clock.now(), actor=f"person:{login}")
        await self.desk.ledger.write(self.desk.context.record, [entry])

    def _form(self, request: Request, wanted: str, login: str, *, wrong: bool = False, wait: int = 0) -> Response:
        values = {"next": wanted, "login": login, "wrong": wrong, "wait": wait}
        status = 429 if wait else 422 if wrong else 200
        response = self.desk.page(request, "login/form.html", values, status=status)
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response

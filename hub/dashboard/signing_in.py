"""Signing in: attempts that are counted, the steps from the first proof to an open session, and the cookies.

Every step has a session token of its own: what somebody planted or saw before a step opens nothing after it.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import Desk
from hub.dashboard.factors import Factors
from hub.ledger import Transaction, login_failures, people, person_acts, sessions
from hub.ledger.login_failures import Place
from hub.ledger.people import Person
from hub.ledger.sessions import Origin, Stage
from hub.registry.passwords import hash_password, needs_rehash, verify_password

# how long a browser is known as one that a login succeeded in, and how many logins it remembers
KNOWN_FOR = timedelta(days=180)
KNOWN_LOGINS = 4


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of an attempt: the ``person`` when it was right; ``wait`` in seconds when it was not even looked at."""

    person: Person | None = None
    wait: int = 0


class SigningIn:
    """What the screens of signing in and of the own account share."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.factors = Factors(desk.context.vault, desk.context.hub_name)

    async def proven(self, request: Request, login: str, password: str) -> Proof:
        """Ask for the password, counted; who failed too often waits. A right one is taken back, not forgotten yet."""
        wait = await self._attempt(request, login)
        if wait:
            return Proof(wait=wait)
        found = await self.desk.ledger.read(people.find_by_login, login)
        person = await self._checked(found, password)
        if person is None:
            await self.failed(request, login, None if found is None else found[0], "password")
            return Proof()
        await self.desk.ledger.write(login_failures.take_back, self.place(request, login))
        return Proof(person)

    async def code_taken(self, request: Request, person: Person, code: str) -> tuple[str, int]:
        """How the code proved the person (empty: not), and the seconds to wait when it was not looked at."""
        wait = await self._attempt(request, person.login)
        if wait:
            return "", wait
        how = await self.desk.ledger.write(self.factors.taken, person, code, clock.now())
        if not how:
            await self.failed(request, person.login, person, "second factor")
        return how, 0

    async def begin(self, request: Request, person: Person, how: str, wanted: str, *, both: bool = False) -> Response:
        """After the first proof: ask for the second, have it set up, or open a session. ``both``: ``how`` was both."""
        if person.has_factor and not both:
            return await self._half(request, person, how, wanted, "code")
        if person.factor_required and not both:
            return await self._half(request, person, how, wanted, "enrolment")
        response = RedirectResponse(wanted, 303)
        await self.open(request, response, person, how)
        return response

    async def open(self, request: Request, response: Response, person: Person, how: str) -> None:
        """Open a session under a new token in place of the one that the request carries."""
        token = clock.new_secret()

        def write(transaction: Transaction) -> None:
            if before := request.cookies.get(self.desk.cookie):
                sessions.close_session(transaction, before)
            self._open(transaction, request, person, how, token)
            login_failures.forget(transaction, self.place(request, person.login))
            person_acts.record(transaction, Event.PERSON_LOGIN, person, f"person:{person.login}", how=how)

        await self.desk.ledger.write(write)
        self._keep(response, token, self.desk.context.session_lifetime)
        self._know(request, response, person.login)

    async def renew(self, request: Request, response: Response, person: Person) -> None:
        """A new token after the person changed how to sign in; all sessions so far end, the own one too."""
        token, how = clock.new_secret(), self.desk.own_session(request).how

        def write(transaction: Transaction) -> None:
            sessions.end_all(transaction, person.id)
            self._open(transaction, request, person, how, token)

        await self.desk.ledger.write(write)
        self._keep(response, token, self.desk.context.session_lifetime)

    def _open(self, transaction: Transaction, request: Request, person: Person, how: str, token: str) -> None:
        lifetime, origin = self.desk.context.session_lifetime, origin_of(request, how)
        sessions.open_session(transaction, person.id, token, clock.now(), lifetime, origin)

    async def _half(self, request: Request, person: Person, how: str, wanted: str, stage: Stage) -> Response:
        token, now = clock.new_secret(), clock.now()
        offered = self.factors.offered(person) if stage == "enrolment" else None

        def write(transaction: Transaction) -> None:
            if before := request.cookies.get(self.desk.cookie):
                sessions.close_session(transaction, before)
            sessions.open_half(transaction, person.id, token, now, origin_of(request, how), stage, offered)

        await self.desk.ledger.write(write)
        path = "/login/code" if stage == "code" else "/login/factor"
        response = RedirectResponse(f"{path}?next={quote(wanted, safe='/')}", 303)
        self._keep(response, token, sessions.HALF_LIFETIME)
        return response

    async def _attempt(self, request: Request, login: str) -> int:
        wait = self.desk.throttle.wait(address_of(request), clock.monotonic())
        if wait > 0:
            return math.ceil(wait)
        asked = await self.desk.ledger.write(login_failures.attempt, self.place(request, login), clock.now())
        return math.ceil(asked.total_seconds())

    async def failed(self, request: Request, login: str, person: Person | None, what: str) -> None:
        """Count a failure here too, and say so in the log."""
        self.desk.throttle.failed(address_of(request), clock.monotonic())
        await self.desk.ledger.write(self._failed, self.place(request, login), person, what)

    def _failed(self, transaction: Transaction, place: Place, person: Person | None, what: str) -> None:
        # what is no login may be a password in the wrong field: it must not enter the log
        actor = f"person:{person.login if person is not None else 'unknown'}"
        entry = Entry(Event.PERSON_LOGIN_FAILED, clock.now(), actor=actor, detail={"at": what})
        self.desk.context.record(transaction, [entry])
        if person is not None and login_failures.count(transaction, place) == login_failures.FREE_FAILURES:
            person_acts.record(transaction, Event.PERSON_LOCKED, person, actor, known_browser=bool(place.browser))

    async def _checked(self, found: tuple[Person, str] | None, password: str) -> Person | None:
        """The person found if active and the password is right; an unknown login takes as long."""
        person, password_hash = found if found is not None else (None, None)
        async with self.desk.hashing:
            right = await asyncio.to_thread(verify_password, password, password_hash)
            if not right or person is None or password_hash is None or not person.active:
                return None
            if needs_rehash(password_hash):
                stronger = await asyncio.to_thread(hash_password, password)
                await self.desk.ledger.write(people.set_password_hash, person.id, stronger)
        return person

    async def hashed(self, password: str) -> str:
        async with self.desk.hashing:
            return await asyncio.to_thread(hash_password, password)

    def place(self, request: Request, login: str) -> Place:
        """Where failures of this login are counted: in a browser that it succeeded in before, or with all others."""
        vault, (nonce, marks) = self.desk.context.vault, self._known(request)
        known = bool(nonce) and self._mark(nonce, login) in marks
        return Place(vault.digest("login", login), vault.digest("browser", nonce) if known else "")

    def _known(self, request: Request) -> tuple[str, list[str]]:
        nonce, *marks = request.cookies.get(self._browser_cookie, "").split(".")
        return nonce[:64], marks[:KNOWN_LOGINS]

    def _mark(self, nonce: str, login: str) -> str:
        return self.desk.context.vault.digest("known", nonce, login)[:32]

    def _know(self, request: Request, response: Response, login: str) -> None:
        """The browser proves later that this login succeeded in it. It opens nothing."""
        nonce, marks = self._known(request)
        nonce = nonce or clock.new_secret()
        mine = self._mark(nonce, login)
        kept = [mine, *(one for one in marks if one != mine)][:KNOWN_LOGINS]
        self._set(response, self._browser_cookie, ".".join([nonce, *kept]), KNOWN_FOR)

    @property
    def _browser_cookie(self) -> str:
        return "__Host-lienthong-browser" if self.desk.context.secure else "lienthong-browser"

    def _keep(self, response: Response, token: str, lifetime: timedelta) -> None:
        self._set(response, self.desk.cookie, token, lifetime)

    def _set(self, response: Response, name: str, value: str, lifetime: timedelta) -> None:
        seconds, secure = int(lifetime.total_seconds()), self.desk.context.secure
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def origin_of(request: Request, how: str) -> Origin:
    return Origin(how, address_of(request), request.headers.get("user-agent", ""))

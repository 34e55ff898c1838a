"""One-time links: the first administrator, the invited and who forgot the password choose one."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.audit import Event
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.dashboard.signing_in import SigningIn
from hub.ledger import Transaction, people, person_acts, person_links, sessions
from hub.ledger.people import Person
from hub.ledger.person_links import Link
from hub.problems import Refused
from hub.registry.passwords import check_password


class WelcomeScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.signing_in = SigningIn(desk)

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/welcome/{token}", self.form, methods=["GET"])
        router.add_api_route("/welcome/{token}", self.choose, methods=["POST"])

    async def form(self, request: Request) -> Response:
        return self._page(request, await self._link(request), {})

    async def choose(self, request: Request) -> Response:
        link, form = await self._link(request), await form_of(request)
        try:
            login = form.get("login", "").strip().lower() if link.person is None else link.person.login
            password = form.get("password", "")
            check_password(password, login)
            if form.get("again", "") != password:
                return self._page(request, link, form, "again")
            hashed = await self.signing_in.hashed(password)
            token, name = request.path_params["token"], form.get("name", "")
            person = await self.desk.ledger.write(_chosen, token, login, name, hashed)
        except Refused as refusal:
            if refusal.code not in ("password-weak", "request-invalid"):
                raise
            return self._page(request, link, form, refusal.detail if refusal.code == "password-weak" else "person")
        return await self.signing_in.begin(request, person, "link", "/")

    async def _link(self, request: Request) -> Link:
        """Raises ``Refused('link-unusable')``."""
        link = await self.desk.ledger.read(person_links.find, request.path_params["token"], clock.now())
        if link is None:
            raise Refused("link-unusable")
        return link

    def _page(self, request: Request, link: Link, form: dict[str, str], wrong: str = "") -> Response:
        values = {
            "link": link,
            "wrong": wrong,
            "login": form.get("login", ""),
            "name": form.get("name", ""),
            "token": request.path_params["token"],
        }
        return self.desk.page(request, "login/welcome.html", values, status=422 if wrong else 200)


def _chosen(transaction: Transaction, token: str, login: str, name: str, password_hash: str) -> Person:
    """Use the link up. Raises ``Refused``: ``link-unusable``, ``request-invalid``."""
    at = clock.now()
    link = person_links.take(transaction, token, at)
    if link.person is None:
        roles = ("administrator",)
        return person_acts.add(
            transaction, login, name, roles, None, password_hash=password_hash, actor=f"person:{login}"
        )
    people.set_password_hash(transaction, link.person.id, password_hash)
    sessions.end_all(transaction, link.person.id)
    actor = f"person:{link.person.login}"
    person_acts.record(transaction, Event.PASSWORD_CHANGED, link.person, actor, by=link.purpose)
    return link.person

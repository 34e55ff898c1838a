"""People who may sign in: the list, and inviting somebody."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import lists_of, text_of
from hub.ledger import Transaction, login_failures, people, person_acts, person_links
from hub.ledger.people import ROLES, Person
from hub.ledger.person_links import Link
from hub.problems import Refused, explain

PAGE = 50
# what a person mends on the page itself
MENDABLE = {"request-invalid", "registry-unknown", "reason-missing", "person-last-administrator", "person-inactive"}


class PeopleScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/people", self.people, methods=["GET"])
        router.add_api_route("/people", self.invite, methods=["POST"])
        router.add_api_route("/people/new", self.form, methods=["GET"])

    async def people(self, request: Request) -> Response:
        text, after = text_of(request, "q"), text_of(request, "after")
        found = await self.desk.ledger.read(people.page, after, text, PAGE + 1)
        shown = found[:PAGE]
        keys = {self.desk.context.vault.digest("login", one.login): one.login for one in shown}
        waits = await self.desk.ledger.read(login_failures.waits, list(keys), clock.now())
        more = len(found) > PAGE
        values = {
            "people": shown,
            "locked": {keys[key] for key in waits},
            "q": text,
            "first": with_query("/people", {"q": text}) if after else "",
            "more": with_query("/people", {"q": text, "after": shown[-1].login}) if more else "",
        }
        return self.desk.page(request, "people/list.html", values, section="people")

    async def form(self, request: Request) -> Response:
        return self._form(request, {})

    async def invite(self, request: Request) -> Response:
        """One administrator invites a clerk or a reporting officer; whoever decides is invited by two people."""
        form, actor = await lists_of(request), self.desk.visitor(request).person.login
        one = {name: values[-1] for name, values in form.items()}
        roles = sorted(set(form.get("role", [])))
        chosen = {"login": one.get("login", ""), "name": one.get("name", ""), "agency": one.get("agency", "")}
        try:
            if set(roles) & person_acts.PRIVILEGED:
                ask = self.desk.context.proposals.ask
                arguments, reason = chosen | {"roles": roles}, one.get("reason", "")
                record = await self.desk.ledger.write(ask, "person.add", arguments, reason, actor)
                return RedirectResponse(f"/decisions/{record.id}", 303)
            token = clock.new_secret()
            link = await self.desk.ledger.write(_invited, chosen, roles, token, f"person:{actor}")
        except Refused as refusal:
            if refusal.code not in MENDABLE:
                raise
            return self._form(request, one | {"roles": roles}, refusal)
        return show_link(self.desk, request, link, token)

    def _form(self, request: Request, given: dict[str, Any], refusal: Refused | None = None) -> Response:
        values = {
            "given": {"login": "", "name": "", "agency": "", "reason": "", "roles": []} | given,
            "roles": ROLES,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "people/new.html", values, section="people", status=status)


def show_link(desk: Desk, request: Request, link: Link, token: str) -> Response:
    """The page that shows a link once."""
    values = {"link": link, "address": f"{desk.context.base_url}/welcome/{token}"}
    return desk.page(request, "people/link.html", values, section="people")


def _invited(transaction: Transaction, chosen: dict[str, str], roles: list[str], token: str, actor: str) -> Link:
    person: Person = person_acts.add(transaction, chosen["login"], chosen["name"], roles, chosen["agency"], actor=actor)
    return person_links.make(transaction, person, token, clock.now(), actor)

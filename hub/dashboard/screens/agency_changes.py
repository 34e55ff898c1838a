"""Changing agencies: what one administrator does, and what is proposed to a colleague."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, text_of
from hub.dashboard.screens.agencies import address_of, agency_page
from hub.ledger import Transaction, agency_acts, registration, system_state
from hub.problems import Refused, explain

# transaction, the agency's code, the form, who
Act = Callable[[Transaction, str, dict[str, str], str], Any]
# what a person mends on the page itself
MENDABLE = {"registry-invalid", "registry-conflict", "registry-unknown", "request-invalid", "reason-missing"}


class AgencyChangeScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/agencies/new", self.form, methods=["GET"])
        router.add_api_route("/agencies", self.register, methods=["POST"])
        for act, work in (
            ("name", self.rename),
            ("aliases", self.add_alias),
            ("contacts", self.add_contact),
            ("contacts/remove", self.remove_contact),
            ("move", self.move),
            ("suspend", self.suspend),
            ("resume", self.resume),
        ):
            router.add_api_route(f"/agencies/{{code}}/{act}", work, methods=["POST"])

    async def form(self, request: Request) -> Response:
        return await self._form(request, {"parent": text_of(request, "under")})

    async def register(self, request: Request) -> Response:
        form, login = await form_of(request), self.desk.visitor(request).person.login
        try:
            await self.desk.ledger.write(_add, form, f"person:{login}")
        except Refused as refusal:
            return await self._form(request, form, _mendable(refusal))
        return RedirectResponse(address_of(form["code"].strip()), 303)

    async def rename(self, request: Request) -> Response:
        return await self._act(request, _rename)

    async def add_alias(self, request: Request) -> Response:
        return await self._act(request, _add_alias)

    async def add_contact(self, request: Request) -> Response:
        return await self._act(request, _add_contact)

    async def remove_contact(self, request: Request) -> Response:
        return await self._act(request, _remove_contact)

    async def move(self, request: Request) -> Response:
        return await self._propose(request, "agency.move", "system")

    async def suspend(self, request: Request) -> Response:
        """At once: a second person looks at it afterwards."""
        return await self._propose(request, "agency.suspend", at_once=True)

    async def resume(self, request: Request) -> Response:
        return await self._propose(request, "agency.resume")

    async def _act(self, request: Request, work: Act) -> Response:
        code, form = request.path_params["code"], await form_of(request)
        login = self.desk.visitor(request).person.login
        try:
            await self.desk.ledger.write(work, code, form, f"person:{login}")
        except Refused as refusal:
            return await agency_page(self.desk, request, _mendable(refusal), form)
        return RedirectResponse(address_of(code), 303)

    async def _propose(self, request: Request, kind: str, *names: str, at_once: bool = False) -> Response:
        code, form = request.path_params["code"], await form_of(request)
        known, login = self.desk.context.proposals, self.desk.visitor(request).person.login
        arguments = {"code": code, **{name: form.get(name, "") for name in names}}
        work = known.act if at_once else known.ask
        try:
            made = await self.desk.ledger.write(work, kind, arguments, form.get("reason", ""), login)
        except Refused as refusal:
            return await agency_page(self.desk, request, _mendable(refusal), form)
        return RedirectResponse(f"/decisions/{made.id}", 303)

    async def _form(self, request: Request, form: dict[str, str], refusal: Refused | None = None) -> Response:
        values = {
            "given": form,
            "systems": await self.desk.ledger.read(system_state.known_names),
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
            "wrong": "" if refusal is None else refusal.findings[0].location,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "agencies/new.html", values, section="agencies", status=status)


def _mendable(refusal: Refused) -> Refused:
    """The refusal, to be shown beside the form. Raises it when no form mends it."""
    if refusal.code not in MENDABLE:
        raise refusal
    return refusal


def _add(transaction: Transaction, form: dict[str, str], actor: str) -> None:
    registration.add_agency(
        transaction,
        form.get("code", "").strip(),
        form.get("name", ""),
        form.get("system", "").strip(),
        form.get("parent", "").strip() or None,
        form.get("aliases", "").split(),
        actor=actor,
    )


def _rename(transaction: Transaction, code: str, form: dict[str, str], actor: str) -> None:
    agency_acts.rename(transaction, code, form.get("name", ""), actor=actor)


def _add_alias(transaction: Transaction, code: str, form: dict[str, str], actor: str) -> None:
    agency_acts.add_alias(transaction, code, form.get("alias", ""), actor=actor)


def _add_contact(transaction: Transaction, code: str, form: dict[str, str], actor: str) -> None:
    registration.add_contact(transaction, code, form.get("email", ""), form.get("contact", ""), actor=actor)


def _remove_contact(transaction: Transaction, code: str, form: dict[str, str], actor: str) -> None:
    registration.remove_contact(transaction, code, form.get("email", ""), actor=actor)

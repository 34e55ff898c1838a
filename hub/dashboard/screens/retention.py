"""Retention: how long each class is kept, legal holds, and the list of purges."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.dashboard.access import Visitor
from hub.dashboard.desk import Desk
from hub.dashboard.forms import day_in, form_of
from hub.dashboard.retaining import class_titles
from hub.ledger import Transaction, holds, purges
from hub.ledger.holds import Scope
from hub.problems import Refused, explain
from hub.retention import holds as deciding
from hub.retention.deciding import ASKING

_TEXTS = ("envelope", "document_id", "sender", "recipient")
# what a person mends on the page itself
_MENDABLE = {"reason-missing", "request-invalid", "hold-second-person", "hold-lifted"}


class RetentionScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/retention", self.overview, methods=["GET"])
        router.add_api_route("/retention/holds", self.place, methods=["POST"])
        router.add_api_route("/retention/holds/{hold_id}/lift", self.lift, methods=["POST"])
        router.add_api_route("/retention/holds/{hold_id}/keep", self.keep, methods=["POST"])

    async def overview(self, request: Request) -> Response:
        return await self._overview(request, self.desk.visitor(request))

    async def place(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        try:
            scope = _scope(form)
            await self.desk.ledger.write(deciding.place, scope, form.get("reason", ""), visitor.person.login)
        except Refused as refusal:
            return await self._mend(request, visitor, refusal, form)
        return RedirectResponse("/retention", 303)

    async def lift(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        identifier, login = request.path_params["hold_id"], visitor.person.login
        try:
            await self.desk.ledger.write(deciding.lift, identifier, login, form.get("reason", ""))
        except Refused as refusal:
            return await self._mend(request, visitor, refusal)
        return RedirectResponse("/retention", 303)

    async def keep(self, request: Request) -> Response:
        visitor, identifier = self.desk.visitor(request), request.path_params["hold_id"]
        try:
            await self.desk.ledger.write(deciding.keep, identifier, visitor.person.login)
        except Refused as refusal:
            return await self._mend(request, visitor, refusal)
        return RedirectResponse("/retention", 303)

    async def _mend(
        self, request: Request, visitor: Visitor, refusal: Refused, form: dict[str, str] | None = None
    ) -> Response:
        if refusal.code not in _MENDABLE:
            raise refusal
        return await self._overview(request, visitor, refusal, form)

    async def _overview(
        self, request: Request, visitor: Visitor, refusal: Refused | None = None, form: dict[str, str] | None = None
    ) -> Response:
        policy = self.desk.context.purges.policy
        values = await self.desk.ledger.read(_lists) | {
            "classes": policy.classes,
            "titles": class_titles(policy),
            "may_ask": bool(visitor.person.roles & ASKING),
            "mine": visitor.person.login,
            "given": form or {},
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "retention/overview.html", values, section="retention", status=status)


def _lists(transaction: Transaction) -> dict[str, Any]:
    return {"holds": holds.listing(transaction), "purges": purges.listing(transaction)}


def _scope(form: dict[str, str]) -> Scope:
    """What the form names. Raises ``Refused('request-invalid')`` for a day that is none."""
    texts = {name: form.get(name, "").strip().replace("\x00", "")[:200] for name in _TEXTS}
    return Scope(**texts, since=day_in(form, "since"), until=day_in(form, "until"))

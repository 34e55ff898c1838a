"""Purges: the dry run, the request to a colleague, and the colleague's decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.dashboard.access import Visitor
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import day_in, form_of, text_of
from hub.dashboard.retaining import class_titles
from hub.ledger import Transaction, purges
from hub.problems import Refused, explain
from hub.retention.deciding import ASKING
from hub.retention.purges import View

SHOWN = 100
_MENDABLE = {
    "reason-missing", "request-invalid", "purge-changed", "purge-empty", "purge-second-person", "purge-decided",
}  # fmt: skip


class _Choice(NamedTuple):
    day: date | None
    policy_class: str
    sender: str


class PurgeScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/retention/plan", self.plan, methods=["GET"])
        router.add_api_route("/retention/purges", self.ask, methods=["POST"])
        router.add_api_route("/retention/purges/{purge_id}", self.one, methods=["GET"])
        router.add_api_route("/retention/purges/{purge_id}/confirm", self.confirm, methods=["POST"])
        router.add_api_route("/retention/purges/{purge_id}/decline", self.decline, methods=["POST"])

    async def plan(self, request: Request) -> Response:
        return await self._plan(request, self.desk.visitor(request), request.query_params)

    async def ask(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        work, login = self.desk.context.purges.ask, visitor.person.login
        try:
            made = await self.desk.ledger.write(
                work, form.get("reason", ""), login, *_choice(form), form.get("seen", "")
            )
        except Refused as refusal:
            if refusal.code not in _MENDABLE:
                raise
            return await self._plan(request, visitor, form, refusal)
        return RedirectResponse(f"/retention/purges/{made}", 303)

    async def one(self, request: Request) -> Response:
        return await self._one(request, self.desk.visitor(request))

    async def confirm(self, request: Request) -> Response:
        return await self._decide(request, self.desk.visitor(request), self.desk.context.purges.confirm)

    async def decline(self, request: Request) -> Response:
        return await self._decide(request, self.desk.visitor(request), self.desk.context.purges.decline)

    async def _decide(
        self, request: Request, visitor: Visitor, work: Callable[[Transaction, str, str], View]
    ) -> Response:
        identifier = request.path_params["purge_id"]
        try:
            await self.desk.ledger.write(work, identifier, visitor.person.login)
        except Refused as refusal:
            if refusal.code not in _MENDABLE:
                raise
            return await self._one(request, visitor, refusal)
        return RedirectResponse(f"/retention/purges/{identifier}", 303)

    async def _plan(
        self, request: Request, visitor: Visitor, given: Mapping[str, str], refusal: Refused | None = None
    ) -> Response:
        plan, choice = None, _Choice(None, "", "")
        try:
            choice = _choice(given)
            plan = await self.desk.ledger.read(self.desk.context.purges.plan, *choice)
        except Refused as error:
            refusal = error
        policy = self.desk.context.purges.policy
        values = {
            "plan": plan,
            "choice": choice,
            "titles": class_titles(policy),
            "kept_for_years": [one.name for one in policy.classes if one.years is not None],
            "reason": given.get("reason", ""),
            "may_ask": bool(visitor.person.roles & ASKING),
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "retention/plan.html", values, section="retention", status=status)

    async def _one(self, request: Request, visitor: Visitor, refusal: Refused | None = None) -> Response:
        identifier, after = request.path_params["purge_id"], text_of(request, "after")
        view = await self.desk.ledger.read(self.desk.context.purges.view, identifier)
        rows = await self.desk.ledger.read(purges.chosen, identifier, after, SHOWN)
        address = f"/retention/purges/{identifier}"
        values = {
            "record": view.record,
            "progress": view.progress,
            "rows": rows,
            "titles": class_titles(self.desk.context.purges.policy),
            "first": address if after else "",
            "next_rows": with_query(address, {"after": rows[-1].envelope_id}) if len(rows) == SHOWN else "",
            "mine": visitor.person.login == view.record.asked_by,
            "problem": None if refusal is None else explain(refusal.code),
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "retention/purge.html", values, section="retention", status=status)


def _choice(given: Mapping[str, str]) -> _Choice:
    """What a form or an address names. Raises ``Refused('request-invalid')`` for a day that is none."""
    texts = (given.get(name, "").strip().replace("\x00", "")[:200] for name in ("class", "sender"))
    return _Choice(day_in(given, "day"), *texts)

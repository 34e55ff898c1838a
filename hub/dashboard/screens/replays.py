"""Replays: the dry run, the proposal to a colleague, and the colleague's decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.dashboard.access import Visitor
from hub.dashboard.choosing import SHOWN, TIMES, choice_in, field_time, fields_of, first_of, rows_address
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of, lists_of, number_of
from hub.delivery.replay import ACTORS, LARGEST
from hub.ledger import replays
from hub.ledger.replays import Choice
from hub.problems import Refused, explain

# what a person mends on the page itself
_MENDABLE = {"reason-missing", "replay-changed", "replay-empty", "replay-too-many", "request-invalid"}


class ReplayScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/replays", self.listing, methods=["GET"])
        router.add_api_route("/replays", self.ask, methods=["POST"])
        router.add_api_route("/replays/new", self.dry_run, methods=["GET"])
        router.add_api_route("/replays/{replay_id}", self.one, methods=["GET"])
        router.add_api_route("/replays/{replay_id}/confirm", self.confirm, methods=["POST"])
        router.add_api_route("/replays/{replay_id}/decline", self.decline, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        values = {"replays": await self.desk.ledger.read(replays.listing), "may_replay": _may(visitor)}
        return self._page(request, visitor, "replays/list.html", values)

    async def dry_run(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        given = {name: request.query_params.getlist(name) for name in request.query_params}
        return await self._dry_run(request, visitor, given)

    async def ask(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        given = await lists_of(request)
        reason, seen = first_of(given, "reason"), first_of(given, "seen")
        work = self.desk.context.replays.ask
        try:
            made = await self.desk.ledger.write(work, choice_in(given), reason, visitor.person.login, seen)
        except Refused as refusal:
            if refusal.code not in _MENDABLE:
                raise
            return await self._dry_run(request, visitor, given, refusal)
        return RedirectResponse(f"/replays/{made}", 303)

    async def one(self, request: Request) -> Response:
        return await self._one(request, self.desk.visitor(request))

    async def confirm(self, request: Request) -> Response:
        visitor, identifier = self.desk.visitor(request), request.path_params["replay_id"]
        form = await form_of(request)
        work, login = self.desk.context.replays.confirm, visitor.person.login
        try:
            await self.desk.ledger.write(work, identifier, login, form.get("seen", ""))
        except Refused as refusal:
            if refusal.code not in (*_MENDABLE, "replay-second-person", "replay-decided"):
                raise
            return await self._one(request, visitor, refusal)
        return RedirectResponse(f"/replays/{identifier}", 303)

    async def decline(self, request: Request) -> Response:
        visitor, identifier = self.desk.visitor(request), request.path_params["replay_id"]
        try:
            await self.desk.ledger.write(self.desk.context.replays.decline, identifier, visitor.person.login)
        except Refused as refusal:
            if refusal.code != "replay-decided":
                raise
            return await self._one(request, visitor, refusal)
        return RedirectResponse(f"/replays/{identifier}", 303)

    async def _dry_run(
        self, request: Request, visitor: Visitor, given: Mapping[str, Sequence[str]], refusal: Refused | None = None
    ) -> Response:
        plan, choice = None, Choice()
        try:
            choice = choice_in(given)
            if choice.json():
                plan = await self.desk.ledger.read(self.desk.context.replays.plan, choice)
        except Refused as error:
            refusal = error
        query = fields_of(choice)
        start = number_of(request, "from_row")
        values = {
            "plan": plan,
            "choice": choice,
            "times": {name: field_time(getattr(choice, name)) for name in TIMES},
            "hidden": query,
            "reason": first_of(given, "reason"),
            "start": start,
            "shown": [] if plan is None else plan.candidates[start : start + SHOWN],
            "next_rows": rows_address(query, start + SHOWN, plan),
            "rows_before": rows_address(query, start - SHOWN, plan),
            "largest": LARGEST,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self._page(request, visitor, "replays/new.html", values, status)

    async def _one(self, request: Request, visitor: Visitor, refusal: Refused | None = None) -> Response:
        identifier = request.path_params["replay_id"]
        view = await self.desk.ledger.read(self.desk.context.replays.view, identifier)
        start = number_of(request, "from_row")
        address = f"/replays/{identifier}"
        values = {
            "view": view,
            "record": view.record,
            "items": view.items[start : start + SHOWN],
            "start": start,
            "next_rows": f"{address}?from_row={start + SHOWN}" if start + SHOWN < len(view.items) else "",
            "rows_before": f"{address}?from_row={max(0, start - SHOWN)}" if start else "",
            "sent": sum(one.new_delivery_id is not None for one in view.items),
            "may_replay": _may(visitor),
            "mine": visitor.person.login == view.record.asked_by,
            "problem": None if refusal is None else explain(refusal.code),
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self._page(request, visitor, "replays/one.html", values, status)

    def _page(
        self, request: Request, visitor: Visitor, template: str, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        return self.desk.page(request, template, values, section="envelopes", status=status)


def _may(visitor: Visitor) -> bool:
    return bool(visitor.person.roles & ACTORS)

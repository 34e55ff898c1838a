"""Decisions: everything that waits for a second person in one list, and one proposal with what it does to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import deciding
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import text_of
from hub.ledger import Transaction, decisions
from hub.ledger.decisions import Decision
from hub.ledger.proposals import ProposalRecord
from hub.problems import Refused, explain

SHOWN = 50


class DecisionScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/decisions", self.listing, methods=["GET"])
        router.add_api_route("/decisions/{proposal_id}", self.one, methods=["GET"])
        router.add_api_route("/decisions/{proposal_id}/confirm", self.confirm, methods=["POST"])
        router.add_api_route("/decisions/{proposal_id}/decline", self.decline, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        visitor, before = self.desk.visitor(request), _place(text_of(request, "before"))
        waits, over = await self.desk.ledger.read(_lists, before)
        kinds = self.desk.context.proposals.kinds
        rows = [deciding.row(one, visitor, kinds) for one in waits]
        values = {
            "waits": rows,
            "for_me": sum(one.may for one in rows),
            "over": [deciding.row(one, visitor, kinds) for one in over],
            "first": "/decisions" if before else "",
            "older": with_query("/decisions", {"before": _mark(over[-1])}) if len(over) == SHOWN else "",
        }
        return self.desk.page(request, "decisions/list.html", values, section="decisions")

    async def one(self, request: Request) -> Response:
        return await self._one(request)

    async def confirm(self, request: Request) -> Response:
        return await self._decide(request, self.desk.context.proposals.confirm)

    async def decline(self, request: Request) -> Response:
        return await self._decide(request, self.desk.context.proposals.decline)

    async def _decide(self, request: Request, work: Callable[[Transaction, str, str], ProposalRecord]) -> Response:
        visitor, identifier = self.desk.visitor(request), request.path_params["proposal_id"]
        try:
            await self.desk.ledger.write(work, identifier, visitor.person.login)
        except Refused as refusal:
            if refusal.code == "not-found":
                raise
            return await self._one(request, refusal)
        return RedirectResponse(f"/decisions/{identifier}", 303)

    async def _one(self, request: Request, refusal: Refused | None = None) -> Response:
        visitor, identifier = self.desk.visitor(request), request.path_params["proposal_id"]
        view = await self.desk.ledger.read(self.desk.context.proposals.view, identifier)
        record, mine = view.record, view.record.asked_by == visitor.person.login
        now = [] if view.effect is None else [list(line) for line in view.effect.lines]
        roles = visitor.person.roles
        values = {
            "record": record,
            "kind": view.kind,
            "state": deciding.state_of(record),
            "shown": record.shown or now,
            "at_present": now if view.changed else [],
            "changed": view.changed and view.hindrance is None,
            "hindrance": None if view.hindrance is None else explain(view.hindrance.code),
            "hindrance_detail": "" if view.hindrance is None else view.hindrance.detail,
            "meaning": deciding.meaning(record),
            "about": deciding.about(record, visitor),
            "mine": mine,
            "may_confirm": not mine and bool(roles & view.kind.deciding),
            "may_decline": bool(roles & (view.kind.asking if mine else view.kind.deciding)),
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "decisions/one.html", values, section="decisions", status=status)


def _lists(transaction: Transaction, before: tuple[datetime, str] | None) -> tuple[list[Decision], list[Decision]]:
    waits = [] if before else decisions.waiting(transaction)
    return waits, decisions.decided(transaction, before, SHOWN)


def _mark(last: Decision) -> str:
    assert last.ended_at is not None, "only what is over is paged"
    return f"{clock.rfc3339(last.ended_at)}|{last.id}"


def _place(text: str) -> tuple[datetime, str] | None:
    """The row after which the page begins; none for an address that somebody wrote by hand."""
    moment, _bar, identifier = text.partition("|")
    try:
        return (clock.parse_rfc3339(moment), identifier) if identifier else None
    except ValueError:
        return None

"""Reminding many overdue recipients at once: the dry run, and what happened to each."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import chasing, lateness
from hub.dashboard.access import Visitor
from hub.dashboard.desk import Desk
from hub.dashboard.forms import choice_of, lists_of, text_of
from hub.dashboard.screens.overdue import KINDS
from hub.ledger import Transaction, overdue, receipts
from hub.ledger.overdue import OverdueRow
from hub.problems import Deferred, Refused
from hub.receipts import asking

MOST = 100
_LONGEST_ID = 64
Read = tuple[list[OverdueRow], dict[str, datetime]]


class ChaseScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/overdue/chases", self.outcome, methods=["GET"])
        router.add_api_route("/overdue/chases", self.ask, methods=["POST"])
        router.add_api_route("/overdue/chases/new", self.dry_run, methods=["GET"])

    async def dry_run(self, request: Request) -> Response:
        """Of the ticked ones, or with ``all`` of everything that the filter matches, up to ``MOST``."""
        visitor, now, named = self.desk.visitor(request), clock.now(), _named(request.query_params.getlist("delivery"))
        if text_of(request, "all"):
            agency, which = text_of(request, "agency"), choice_of(request, "which", KINDS)
            rows, last = await self.desk.ledger.read(_matching, now, agency, which, visitor.own_agency)
        else:
            rows, last = await self.desk.ledger.read(_ticked, now, named, visitor.own_agency)
        found = chasing.planned(visitor, rows, last, self.desk.context.chases.policy.again, now)
        values = {
            "candidates": found,
            "due": [one.row.id for one in found if one.what == "due"],
            "gone": max(0, len(named) - len(rows)),
            "full": len(rows) == MOST,
            "most": MOST,
        }
        return self.desk.page(request, "overdue/chases_new.html", values, section="overdue")

    async def ask(self, request: Request) -> Response:
        visitor, at = self.desk.visitor(request), clock.now()
        if visitor.own_agency is None and not visitor.person.roles & lateness.CHASERS:
            raise Refused("forbidden", "chasing is for operators and the sender's clerks")
        given = await lists_of(request)
        named, note = _named(given.get("delivery", [])), " ".join(next(iter(given.get("note", [])), "").split())
        for one in named:
            await self._ask(visitor, one, note[: asking.LONGEST_NOTE].replace("\x00", ""))
        query = [("at", clock.rfc3339(at)), *(("delivery", one) for one in named)]
        return RedirectResponse(f"/overdue/chases?{urlencode(query)}", 303)

    async def _ask(self, visitor: Visitor, delivery_id: str, note: str) -> None:
        """One of them; what stands in the way of one does not stand in the way of the others."""
        try:
            await self.desk.context.chases.ask_for(visitor.person.login, visitor.own_agency, delivery_id, note)
        except Deferred as error:
            if error.code != "chase-too-soon":
                raise
        except Refused as error:
            if error.code not in ("chase-needless", "not-found"):
                raise

    async def outcome(self, request: Request) -> Response:
        visitor, now, named = self.desk.visitor(request), clock.now(), _named(request.query_params.getlist("delivery"))
        rows, last = await self.desk.ledger.read(_ticked, now, named, visitor.own_agency)
        found = chasing.done(rows, last, self.desk.context.chases.policy.again, _moment(text_of(request, "at"), now))
        values = {
            "candidates": found,
            "done": sum(one.what == "done" for one in found),
            "gone": max(0, len(named) - len(rows)),
        }
        return self.desk.page(request, "overdue/chases_done.html", values, section="overdue")


def _ticked(transaction: Transaction, now: datetime, named: list[str], own_agency: str | None) -> Read:
    rows = overdue.chosen(transaction, now, named, own_agency) if named else []
    return rows, _reminded(transaction, rows)


def _matching(transaction: Transaction, now: datetime, agency: str, which: str, own_agency: str | None) -> Read:
    found = overdue.page(transaction, now, agency_text=agency, which=which, own_agency=own_agency, limit=MOST)
    return found.rows, _reminded(transaction, found.rows)


def _reminded(transaction: Transaction, rows: list[OverdueRow]) -> dict[str, datetime]:
    return receipts.newest_notices(transaction, [row.id for row in rows], asking.EVENT, asking.CODE)


def _named(given: list[str]) -> list[str]:
    """Identifiers, each once. Raises ``Refused('request-invalid')`` for more than ``MOST``."""
    named = list(dict.fromkeys(one.strip().replace("\x00", "")[:_LONGEST_ID] for one in given if one.strip()))
    if len(named) > MOST:
        raise Refused("request-invalid", f"at most {MOST} at once", "delivery")
    return named


def _moment(text: str, otherwise: datetime) -> datetime:
    try:
        return clock.parse_rfc3339(text)
    except ValueError:
        return otherwise

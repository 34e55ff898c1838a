"""What recipients let lie beyond its deadline, and the button that has them reminded."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import lateness
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import choice_of, form_of, local_address, text_of
from hub.ledger import overdue
from hub.problems import Deferred, Refused

KINDS = ("unconfirmed", "unprocessed")


class OverdueScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/overdue", self.listing, methods=["GET"])
        router.add_api_route("/overdue/chase", self.chase, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        agency, which = text_of(request, "agency"), choice_of(request, "which", KINDS)
        now = clock.now()
        found = await self.desk.ledger.read(
            overdue.page,
            now,
            agency_text=agency,
            which=which,
            own_agency=visitor.own_agency,
            before=text_of(request, "before"),
            after=text_of(request, "after"),
        )
        query = {"agency": agency, "which": which}
        policy = self.desk.context.chases.policy
        lines = [
            lateness.late(policy, row, now, may_chase=lateness.may_chase(visitor, row.sender_code))
            for row in found.rows
        ]
        values = {
            "lines": lines,
            "may_chase_any": any(may_chase for _line, may_chase in lines),
            "all_of_them": with_query("/overdue/chases/new", query | {"all": "yes"}),
            "agency": agency,
            "which": which,
            "filtered": any(query.values()),
            "own_agency": visitor.own_agency,
            "older": with_query("/overdue", query | {"before": found.older}) if found.older else "",
            "newer": with_query("/overdue", query | {"after": found.newer}) if found.newer else "",
            "first": with_query("/overdue", query),
            "here": with_query("/overdue", query | {"before": text_of(request, "before")}),
            "chased": lateness.outcome(text_of(request, "chased")),
        }
        return self.desk.page(request, "overdue/list.html", values, section="overdue")

    async def chase(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        if visitor.own_agency is None and not visitor.person.roles & lateness.CHASERS:
            raise Refused("forbidden", "chasing is for operators and the sender's clerks")
        form = await form_of(request)
        outcome = "done"
        try:
            await self.desk.context.chases.ask_for(visitor.person.login, visitor.own_agency, form.get("delivery", ""))
        except Deferred as error:
            if error.code != "chase-too-soon":
                raise
            outcome = "too-soon"
        except Refused as error:
            if error.code != "chase-needless":
                raise
            outcome = "needless"
        wanted = local_address(form.get("next", "/overdue"))
        return RedirectResponse(f"{wanted}{'&' if '?' in wanted else '?'}chased={outcome}", 303)

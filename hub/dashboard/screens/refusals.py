"""Submissions that the hub refused or could not judge: who sent what, why not, and how to mend it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.audit import Event
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.events import findings
from hub.dashboard.forms import choice_of, day_of, number_of, text_of
from hub.ledger import journey, log_pages
from hub.ledger.log_pages import LogFilters

PER_PAGE = 50
# outcome: the kinds of entry that it means
OUTCOMES: dict[str, tuple[str, ...]] = {
    "": (Event.ENVELOPE_REFUSED, Event.ENVELOPE_DEFERRED),
    "refused": (Event.ENVELOPE_REFUSED,),
    "deferred": (Event.ENVELOPE_DEFERRED,),
}


class RefusalScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/refusals", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        outcome = choice_of(request, "outcome", tuple(OUTCOMES))
        wanted = LogFilters(
            kinds=OUTCOMES[outcome],
            agency=visitor.own_agency or text_of(request, "agency"),
            code=text_of(request, "code"),
            first_day=day_of(request, "from"),
            last_day=day_of(request, "to"),
        )
        before, after = number_of(request, "before"), number_of(request, "after")
        found = await self.desk.ledger.read(log_pages.page, wanted, before=before, after=after, limit=PER_PAGE)
        names = await self.desk.ledger.read(journey.names_of, found.entries)
        query = {
            "outcome": outcome,
            "agency": text_of(request, "agency"),
            "code": wanted.code,
            "from": wanted.first_day,
            "to": wanted.last_day,
        }
        profile = self.desk.context.policy.profile
        values = {
            "refusals": [(entry, findings(entry, profile)) for entry in found.entries],
            "names": names,
            "filters": wanted,
            "outcome": outcome,
            "filtered": any(query.values()),
            "own_agency": visitor.own_agency,
            "older": with_query("/refusals", query | {"before": found.older}) if found.older else "",
            "newer": with_query("/refusals", query | {"after": found.newer}) if found.newer else "",
            "first": with_query("/refusals", query),
        }
        return self.desk.page(request, "refusals/list.html", values, section="refusals")

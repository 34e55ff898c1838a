"""The overview: is anything wrong, where, since when."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard.chart import chart
from hub.dashboard.desk import Desk
from hub.dashboard.events import findings
from hub.dashboard.situation import DAY, headline
from hub.ledger import journey, log_pages
from hub.ledger.log_pages import LogFilters

REFUSALS_SHOWN = 4


class OverviewScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/", self.overview, methods=["GET"])

    async def overview(self, request: Request) -> Response:
        visitor = await self.desk.visitor(request)
        situation = await self.desk.situations.read(visitor.own_agency)
        wanted = LogFilters(kind="envelope.refused", agency=visitor.own_agency or "")
        refused = await self.desk.ledger.read(log_pages.page, wanted, limit=REFUSALS_SHOWN)
        entries = [entry for entry in refused.entries if situation.at - entry.at <= DAY]
        names = await self.desk.ledger.read(journey.names_of, entries)
        values = {
            "situation": situation,
            "figures": situation.figures,
            "headline": headline(situation),
            "chart": chart(situation.hours),
            "refusals": [(entry, findings(entry)[:1]) for entry in entries],
            "names": names,
        }
        return self.desk.page(request, "overview/page.html", values, person=visitor.person, section="overview")

"""The figures of a month: of the whole hub, a branch or one agency, beside the month before."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import figure_files, figure_sheet
from hub.dashboard.access import Right, Visitor
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.figure_sheet import Asked
from hub.dashboard.forms import text_of
from hub.figures.files import FORMATS
from hub.figures.recounting import span_of
from hub.figures.tally import month_of
from hub.ledger import agency_tree
from hub.problems import Refused


class FigureScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/figures", self.sheet, methods=["GET"])
        router.add_api_route("/figures/export", self.export, methods=["GET"])

    async def sheet(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        asked = asked_in(request, visitor)
        read = await self.desk.ledger.read(figure_sheet.read, asked)
        files = [(form.upper(), with_query("/figures/export", asked.filters | {"format": form})) for form in FORMATS]
        values = read | figure_sheet.worded(asked, read) | {"asked": asked, "own": asked.scope == "own", "files": files}
        return self.desk.page(request, "figures/sheet.html", values, section="figures")

    async def export(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        asked = asked_in(request, visitor)
        if asked.code and await self.desk.ledger.read(agency_tree.one, asked.code) is None:
            raise Refused("not-found", asked.code)
        wanted = figure_files.units(request, asked.code, asked.month, own=asked.scope == "own")
        return await figure_files.sent(self.desk, visitor, wanted)


def asked_in(request: Request, visitor: Visitor) -> Asked:
    """What the address asks for, as far as this reader may see it. Raises ``Refused``: ``forbidden``."""
    month = month_in(request)
    if sees_all(visitor):
        return Asked(text_of(request, "under"), "branch", month, text_of(request, "after"), text_of(request, "before"))
    if visitor.person.agency_code is None:
        raise Refused("forbidden", "figures are for those who belong to an agency")
    return Asked(visitor.person.agency_code, "own", month)


def sees_all(visitor: Visitor) -> bool:
    """A clerk sees the own agency's figures; reporting officers and the hub's own people everyone's."""
    return visitor.may(Right.SECURITY_SHEET)


def month_in(request: Request) -> str:
    """The month in the address; this one where there is none, or none that can be."""
    this, given = month_of(clock.now()), text_of(request, "month")
    try:
        span_of(given)
    except Refused:
        return this
    return given if len(given) == 7 and "2000" < given <= this else this

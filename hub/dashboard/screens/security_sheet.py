"""The security sheet of a month: refusals by cause, what was found, incidents, sign-ins, administrative acts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import language
from hub.dashboard import figure_files, figuring
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.events import KINDS, kind_name
from hub.dashboard.figure_sheet import choices
from hub.dashboard.screens.figures import month_in
from hub.figures import security
from hub.figures.files import FORMATS
from hub.figures.recounting import span_of
from hub.ledger import Transaction, figures


class SecuritySheetScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/figures/security", self.sheet, methods=["GET"])
        router.add_api_route("/figures/security/export", self.export, methods=["GET"])

    async def sheet(self, request: Request) -> Response:
        month, spoken = month_in(request), language.current.get()
        kinds = {kind: kind_name(kind) for kind in KINDS}
        since, until = span_of(month)
        files = [(form.upper(), {"month": month, "format": form}) for form in FORMATS]
        values = await self.desk.ledger.read(_sheet, month, kinds, spoken) | {
            "month": month,
            "first": since.date().isoformat(),
            "last": (until - timedelta(days=1)).date().isoformat(),
            "change": figuring.change,
            "files": [(word, with_query("/figures/security/export", query)) for word, query in files],
        }
        return self.desk.page(request, "figures/security.html", values, section="security-sheet")

    async def export(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        return await figure_files.sent(self.desk, visitor, figure_files.security(request, month_in(request)))


def _sheet(transaction: Transaction, month: str, kinds: dict[str, str], spoken: language.Language) -> dict[str, Any]:
    return {
        "groups": security.groups(transaction, month, kinds, spoken),
        "standing": figures.standing(transaction),
        **choices(transaction, month),
    }

"""Incidents: the list, and the form by which an agency reports one."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.alerts import incidents as reporting
from hub.alerts import wording
from hub.alerts.incidents import Report
from hub.dashboard import alerting
from hub.dashboard.access import Right
from hub.dashboard.alerting import MENDABLE, scope_of
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import form_of, text_of
from hub.ledger import incidents
from hub.problems import Refused, explain

ROWS = 50


class IncidentListScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/incidents", self.listing, methods=["GET"])
        router.add_api_route("/incidents/new", self.form, methods=["GET"])
        router.add_api_route("/incidents", self.report, methods=["POST"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        found = await self.desk.ledger.read(incidents.page, scope_of(visitor), text_of(request, "before"), ROWS + 1)
        shown = found[:ROWS]
        values = {
            "rows": [(one, alerting.incident_tag(one), wording.category(one.category)) for one in shown],
            "may_report": visitor.may(Right.INCIDENT_REPORT),
            "first": "/incidents" if text_of(request, "before") else "",
            "older": with_query("/incidents", {"before": shown[-1].id}) if len(found) > ROWS else "",
        }
        return self.desk.page(request, "incidents/list.html", values, section="incidents")

    async def form(self, request: Request) -> Response:
        return self._form(request, {"agency": text_of(request, "agency")})

    def _form(self, request: Request, given: dict[str, str], refusal: Refused | None = None) -> Response:
        values = {
            "given": given,
            "own_agency": scope_of(self.desk.visitor(request)),
            "categories": alerting.categories(),
            **alerting.trouble(refusal),
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "incidents/new.html", values, section="incidents", status=status)

    async def report(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        own = scope_of(visitor)
        try:
            told = Report(
                own if own is not None else form.get("agency", "").strip(),
                form.get("category", ""),
                form.get("description", ""),
                form.get("contact", ""),
                _moment(form.get("noticed_at", "")),
            )
            made, _new = await self.desk.ledger.write(reporting.report, told, f"person:{visitor.person.login}")
        except Refused as refusal:
            if refusal.code not in MENDABLE:
                raise
            return self._form(request, form, refusal)
        return RedirectResponse(f"/incidents/{made.id}", 303)


def _moment(text: str) -> datetime | None:
    """A form's minute, in Vietnam's time. Raises ``Refused('request-invalid')``."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=clock.VIETNAM) if text.strip() else None
    except ValueError as error:
        raise Refused("request-invalid", f"{text[:40]}: not a time", "noticed_at") from error

"""One incident: what was reported, and what an operator does about it in one step."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.alerts import incidents as reporting
from hub.alerts import wording
from hub.dashboard import alerting
from hub.dashboard.access import Right
from hub.dashboard.alerting import MENDABLE, scope_of
from hub.dashboard.desk import Desk
from hub.dashboard.forms import form_of
from hub.ledger import Transaction, incidents, proposals
from hub.ledger.incidents import Incident
from hub.ledger.proposals import ProposalRecord
from hub.problems import Refused, explain

# kinds of hub.proposals.suspension
SUSPENDING = ("system.suspend", "certificate.suspend")
RESUMING = ("system.resume", "certificate.restore")


class IncidentScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/incidents/{incident_id}", self.show, methods=["GET"])
        router.add_api_route("/incidents/{incident_id}/suspend", self.suspend, methods=["POST"])
        router.add_api_route("/incidents/{incident_id}/close", self.close, methods=["POST"])

    async def show(self, request: Request) -> Response:
        return await self._show(request)

    async def _show(
        self, request: Request, given: dict[str, str] | None = None, refusal: Refused | None = None
    ) -> Response:
        visitor = self.desk.visitor(request)
        found = await self.desk.ledger.read(_read, request.path_params["incident_id"], scope_of(visitor))
        one: Incident = found["one"]
        values = found | {
            "tag": alerting.incident_tag(one),
            "category": wording.category(one.category),
            "may_suspend": visitor.may(Right.SUSPENSION),
            "given": given or {},
            **alerting.trouble(refusal),
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "incidents/one.html", values, section="incidents", status=status)

    async def suspend(self, request: Request) -> Response:
        """Shut out at once, or propose to let in again; both lead to the page of the decision."""
        visitor, form = self.desk.visitor(request), await form_of(request)
        try:
            record = await self.desk.ledger.write(
                self._decide, request.path_params["incident_id"], form, visitor.person.login
            )
        except Refused as refusal:
            if refusal.code not in MENDABLE:
                raise
            return await self._show(request, form, refusal)
        return RedirectResponse(f"/decisions/{record.id}", 303)

    def _decide(self, transaction: Transaction, incident_id: str, form: dict[str, str], login: str) -> ProposalRecord:
        one = _found(transaction, incident_id, None)
        kind, _space, name = form.get("what", "").partition(" ")
        arguments = {"system": name}
        if kind.startswith("certificate."):
            arguments = {"agency": one.agency_code, "certificate": name}
        elif kind.startswith("system."):
            served = alerting.reach(transaction, one).system
            if served is None or served.id != name:
                raise Refused("request-invalid", "not the agency's system", "what")
        if kind in SUSPENDING:
            return self.desk.context.proposals.act(transaction, kind, arguments, form.get("reason", ""), login)
        if kind in RESUMING:
            return self.desk.context.proposals.ask(transaction, kind, arguments, form.get("reason", ""), login)
        raise Refused("request-invalid", "choose what to shut out or to let in", "what")

    async def close(self, request: Request) -> Response:
        visitor, form = self.desk.visitor(request), await form_of(request)
        identifier, outcome = request.path_params["incident_id"], form.get("outcome", "")
        try:
            await self.desk.ledger.write(reporting.close, identifier, visitor.person.login, outcome)
        except Refused as refusal:
            if refusal.code not in MENDABLE:
                raise
            return await self._show(request, form, refusal)
        return RedirectResponse(f"/incidents/{identifier}", 303)


def _found(transaction: Transaction, incident_id: str, own_agency: str | None) -> Incident:
    found = incidents.find(transaction, incident_id)
    if found is None or own_agency not in (None, found.agency_code):
        raise Refused("not-found", incident_id)
    return found


def _read(transaction: Transaction, incident_id: str, own_agency: str | None) -> dict[str, Any]:
    one = _found(transaction, incident_id, own_agency)
    reach = alerting.reach(transaction, one)
    subjects = [one.agency_code, *([reach.system.name] if reach.system else [])]
    waiting = [record for subject in subjects for record in proposals.of_subject(transaction, subject)]
    return {"one": one, "reach": reach, "decisions": waiting}

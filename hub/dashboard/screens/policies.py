"""Policies: rules that are more or less severe until a day; deadlines and retention as they are set."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub import clock
from hub.dashboard import lateness, moments, rulebook
from hub.dashboard.desk import Desk
from hub.dashboard.forms import day_in, form_of, text_of
from hub.dashboard.retaining import class_titles
from hub.ledger import Transaction, journey, overrides, registration
from hub.problems import Refused, explain
from hub.proposals.rules import changeable, eased_by_removal, weakens_all
from hub.registry.model import SEVERITIES

MENDABLE = {"registry-invalid", "registry-unknown", "request-invalid", "reason-missing"}


class PolicyScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/policies", self.policies, methods=["GET"])
        router.add_api_route("/policies", self.put, methods=["POST"])
        router.add_api_route("/policies/remove", self.remove, methods=["POST"])

    async def policies(self, request: Request) -> Response:
        return await self._page(request, {"agency": text_of(request, "agency"), "rule": text_of(request, "rule")})

    async def put(self, request: Request) -> Response:
        """For one agency, or more severe for all, at once; what asks less of all is proposed to a colleague."""
        form, login = await form_of(request), self.desk.visitor(request).person.login
        try:
            until = day_in(form, "until")
            if until is None:
                raise Refused("request-invalid", "the last day on which it holds", "until")
            proposal = await self.desk.ledger.write(self._put, form, until, login)
        except Refused as refusal:
            return await self._mend(request, refusal, form)
        return RedirectResponse(f"/decisions/{proposal}" if proposal else "/policies", 303)

    async def remove(self, request: Request) -> Response:
        form, login = await form_of(request), self.desk.visitor(request).person.login
        try:
            await self.desk.ledger.write(_remove, form, login)
        except Refused as refusal:
            return await self._mend(request, refusal, form)
        return RedirectResponse("/policies", 303)

    def _put(self, transaction: Transaction, form: dict[str, str], until: date, login: str) -> str:
        """The identifier of the proposal; empty when it was set at once."""
        rule, today = changeable(form.get("rule", "")), moments.local(clock.now()).date()
        agency, wanted = form.get("agency", "").strip(), form.get("severity", "")
        reason = " ".join(form.get("reason", "").split())
        if wanted not in SEVERITIES:
            raise Refused("registry-invalid", f"{wanted}: one of {', '.join(SEVERITIES)}", "severity")
        if weakens_all(overrides.every(transaction, today), agency, rule, wanted, today):
            arguments = {"rule": rule.name, "severity": wanted, "until": until.isoformat(), "reason": reason}
            return self.desk.context.proposals.ask(transaction, "rule.set", arguments, reason, login).id
        registration.set_rule(transaction, agency, rule.name, wanted, until, reason, actor=f"person:{login}")
        return ""

    async def _mend(self, request: Request, refusal: Refused, form: dict[str, str]) -> Response:
        if refusal.code not in MENDABLE:
            raise refusal
        return await self._page(request, form, refusal)

    async def _page(self, request: Request, form: dict[str, str], refusal: Refused | None = None) -> Response:
        profile, today = self.desk.context.policy.profile, moments.local(clock.now()).date()
        found = rulebook.exceptions(await self.desk.ledger.read(overrides.every, today), profile, today, None)
        retention = self.desk.context.purges.policy
        values = {
            "exceptions": found,
            "names": await self.desk.ledger.read(journey.agency_names, {one.agency for one in found} - {""}),
            "rules": [one for group in rulebook.groups(profile) for one in group.rows if not one.fixed],
            "severities": [(name, rulebook.severity(name).word) for name in SEVERITIES],
            "today": today,
            "classes": lateness.classes(self.desk.context.chases.policy),
            "kept": retention.classes,
            "titles": class_titles(retention),
            "given": form,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "policies/page.html", values, section="policies", status=status)


def _remove(transaction: Transaction, form: dict[str, str], login: str) -> None:
    """Raises ``Refused('registry-invalid')`` where less would be asked of all agencies: that takes two people."""
    agency, name = form.get("agency", "").strip(), form.get("rule", "").strip()
    rule, today = changeable(name), moments.local(clock.now()).date()
    if eased_by_removal(overrides.every(transaction, today), agency, rule, today):
        raise Refused("registry-invalid", f"{name}: propose the profile's severity for all instead", "rule")
    registration.remove_rule(transaction, agency, name, actor=f"person:{login}")

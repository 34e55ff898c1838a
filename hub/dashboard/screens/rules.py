"""What every letter is asked, in which order, how severely, and who is excepted until when."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import lateness, moments, rulebook
from hub.dashboard.desk import Desk
from hub.ledger import journey, overrides


class RuleScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/rules", self.rules, methods=["GET"])

    async def rules(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        profile, today = self.desk.context.policy.profile, moments.local(clock.now()).date()
        found = await self.desk.ledger.read(overrides.every, today)
        exceptions = rulebook.exceptions(found, profile, today, visitor.own_agency)
        values = {
            "checks": rulebook.checks(),
            "profile": profile,
            "groups": rulebook.groups(profile),
            "exceptions": exceptions,
            "classes": lateness.classes(self.desk.context.chases.policy),
            "names": await self.desk.ledger.read(journey.agency_names, {one.agency for one in exceptions} - {""}),
        }
        return self.desk.page(request, "rules/page.html", values, section="rules")

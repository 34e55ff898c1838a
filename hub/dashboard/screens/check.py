"""Checking a letter before it is sent: the verdict that the hub would give, explained. Nothing is stored or logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import language
from hub.dashboard import explanation
from hub.dashboard.access import Visitor
from hub.dashboard.desk import Desk
from hub.dashboard.events import Finding, finding_of
from hub.dashboard.explanation import Revocation, Verdict
from hub.dashboard.uploads import Upload, uploaded
from hub.dashboard.wording import Tag
from hub.ledger import agencies, journey
from hub.problems import Deferred, HubError, explain
from hub.registry.model import Agency

FIELD = "envelope"


@dataclass(frozen=True, slots=True)
class Explained:
    """The report in the reader's words; ``system`` is the one in whose name an operator's file was judged."""

    verdict: Verdict
    findings: list[Finding]
    warnings: list[Finding]
    questions: list[Tag]
    revocations: list[Revocation]
    checks: list[tuple[Any, Tag]]
    system: str


class CheckScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/check", self.form, methods=["GET"])
        router.add_api_route("/check", self.check, methods=["POST"])

    async def form(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        return self._page(request, visitor, {})

    async def check(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        context = self.desk.context
        try:
            async with uploaded(request, FIELD, context.largest_envelope, context.payloads) as upload:
                report, system = await self._report(visitor, upload)
        except HubError as error:
            return self._failed(request, visitor, error)
        values = {"report": report, "explained": self._explained(report, system), "name": upload.name}
        return self._page(request, visitor, values)

    async def _report(self, visitor: Visitor, upload: Upload) -> tuple[dict[str, Any], str]:
        """The report, judged as the system of the reader's own agency would get it.

        Who belongs to no agency asks for the sender: for the system that serves the agency which a valid signature
        names. The first look finds that agency, the second judges for its system.
        """
        explain_it, spoken = self.desk.context.explain, language.current.get()
        if visitor.own_agency is not None:
            agency = await self._agency(visitor.own_agency)
            return await explain_it(upload.body, "" if agency is None else agency.system_id, spoken), ""
        report = await explain_it(upload.body, "", spoken)
        document = report["document"]
        sender = None if document is None else await self._agency(document["sender"])
        if sender is None:
            return report, ""
        report = await explain_it(upload.body, sender.system_id, spoken)
        names = await self.desk.ledger.read(journey.system_names, {sender.system_id})
        return report, names.get(sender.system_id, "")

    async def _agency(self, code: str) -> Agency | None:
        return (await self.desk.ledger.read(agencies.find, [code])).get(code)

    def _explained(self, report: dict[str, Any], system: str) -> Explained:
        signature = report["signature"]
        return Explained(
            verdict=explanation.verdict(report),
            findings=[finding_of(row, self.desk.context.policy.profile) for row in report["findings"]],
            warnings=[finding_of(row, self.desk.context.policy.profile) for row in report["warnings"]],
            questions=explanation.questions(signature),
            revocations=explanation.revocations(signature.get("revocation")),
            checks=explanation.check_outcomes(report),
            system=system,
        )

    def _failed(self, request: Request, visitor: Visitor, error: HubError) -> Response:
        problem = explain(error.code)
        words = problem.title(language.current.get())
        response = self._page(request, visitor, {"problem": f"{words}.", "status": problem.status})
        if isinstance(error, Deferred):
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    def _page(self, request: Request, visitor: Visitor, values: dict[str, Any]) -> Response:
        blank: dict[str, Any] = {"report": None, "explained": None, "name": "", "problem": "", "status": 200}
        shown = blank | {"limit": self.desk.context.largest_envelope} | values
        status = shown.pop("status")
        return self.desk.page(request, "check/page.html", shown, section="check", status=status)

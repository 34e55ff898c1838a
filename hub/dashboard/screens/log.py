"""The exchange log for operators and auditors: every step, newest first, filtered."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.audit import Entry, Event
from hub.dashboard.desk import REFRESH_HEADER, Desk, with_query
from hub.dashboard.events import KINDS, actor, look, reason, sentence
from hub.dashboard.forms import day_of, number_of, text_of
from hub.ledger import journey, log_pages
from hub.ledger.log_pages import LogFilters

GROUPS = ("operator", "envelope", "delivery", "status", "policy", "registry", "person")


class LogScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/log", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = await self.desk.log_reader(request)
        kind = text_of(request, "kind")
        wanted = LogFilters(
            kind=kind if kind in KINDS or kind in GROUPS else "",
            agency=text_of(request, "agency"),
            document_id=text_of(request, "document"),
            code=text_of(request, "code"),
            first_day=day_of(request, "from"),
            last_day=day_of(request, "to"),
        )
        query = {
            "kind": wanted.kind,
            "agency": wanted.agency,
            "document": wanted.document_id,
            "code": wanted.code,
            "from": wanted.first_day,
            "to": wanted.last_day,
        }
        before, after = number_of(request, "before"), number_of(request, "after")
        await self._record(request, visitor.person.login, {name: str(value) for name, value in query.items() if value})
        found = await self.desk.ledger.read(log_pages.page, wanted, before=before, after=after)
        names = await self.desk.ledger.read(journey.names_of, found.entries)
        values = {
            "lines": [
                (entry, sentence(entry, names), look(entry.kind), reason(entry), actor(entry, names))
                for entry in found.entries
            ],
            "pretty": lambda detail: json.dumps(detail, ensure_ascii=False, indent=2, sort_keys=True),
            "filters": wanted,
            "filtered": any(query.values()),
            "groups": GROUPS,
            "kinds": KINDS,
            "older": with_query("/log", query | {"before": found.older}) if found.older else "",
            "newer": with_query("/log", query | {"after": found.newer}) if found.newer else "",
            "first": with_query("/log", query),
        }
        return self.desk.page(request, "log/list.html", values, person=visitor.person, section="log")

    async def _record(self, request: Request, login: str, query: dict[str, str]) -> None:
        """Whoever reads the log leaves a line in it; the page script's own repeats do not."""
        if REFRESH_HEADER not in request.headers:
            entry = Entry(Event.LOG_QUERIED, clock.now(), actor=f"person:{login}", detail={"filters": query})
            await self.desk.ledger.write(self.desk.context.record, [entry])

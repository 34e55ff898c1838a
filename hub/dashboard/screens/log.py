"""The exchange log for operators and auditors: every step, newest first, by every question they may have of it."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard import auditing
from hub.dashboard.desk import Desk
from hub.dashboard.events import actor, look, reason, sentence
from hub.dashboard.forms import text_of
from hub.ledger import journey, question_entries
from hub.ledger.question_entries import EntryPage
from hub.ledger.questions import Question
from hub.problems import Refused


class LogScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/log", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        asked, after = auditing.asked_in(request, visitor), text_of(request, "after")
        await auditing.record(self.desk, request, visitor, "entries", asked)
        found = await self._page(asked, after)
        names = await self.desk.ledger.read(journey.names_of, found.rows)
        older = found.next if found.more else ""
        values = await auditing.values(self.desk, visitor, "entries", asked, older, after)
        values |= {
            "lines": [
                (entry, sentence(entry, names), look(entry.kind), reason(entry), actor(entry, names))
                for entry in found.rows
            ],
            "pretty": lambda detail: json.dumps(detail, ensure_ascii=False, indent=2, sort_keys=True),
        }
        return self.desk.page(request, "log/list.html", values, section="log")

    async def _page(self, asked: Question, after: str) -> EntryPage:
        try:
            return await self.desk.ledger.read(question_entries.page, asked, order="newest", after=after)
        except Refused:  # a cursor that no page has given out: from the beginning
            return await self.desk.ledger.read(question_entries.page, asked, order="newest")

"""Questions that a person keeps, and lists as files."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from hub import language
from hub.audit import sheets
from hub.dashboard import auditing
from hub.dashboard.desk import Desk, with_query
from hub.dashboard.forms import choice_of, form_of
from hub.ledger import exporting, saved_questions
from hub.ledger.exporting import Export, Format
from hub.ledger.saved_questions import What
from hub.problems import Refused


class QuestionScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/log/export", self.export, methods=["GET"])
        router.add_api_route("/questions", self.keep, methods=["POST"])
        router.add_api_route("/questions/forget", self.forget, methods=["POST"])

    async def export(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        what, form = choice_of(request, "what", tuple(auditing.ADDRESS)), choice_of(request, "format", sheets.FORMATS)
        if not what or not form:
            raise Refused("not-found")
        if what == "entries" and not visitor.reads_log:
            raise Refused("forbidden", "entries are for those who read the log")
        asked = auditing.asked_in(request, visitor)
        wanted = Export(
            cast(What, what),
            cast(Format, form),
            asked,
            "newest",
            asker=auditing.owner_of(visitor),
            seen_by=visitor.own_agency,
            language=language.current.get(),
        )
        body = await exporting.started(self.desk.ledger, wanted)
        await self.desk.ledger.write(self.desk.context.record, [wanted.entry()])
        headers = {"Content-Disposition": f'attachment; filename="{wanted.file_name}"'}
        return StreamingResponse(body, media_type=sheets.MEDIA_TYPES[form], headers=headers)

    async def keep(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        form = await form_of(request)
        what = form.pop("what", "")
        if what not in auditing.ADDRESS:
            raise Refused("request-invalid", "", "what")
        name = form.pop("name", "")
        owner = auditing.owner_of(visitor)
        kept = await self.desk.ledger.write(saved_questions.keep, owner, name, what, form)
        return RedirectResponse(with_query(auditing.ADDRESS[kept.what], kept.filters), 303)

    async def forget(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        form = await form_of(request)
        owner = auditing.owner_of(visitor)
        await self.desk.ledger.write(saved_questions.remove, owner, form.get("id", ""))
        what = form.get("what", "")
        return RedirectResponse(auditing.ADDRESS.get(cast(What, what), "/messages"), 303)

"""Messages, one row for each letter and recipient, as auditors ask for them; an agency's own people see only theirs."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard import auditing, wording
from hub.dashboard.desk import Desk
from hub.dashboard.forms import text_of
from hub.ledger import Transaction, journey, question_messages
from hub.ledger.question_messages import MessagePage
from hub.ledger.questions import Question
from hub.problems import Refused

# what becomes of a message: the state of a delivery that the tag shows
_SHOWN = {"waiting": "ready", "delivered": "settled", "declined": "refused"}


class MessageScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/messages", self.listing, methods=["GET"])

    async def listing(self, request: Request) -> Response:
        visitor = self.desk.visitor(request)
        asked, after = auditing.asked_in(request, visitor), text_of(request, "after")
        await auditing.record(self.desk, request, visitor, "messages", asked)
        found, names = await self.desk.ledger.read(_page, asked, after, visitor.own_agency)
        values = await auditing.values(self.desk, visitor, "messages", asked, found.older, after)
        values |= {
            "rows": [(row, wording.tag(row.code or _SHOWN.get(row.outcome, row.outcome))) for row in found.rows],
            "names": names,
        }
        section = "log" if visitor.reads_log else "envelopes"
        return self.desk.page(request, "log/messages.html", values, section=section)


def _page(
    transaction: Transaction, asked: Question, after: str, seen_by: str | None
) -> tuple[MessagePage, dict[str, str]]:
    try:
        found = question_messages.page(transaction, asked, before=after, seen_by=seen_by)
    except Refused:  # a cursor that no page has given out: from the beginning
        found = question_messages.page(transaction, asked, seen_by=seen_by)
    codes = {row.sender for row in found.rows} | {row.recipient for row in found.rows}
    return found, journey.agency_names(transaction, codes - {""})
